package wire

import (
	"context"
	"io"
	"maps"

	"davit/backend/api"
)

// method answers one request. An error that it returns has not been told to
// the client yet.
type method func(x *exchange) error

// methods is the whole API: a line for each method of api.Service, which a
// test compares with the interface. The adapter says the shape of the call.
func methods() map[string]method {
	all := map[string]method{
		"Containers":   query1(api.Service.Containers),
		"Container":    query1(api.Service.Container),
		"Create":       query1(api.Service.Create),
		"Start":        command1(api.Service.Start),
		"Stop":         command2(api.Service.Stop),
		"Restart":      command2(api.Service.Restart),
		"Kill":         command2(api.Service.Kill),
		"Remove":       command2(api.Service.Remove),
		"Pause":        command1(api.Service.Pause),
		"Unpause":      command1(api.Service.Unpause),
		"Rename":       command2(api.Service.Rename),
		"Update":       command2(api.Service.Update),
		"Top":          query1(api.Service.Top),
		"Stats":        stream1(api.Service.Stats),
		"StatsHistory": query2(api.Service.StatsHistory),
		"CheckHealth":  query1(api.Service.CheckHealth),
		"Wait":         query1(api.Service.Wait),
		"WaitUntil":    query2(api.Service.WaitUntil),
		"Logs":         stream2(api.Service.Logs),
		"Attach":       session2(api.Service.Attach),
		"Exec":         session2(api.Service.Exec),

		"Operations":      query0(api.Service.Operations),
		"Operation":       query1(api.Service.Operation),
		"WatchOperation":  stream1(api.Service.WatchOperation),
		"CancelOperation": command1(api.Service.CancelOperation),

		"PauseOperation":   command1(api.Service.PauseOperation),
		"ResumeOperation":  command1(api.Service.ResumeOperation),
		"MoveOperation":    command2(api.Service.MoveOperation),
		"ResumeOperations": command0(api.Service.ResumeOperations),

		"Events":       stream1(api.Service.Events),
		"PastEvents":   query1(api.Service.PastEvents),
		"Resume":       command0(api.Service.Resume),
		"Autostart":    query0(api.Service.Autostart),
		"SetAutostart": query1(api.Service.SetAutostart),
		"Info":         query0(api.Service.Info),
		"Doctor":       query0(api.Service.Doctor),
		"Mend":         command1(api.Service.Mend),
	}
	maps.Copy(all, imageMethods())
	maps.Copy(all, networkMethods())
	return all
}

// imageMethods are those on images and registries.
func imageMethods() map[string]method {
	return map[string]method{
		"Images":       query1(api.Service.Images),
		"Image":        query1(api.Service.Image),
		"ResolveImage": query1(api.Service.ResolveImage),
		"Pull":         query1(api.Service.Pull),
		"Load":         upload(api.Service.Load),
		"LoadPath":     query1(api.Service.LoadPath),
		"LoadSample":   query0(api.Service.LoadSample),
		"Save":         download2(api.Service.Save),
		"Tag":          command2(api.Service.Tag),
		"RemoveImage":  query2(api.Service.RemoveImage),

		"Push":        query1(api.Service.Push),
		"Import":      upload1(api.Service.Import),
		"Commit":      query1(api.Service.Commit),
		"Export":      download1(api.Service.Export),
		"Changes":     query1(api.Service.Changes),
		"PruneImages": query1(api.Service.PruneImages),
		"DiskUsage":   query0(api.Service.DiskUsage),
		"CheckImages": stream1(api.Service.CheckImages),
		"SaveTo":      query1(api.Service.SaveTo),

		"Trash":        query0(api.Service.Trash),
		"RestoreImage": query1(api.Service.RestoreImage),
		"EmptyTrash":   query1(api.Service.EmptyTrash),
		"OtherStores":  query0(api.Service.OtherStores),
		"ImportFrom":   query1(api.Service.ImportFrom),

		"ImageFiles":    query1(api.Service.ImageFiles),
		"ImageFile":     download1(api.Service.ImageFile),
		"LayerChanges":  query2(api.Service.LayerChanges),
		"Waste":         query1(api.Service.Waste),
		"CompareImages": query2(api.Service.CompareImages),
		"PreviewImage":  query1(api.Service.PreviewImage),
		"FetchLayer":    query2(api.Service.FetchLayer),
		"ImageTree":     query0(api.Service.ImageTree),

		"Repository":     query1(api.Service.Repository),
		"Manifest":       query2(api.Service.Manifest),
		"PullQuota":      query0(api.Service.PullQuota),
		"SetRegistry":    command1(api.Service.SetRegistry),
		"RemoveRegistry": command1(api.Service.RemoveRegistry),
		"ProbeRegistry":  query1(api.Service.ProbeRegistry),

		"RegistrySettings":    query0(api.Service.RegistrySettings),
		"SetRegistrySettings": command1(api.Service.SetRegistrySettings),

		"Registries": query0(api.Service.Registries),
		"Search":     stream1(api.Service.Search),
		"Tags":       query2(api.Service.Tags),
		"Login":      command1(api.Service.Login),
		"Logout":     command1(api.Service.Logout),
	}
}

// networkMethods are those of api.Networks.
func networkMethods() map[string]method {
	return map[string]method{
		"Networks":      query0(api.Service.Networks),
		"Network":       query1(api.Service.Network),
		"CreateNetwork": query1(api.Service.CreateNetwork),
		"RemoveNetwork": command2(api.Service.RemoveNetwork),
		"PruneNetworks": query0(api.Service.PruneNetworks),
		"Connect":       command3(api.Service.Connect),
		"Disconnect":    command2(api.Service.Disconnect),
		"Publish":       query2(api.Service.Publish),
		"SetOffline":    command2(api.Service.SetOffline),
		"Connections":   query1(api.Service.Connections),
	}
}

func query0[R any](f func(api.Service, context.Context) (R, error)) method {
	return func(x *exchange) error {
		if err := x.args(); err != nil {
			return err
		}
		r, err := f(x.service, x.r.Context())
		return x.result(r, err)
	}
}

func query1[A, R any](f func(api.Service, context.Context, A) (R, error)) method {
	return func(x *exchange) error {
		var a A
		if err := x.args(&a); err != nil {
			return err
		}
		r, err := f(x.service, x.r.Context(), a)
		return x.result(r, err)
	}
}

func query2[A, B, R any](f func(api.Service, context.Context, A, B) (R, error)) method {
	return func(x *exchange) error {
		var a A
		var b B
		if err := x.args(&a, &b); err != nil {
			return err
		}
		r, err := f(x.service, x.r.Context(), a, b)
		return x.result(r, err)
	}
}

func command0(f func(api.Service, context.Context) error) method {
	return query0(func(s api.Service, ctx context.Context) (any, error) { return nil, f(s, ctx) })
}

func command1[A any](f func(api.Service, context.Context, A) error) method {
	return query1(func(s api.Service, ctx context.Context, a A) (any, error) {
		return nil, f(s, ctx, a)
	})
}

func command2[A, B any](f func(api.Service, context.Context, A, B) error) method {
	return query2(func(s api.Service, ctx context.Context, a A, b B) (any, error) {
		return nil, f(s, ctx, a, b)
	})
}

func command3[A, B, C any](f func(api.Service, context.Context, A, B, C) error) method {
	return func(x *exchange) error {
		var a A
		var b B
		var c C
		if err := x.args(&a, &b, &c); err != nil {
			return err
		}
		return x.result(nil, f(x.service, x.r.Context(), a, b, c))
	}
}

func stream1[A, T any](f func(api.Service, context.Context, A, func(T) error) error) method {
	return func(x *exchange) error {
		var a A
		if err := x.args(&a); err != nil {
			return err
		}
		out := newItems(x)
		defer out.close()
		return out.end(f(x.service, x.r.Context(), a, func(t T) error { return out.item(&t) }))
	}
}

func stream2[A, B, T any](f func(api.Service, context.Context, A, B, func(T) error) error) method {
	return func(x *exchange) error {
		var a A
		var b B
		if err := x.args(&a, &b); err != nil {
			return err
		}
		out := newItems(x)
		defer out.close()
		return out.end(f(x.service, x.r.Context(), a, b, func(t T) error { return out.item(&t) }))
	}
}

func session2[A, B any](f func(api.Service, context.Context, A, B) (*api.Session, error)) method {
	return func(x *exchange) error {
		var a A
		var b B
		if err := x.wantsUpgrade(); err != nil {
			return err
		}
		if err := x.args(&a, &b); err != nil {
			return err
		}
		s, err := f(x.service, x.r.Context(), a, b)
		if err != nil {
			return err
		}
		return x.upgrade(s)
	}
}

func upload[R any](f func(api.Service, context.Context, io.Reader) (R, error)) method {
	return func(x *exchange) error {
		r, err := f(x.service, x.r.Context(), x.r.Body)
		if err != nil {
			return x.refuseBody(err)
		}
		return x.result(r, nil)
	}
}

func download2[A, B any](f func(api.Service, context.Context, A, B, io.Writer) error) method {
	return func(x *exchange) error {
		var a A
		var b B
		if err := x.args(&a, &b); err != nil {
			return err
		}
		out := &raw{x: x}
		return out.end(f(x.service, x.r.Context(), a, b, out))
	}
}
