package wire

import (
	"context"
	"io"

	"davit/backend/api"
)

func (c *client) Files(ctx context.Context, q api.DirQuery) (api.DirPage, error) {
	return query[api.DirPage](ctx, c, "Files", q)
}

func (c *client) FileInfo(ctx context.Context, q api.InfoQuery) (api.FileInfo, error) {
	return query[api.FileInfo](ctx, c, "FileInfo", q)
}

func (c *client) ReadFile(ctx context.Context, q api.ReadQuery, w io.Writer) error {
	return c.download(ctx, w, "ReadFile", q)
}

func (c *client) WriteFile(ctx context.Context, s api.WriteSpec, r io.Reader) (api.FileInfo, error) {
	return send[api.FileInfo](ctx, c, r, "WriteFile", s)
}

func (c *client) MakeDir(ctx context.Context, at api.FilePath) (api.FileInfo, error) {
	return query[api.FileInfo](ctx, c, "MakeDir", at)
}

func (c *client) MoveFile(ctx context.Context, at api.FilePath, to string) error {
	return c.command(ctx, "MoveFile", at, api.RawPath(to))
}

func (c *client) DeleteFile(ctx context.Context, at api.FilePath) error {
	return c.command(ctx, "DeleteFile", at)
}

func (c *client) ChangeFile(ctx context.Context, s api.FileChange) error {
	return c.command(ctx, "ChangeFile", s)
}

func (c *client) GetArchive(ctx context.Context, q api.ArchiveQuery, w io.Writer) error {
	return c.download(ctx, w, "GetArchive", q)
}

func (c *client) PutArchive(ctx context.Context, s api.ArchiveSpec, r io.Reader) (api.Unpacked, error) {
	return send[api.Unpacked](ctx, c, r, "PutArchive", s)
}

func (c *client) Shells(ctx context.Context, ref string) (api.Shells, error) {
	return query[api.Shells](ctx, c, "Shells", ref)
}

func (c *client) SignalProcess(ctx context.Context, ref string, pid int, signal string) error {
	return c.command(ctx, "SignalProcess", ref, pid, signal)
}

func moveFile(s api.Service, ctx context.Context, at api.FilePath, to api.RawPath) error {
	return s.MoveFile(ctx, at, string(to))
}

func fileMethods() map[string]method {
	return map[string]method{
		"Files":      query1(api.Service.Files),
		"FileInfo":   query1(api.Service.FileInfo),
		"ReadFile":   download1(api.Service.ReadFile),
		"WriteFile":  upload1(api.Service.WriteFile),
		"MakeDir":    query1(api.Service.MakeDir),
		"MoveFile":   command2(moveFile),
		"DeleteFile": command1(api.Service.DeleteFile),
		"ChangeFile": command1(api.Service.ChangeFile),
		"GetArchive": download1(api.Service.GetArchive),
		"PutArchive": upload1(api.Service.PutArchive),
		"Shells":     query1(api.Service.Shells),

		"SignalProcess": command3(api.Service.SignalProcess),
	}
}
