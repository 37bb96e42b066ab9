package runspec

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"davit/backend/api"
)

func TestComposeComesBack(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(3, 4))}
	for range rounds {
		s := m.spec()
		r, err := Compose(s)
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		got, err := ParseCompose(r.Text)
		if err != nil || len(got) != 1 || len(got[0].Unknown)+len(got[0].Notes) > 0 {
			t.Fatalf("%s\n%v, %+v", r.Text, err, got)
		}
		if a, b := Normal(s), Normal(got[0].Spec); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\n%s", Changes(a, b), r.Text)
		}
	}
}

func TestParseCompose(t *testing.T) {
	got, err := ParseCompose(`
services:
  db:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: "${PW}", A: 1, B: yes, C: null}
    ports: ["5432:5432", {target: 80, published: "8080", host_ip: 127.0.0.1, protocol: udp}]
    volumes: [data:/var/lib/postgresql/data, ./init:/init:ro, {type: tmpfs, target: /t, tmpfs: {size: 1m}}]
    command: postgres -c 'a b'
    healthcheck: {test: pg_isready, interval: 1m30s, retries: 5}
    ulimits: {nofile: 5, nproc: {soft: 1, hard: 2}}
    stop_grace_period: 1m
    deploy: {replicas: 2}
    depends_on: [cache]
    networks: [back]
  web:
    image: nginx
`)
	if err != nil || len(got) != 2 || got[0].Name != "db" || got[1].Spec.Image != "nginx" {
		t.Fatalf("%+v %v", got, err)
	}
	s := got[0].Spec
	line := "-p 5432:5432 -p 127.0.0.1:8080:80/udp -e A=1 -e B=yes -e C= -e 'POSTGRES_PASSWORD=${PW}' -v data:/var/lib/postgresql/data"
	if words := Join(Words(s)); !strings.HasPrefix(words, line) {
		t.Error(words)
	}
	if strings.Join(s.Command, "|") != "postgres|-c|a b" || s.HealthCheck.Test[1] != "pg_isready" || *s.StopTimeout != 60 || s.Network != "back" || len(s.Ulimits) != 2 {
		t.Errorf("%+v", s)
	}
	if strings.Join(got[0].Unknown, " ") != "depends_on deploy" || len(got[0].Notes) != 2 {
		t.Errorf("unknown %q, notes %q", got[0].Unknown, got[0].Notes)
	}
	if one, err := ParseCompose("image: x\ncommand: [a]\n"); err != nil || one[0].Spec.Image != "x" {
		t.Errorf("%+v %v", one, err)
	}
	for _, bad := range []string{"a: b", "- x", "services: 5", "a: &a [*a]", "\t", "services: {a: 5}", "{", "x: {y: 1}"} {
		if got, err := ParseCompose(bad); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func TestForms(t *testing.T) {
	n := 5
	s := api.RunSpec{
		Image: "nginx:1", Name: "web", Command: []string{"a b", "%n", "$(x)"}, Env: []string{"A=x y\nz", "B=$C"}, Ports: []api.Port{{HostPort: 8080, ContainerPort: 80}},
		Mounts:  []api.Mount{{Type: api.MountVolume, Source: "data", Target: "/d"}, {Type: api.MountBind, Source: "/s", Target: "/t", ReadOnly: true, Create: true}},
		Restart: "unless-stopped", StopTimeout: &n, User: "5:6", UserNS: "keep-id:uid=5,gid=6", Limits: api.Limits{Memory: 1 << 30},
	}
	q, err := Render(s, api.FormQuadlet)
	if err != nil || q.File != "web.container" {
		t.Fatal(q, err)
	}
	for _, want := range []string{
		"Image=nginx:1\n", "ContainerName=web\n", "PublishPort=8080:80\n", "Volume=data:/d\n", "Volume=/s:/t:ro\n", `Exec="a b" "%%n" "$$(x)"` + "\n",
		"UserNS=keep-id:uid=5,gid=6\n", `Environment="A=x y\nz"` + "\n", "Restart=always\n", "StopTimeout=5\n", "PodmanArgs=--memory 1g\n",
	} {
		if !strings.Contains(q.Text, want) {
			t.Errorf("no %q in\n%s", want, q.Text)
		}
	}
	k, err := Render(s, api.FormKube)
	if err != nil || len(k.Lost) != 0 {
		t.Fatal(k, err)
	}
	for _, want := range []string{"kind: Pod", "io.podman.annotations.userns: keep-id:uid=5,gid=6", "claimName: data", "kind: PersistentVolumeClaim", "path: /s", "hostPort: 8080", "runAsUser: 5", "runAsGroup: 6", "restartPolicy: Always", "$$(x)", `memory: "1073741824"`} {
		if !strings.Contains(k.Text, want) {
			t.Errorf("no %q in\n%s", want, k.Text)
		}
	}
	if _, err := Render(s, "papyrus"); api.KindOf(err) != api.KindInvalid {
		t.Error(err)
	}
}

// Podman and Kubernetes take one port where a range is to choose from.
func TestFormsThatKnowNoRange(t *testing.T) {
	s := api.RunSpec{Image: "a", Ports: []api.Port{{HostFirst: 90, HostLast: 92, ContainerPort: 80}}}
	q, err := Render(s, api.FormQuadlet)
	if err != nil || !strings.Contains(q.Text, "PublishPort=90:80\n") || len(q.Lost) != 1 || !strings.Contains(q.Lost[0], "90-92:80") {
		t.Errorf("%+v, %v", q, err)
	}
	k, err := Render(s, api.FormKube)
	if err != nil || strings.Contains(k.Text, "hostPort") || len(k.Lost) != 1 {
		t.Errorf("%+v, %v", k, err)
	}
}

// Services stay in the order of the file, wherever their names come from.
func TestServicesKeepTheirOrder(t *testing.T) {
	for text, want := range map[string]string{
		"services:\n  web: {image: a}\n  db: {image: b}\n  cache: {image: c}\n":                                        "web db cache",
		"web: {image: a}\ndb: {image: b}\n":                                                                            "web db",
		"x-all: &all\n  web: {image: a}\n  db: {image: b}\nservices: *all\n":                                           "web db",
		"x-more: &more {z: {image: y}, b: {image: z}}\nservices:\n  web: {image: a}\n  <<: *more\n  app: {image: b}\n": "web app b z",
	} {
		got, err := ParseCompose(text)
		var names []string
		for _, s := range got {
			names = append(names, s.Name)
		}
		if strings.Join(names, " ") != want {
			t.Errorf("%s: %q, want %q (%v)", text, names, want, err)
		}
	}
}
