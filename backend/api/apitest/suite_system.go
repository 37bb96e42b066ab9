package apitest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"davit/backend/api"
)

func testRegistries(s *suite) {
	list, err := s.Service.Registries(s.ctx())
	s.ok(err)
	for _, r := range list {
		if r.Host == "" || r.Kind == "" || r.Source == "" {
			s.Errorf("registry %+v", r)
		}
	}
}

func testSearch(s *suite) {
	if s.SearchTerm == "" || s.TagsOf == "" {
		s.Fatal("Setup.SearchTerm or TagsOf is missing, and Without does not say why")
	}
	found, asked := 0, map[string]bool{}
	s.ok(s.Service.Search(s.ctx(), api.SearchQuery{Term: s.SearchTerm}, func(p api.SearchPage) error {
		if p.Registry == "" || asked[p.Registry] {
			s.Errorf("a second page of %q", p.Registry)
		}
		asked[p.Registry] = true
		for _, r := range p.Results {
			if !strings.Contains(r.Name, "/") {
				s.Errorf("%q is no complete name", r.Name)
			}
		}
		found += len(p.Results)
		return nil
	}))
	if found == 0 {
		s.Errorf("nothing was found for %q", s.SearchTerm)
	}
	enough := errors.New("enough")
	err := s.Service.Search(s.ctx(), api.SearchQuery{Term: s.SearchTerm}, func(api.SearchPage) error { return enough })
	if !errors.Is(err, enough) {
		s.Errorf("%v, want the sink's own error", err)
	}
	s.want(api.KindInvalid, s.Service.Search(s.ctx(), api.SearchQuery{Term: " "}, func(api.SearchPage) error { return nil }))
	tags, err := s.Service.Tags(s.ctx(), s.TagsOf, api.RegistryAccess{})
	s.ok(err)
	if len(tags.Tags) == 0 || !strings.Contains(tags.Repository, "/") {
		s.Errorf("tags of %s: %+v", s.TagsOf, tags)
	}
}

func testLogin(s *suite) {
	if s.Registry == "" {
		s.Fatal("Setup.Registry is missing, and Without does not say why")
	}
	l := api.Login{Registry: s.Registry, Username: s.Username, Password: "wrong"}
	s.want(api.KindDenied, s.Service.Login(s.ctx(), l))
	l.Password = s.Password
	s.ok(s.Service.Login(s.ctx(), l))
	list, err := s.Service.Registries(s.ctx())
	s.ok(err)
	if !slices.ContainsFunc(list, func(r api.Registry) bool { return r.Host == s.Registry && r.User == s.Username }) {
		s.Errorf("not logged in to %s: %+v", s.Registry, list)
	}
	s.ok(s.Service.Logout(s.ctx(), s.Registry))
	s.want(api.KindNotFound, s.Service.Logout(s.ctx(), s.Registry))
}

// events collects until one of an action on id is there.
func (s *suite) events(cursor uint64, id, action string, began func(hello api.Event)) (all []api.Event) {
	s.Helper()
	enough := errors.New("enough")
	err := s.Service.Events(s.ctx(), cursor, func(e api.Event) error {
		all = append(all, e)
		if len(all) == 1 {
			began(e)
		}
		if e.ID == id && e.Action == action {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		s.Fatalf("%v: no %s of %s in %+v", err, action, id, all)
	}
	return all
}

func testEvents(s *suite) {
	c := s.sh("exit 2")
	all := s.events(0, c.ID, "destroy", func(e api.Event) {
		if e.Type != "hello" || e.Cursor == 0 {
			s.Errorf("first event %+v, want hello with a cursor", e)
		}
		go func() {
			_ = s.Service.Start(s.Context(), c.ID)
			_, _ = s.Service.Wait(s.Context(), c.ID)
			_ = s.Service.Remove(s.Context(), c.ID, api.RemoveOptions{})
		}()
	})
	var actions []string
	for i, e := range all[1:] {
		if e.Cursor <= all[i].Cursor {
			s.Errorf("cursor %d after %d", e.Cursor, all[i].Cursor)
		}
		if e.ID == c.ID && slices.Contains([]string{"start", "die", "destroy"}, e.Action) {
			actions = append(actions, e.Action)
			if e.Type != "container" || e.Time.IsZero() || e.Name != c.Name {
				s.Errorf("%+v", e)
			}
		}
	}
	if !slices.Equal(actions, []string{"start", "die", "destroy"}) {
		s.Errorf("%q, want start, die, destroy", actions)
	}
}

// Who listens and then asks for what was before has all of it, and knows what
// came both ways.
func testEventsOnce(s *suite) {
	type key struct {
		time             int64
		id, name, action string
	}
	of := func(e api.Event) key { return key{e.Time.UnixNano(), e.ID, e.Name, e.Action} }
	began := time.Now().Add(-time.Second)
	before, _ := s.run("exit 2")
	during := s.sh("exit 3")
	actions := map[string][]string{}
	past := map[key]bool{}
	enough := errors.New("enough")
	err := s.Service.Events(s.ctx(), 0, func(e api.Event) error {
		if e.Type == "hello" {
			s.start(during.ID) // comes both ways
			list, err := s.Service.PastEvents(s.ctx(), api.EventQuery{Since: began})
			s.ok(err)
			for _, e := range list {
				past[of(e)] = true
				actions[e.ID] = append(actions[e.ID], e.Action)
			}
			go func() {
				_, _ = s.Service.Wait(s.Context(), during.ID)
				_ = s.Service.Remove(s.Context(), during.ID, api.RemoveOptions{})
			}()
			return nil
		}
		if e.Action != "" && !past[of(e)] {
			actions[e.ID] = append(actions[e.ID], e.Action)
		}
		if e.ID == during.ID && e.Action == "destroy" {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		s.Fatalf("%v: %q", err, actions)
	}
	for id, want := range map[string]string{before.ID: "create start die", during.ID: "create start die destroy"} {
		if got := strings.Join(actions[id], " "); got != want {
			s.Errorf("%s, want %s", got, want)
		}
	}
}

func testEventsResume(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx())
	defer cancel()
	var cursor uint64
	err := s.Service.Events(ctx, 0, func(e api.Event) error {
		cursor = e.Cursor
		cancel()
		return nil
	})
	s.want(api.KindCancelled, err)
	c := s.sh("true") // while nobody listens
	all := s.events(cursor, c.ID, "create", func(api.Event) {})
	if all[0].Type != "hello" || all[0].Cursor != cursor {
		s.Errorf("resumed with %+v, want hello at %d", all[0], cursor)
	}
}

func testInfo(s *suite) {
	c := s.sh("sleep 100")
	s.start(c.ID)
	i, err := s.Service.Info(s.ctx())
	s.ok(err)
	if i.Version == "" || i.Architecture == "" || i.Kernel == "" || i.CPUs < 1 || i.Memory < 1 || i.StoreDir == "" {
		s.Errorf("%+v", i)
	}
	if i.Containers < 1 || i.Running < 1 || i.Images < 1 {
		s.Errorf("%d containers, %d running, %d images", i.Containers, i.Running, i.Images)
	}
}

func testDoctor(s *suite) {
	list, err := s.Service.Doctor(s.ctx())
	s.ok(err)
	for _, c := range list {
		if c.ID == "" || c.Title == "" || c.Found == "" || c.Means == "" || (c.Fix == "") != (c.FixWhy == "") {
			s.Errorf("%+v says not all that it should", c)
		}
	}
	if len(list) < 5 {
		s.Errorf("only %d checks", len(list))
	}
	if err := s.Service.Mend(s.ctx(), api.MendRequest{Apply: []api.MendStep{{Action: "no such action"}}}); err == nil {
		s.Errorf("what is no action was carried out")
	}
}

// A call whose time is over before it begins does nothing.
func testCancelled(s *suite) {
	ctx, cancel := context.WithDeadline(s.Context(), time.Now().Add(-time.Second))
	defer cancel()
	none := name()
	_, err := s.Service.Create(ctx, api.RunSpec{Image: s.Image, Name: none, Command: []string{"true"}})
	s.want(api.KindCancelled, err)
	_, err = s.Service.Container(s.ctx(), none)
	s.want(api.KindNotFound, err)
	_, err = s.Service.Containers(ctx, api.ContainerFilter{})
	s.want(api.KindCancelled, err)
}
