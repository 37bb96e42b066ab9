package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"syscall"
	"time"

	"davit/backend/api"
)

// entries is how many files a large directory has.
const entries = 10_000

// files times a large directory as the page has it: over HTTP from the front
// that `davit serve` is, in the pages that it asks for. No peer shows files.
func (b *bench) files(ctx context.Context) (err error) {
	davit := b.tools[0]
	for _, args := range [][]string{
		davit.container("run", []string{"-d", "--name", "full", "-v", "full:/volume"}, patient...),
		{"exec", "full", "busybox", "mkdir", "/written"},
		{"exec", "full", "sh", "-c", littered("/written")},
		{"exec", "full", "sh", "-c", littered("/volume")},
	} {
		if _, err := davit.run(ctx, args...); err != nil {
			return err
		}
	}
	p, err := b.servedPage(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close(), typed("rm", "-f", "full")(ctx, davit)) }()
	for _, place := range []struct {
		what string
		at   api.FilePath
	}{
		{"of a container", api.FilePath{Container: "full", Path: "/written"}},
		{"of a volume", api.FilePath{Volume: "full"}},
	} {
		for range b.rounds {
			if err := b.directory(ctx, p, place.what, place.at); err != nil {
				return err
			}
		}
	}
	return nil
}

func littered(dir string) string {
	return fmt.Sprintf(`cd %s && busybox seq -w %d | busybox sed 's/.*/a-file-of-no-great-interest-&.txt/' | busybox xargs busybox touch`, dir, entries)
}

// directory lists it once by the first page, which is drawn at once, and once whole.
func (b *bench) directory(ctx context.Context, p *servedPage, what string, at api.FilePath) error {
	for _, ask := range []struct {
		figure
		least, most int
	}{
		{figure{fmt.Sprintf("first page of a directory %s, %d files", what, entries), []limit{{Most: 50}}}, 100, entries - 1},
		{figure{fmt.Sprintf("all of a directory %s, %d files", what, entries), []limit{{Most: 150}}}, entries, entries},
	} {
		began := time.Now()
		n, err := p.list(ctx, at, ask.least)
		if err != nil {
			return err
		}
		b.time(ask.figure, ours, time.Since(began))
		if n < ask.least || n > ask.most {
			return fmt.Errorf("%s: %d entries came", ask.what, n)
		}
	}
	return nil
}

// servedPage is what a browser's page is to `davit serve`.
type servedPage struct {
	address string
	client  http.Client
	end     func() error
}

func (b *bench) servedPage(ctx context.Context) (*servedPage, error) {
	cmd := b.home.Command(ctx, "davit", "serve")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &servedPage{end: func() error {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			return err
		}
		_ = cmd.Wait() // however it ends
		return nil
	}}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(err, p.end())
	}
	address, token, _ := strings.Cut(strings.TrimSpace(line), "/#token=")
	p.address = address
	if p.client.Jar, err = cookiejar.New(nil); err != nil {
		return nil, errors.Join(err, p.end())
	}
	if _, err := p.post(ctx, "/auth", map[string]string{"token": token}); err != nil {
		return nil, errors.Join(err, p.end())
	}
	return p, nil
}

func (p *servedPage) close() error {
	p.client.CloseIdleConnections()
	return p.end()
}

func (p *servedPage) post(ctx context.Context, path string, body any) ([]byte, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.address+path, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Origin", p.address)
	resp, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, answer)
	}
	return answer, err
}

// The pages in which a directory is asked for: see frontend/src/lib/api/files.ts.
const (
	firstEntries = 500
	nextEntries  = 10_000
)

// list asks for a directory until it has so many entries, and counts them as
// text: the page's own reading is no part of this.
func (p *servedPage) list(ctx context.Context, at api.FilePath, least int) (n int, err error) {
	for n < least {
		q := api.DirQuery{At: at, Offset: n, Limit: nextEntries}
		if n == 0 {
			q.Limit = firstEntries
		}
		text, err := p.post(ctx, "/v1/Files", []any{q})
		if err != nil {
			return n, err
		}
		more := bytes.Count(text, []byte(`"modified":`))
		if more == 0 {
			return n, fmt.Errorf("the list of %s ends after %d entries", at.Path, n)
		}
		n += more
	}
	return n, nil
}
