package creds

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"davit/backend/api"
	"davit/backend/image/fetch"
)

func TestLoginAndLogoutKeepWhatOthersWrote(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	f := Find(func(k string) string { return map[string]string{"HOME": dir}[k] })
	if want := filepath.Join(dir, ".config/containers/auth.json"); f.Own != want {
		t.Fatalf("own file %s", f.Own)
	}
	write(t, f.Own, `{"auths":{"quay.io/team":{"auth":"dGVhbTpweA=="}},"other":{"kept":true}}`)
	if err := f.Put(ctx, "localhost:5000", fetch.Credential{Username: "u", Password: "p:q"}); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(f.Own)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	c, err := f.Get(ctx, "localhost:5000", "a/b")
	if err != nil || c.Username != "u" || c.Password != "p:q" {
		t.Errorf("%+v, %v", c, err)
	}
	if c, _ := f.Get(ctx, "quay.io", "team/app"); c.Username != "team" {
		t.Errorf("by repository: %+v", c)
	}
	if c, _ := f.Get(ctx, "quay.io", "other/app"); !c.Empty() {
		t.Errorf("another repository got %+v", c)
	}
	if err := f.Delete(ctx, "localhost:5000"); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(ctx, "localhost:5000"); api.KindOf(err) != api.KindNotFound {
		t.Errorf("second logout: %v", err)
	}
	var all map[string]json.RawMessage
	b, _ := os.ReadFile(f.Own)
	if err := json.Unmarshal(b, &all); err != nil || all["other"] == nil {
		t.Errorf("lost what others wrote: %s", b)
	}
}

func TestDockersFile(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	f := Find(func(k string) string { return map[string]string{"HOME": dir}[k] })
	write(t, filepath.Join(dir, ".docker/config.json"), `{"auths":{"https://index.docker.io/v1/":{"auth":"bWU6c2VjcmV0"}}}`)
	if c, err := f.Get(ctx, "docker.io", "library/nginx"); err != nil || c.Username != "me" {
		t.Errorf("%+v, %v", c, err)
	}
	users, err := f.Users(ctx)
	if err != nil || users["docker.io"] != "me" {
		t.Errorf("%v, %v", users, err)
	}
	if err := f.Delete(ctx, "docker.io"); api.KindOf(err) != api.KindConflict {
		t.Errorf("%v", err)
	}
}

func TestHelper(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	write(t, filepath.Join(dir, "docker-credential-fake"), "#!/bin/sh\ncase $1 in\nget) read s; [ \"$s\" = r.example ] && echo '{\"Username\":\"h\",\"Secret\":\"s\"}' || { echo credentials not found in native keychain; exit 1; };;\n*) cat > "+dir+"/$1;;\nesac\n")
	if err := os.Chmod(filepath.Join(dir, "docker-credential-fake"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	f := Files{Own: filepath.Join(dir, "auth.json")}
	f.Read = []string{f.Own}
	write(t, f.Own, `{"credHelpers":{"r.example":"fake","none.example":"fake","bad.example":"../x"}}`)
	if c, err := f.Get(ctx, "r.example", "a"); err != nil || c.Username != "h" || c.Password != "s" {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := f.Get(ctx, "none.example", "a"); err != nil || !c.Empty() {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := f.Get(ctx, "bad.example", "a"); api.KindOf(err) != api.KindInvalid {
		t.Errorf("%v", err)
	}
	if err := f.Put(ctx, "r.example", fetch.Credential{Username: "n", Password: "w"}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "store")); err != nil || len(b) == 0 {
		t.Errorf("the helper was not asked to store: %s %v", b, err)
	}
}

// TestKeyring keeps a log-in with the Secret Service's helper where it and a
// session bus are there, and in the file where it refuses.
func TestKeyring(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	program := filepath.Join(dir, "docker-credential-secretservice")
	write(t, program, "#!/bin/sh\nset -e\ncase $1 in\nstore) id -u > "+dir+"/uid; cat > "+dir+"/kept;;\nget) cat "+dir+"/kept;;\nerase) rm "+dir+"/kept;;\nesac\n")
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
	f := Files{Own: filepath.Join(dir, "auth.json")}
	f.Read = []string{f.Own}
	if err := f.Put(ctx, "r.example", fetch.Credential{Username: "ada", Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Own)
	if err != nil || strings.Contains(string(b), base64.StdEncoding.EncodeToString([]byte("ada:secret"))) || !strings.Contains(string(b), `"r.example": "secretservice"`) {
		t.Errorf("%s, %v", b, err)
	}
	if c, err := f.Get(ctx, "r.example", "a"); err != nil || c.Password != "secret" {
		t.Errorf("%+v, %v", c, err)
	}
	users, err := f.Users(ctx)
	if err != nil || users["r.example"] != "ada" || f.Places(users)["r.example"] != "Secret Service" {
		t.Errorf("%v, %v, %v", users, f.Places(users), err)
	}
	if err := f.Delete(ctx, "r.example"); err != nil {
		t.Fatal(err)
	}
	if users, err := f.Users(ctx); err != nil || len(users) != 0 {
		t.Errorf("after the log-out: %v, %v", users, err)
	}
	write(t, program, "#!/bin/sh\necho no keyring; exit 1\n")
	if err := f.Put(ctx, "r.example", fetch.Credential{Username: "ada", Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	if c, err := f.Get(ctx, "r.example", "a"); err != nil || c.Password != "secret" {
		t.Errorf("in the file: %+v, %v", c, err)
	}
}

func TestBrokenFile(t *testing.T) {
	p := filepath.Join(t.TempDir(), "auth.json")
	write(t, p, `{"auths":[`)
	if _, err := (Files{Own: p, Read: []string{p}}).Get(context.Background(), "a", "b"); api.KindOf(err) != api.KindCorrupt {
		t.Errorf("%v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
