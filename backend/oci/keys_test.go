package oci

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"davit/backend/api"
)

func TestKeyless(t *testing.T) {
	profile := func(text string) SpecOptions { return SpecOptions{Dir: "/c/abc", Seccomp: []byte(text)} }
	own := api.RunSpec{SecurityOpt: []string{"seccomp=/p.json"}}
	const most = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["keyctl","add_key"],"action":"SCMP_ACT_ERRNO"}`
	for name, c := range map[string]struct {
		spec api.RunSpec
		o    SpecOptions
		want bool
	}{
		"as usual":             {api.RunSpec{}, SpecOptions{}, true},
		"all capabilities":     {api.RunSpec{CapAdd: []string{"ALL"}}, SpecOptions{}, true},
		"unhidden elsewhere":   {api.RunSpec{SecurityOpt: []string{"unmask=/proc/kcore", "mask=/x"}}, SpecOptions{}, true},
		"privileged":           {api.RunSpec{Privileged: true}, SpecOptions{}, false},
		"no filter":            {api.RunSpec{SecurityOpt: []string{"seccomp=unconfined"}}, SpecOptions{}, false},
		"all paths":            {api.RunSpec{SecurityOpt: []string{"systempaths=unconfined"}}, SpecOptions{}, false},
		"the list":             {api.RunSpec{SecurityOpt: []string{"unmask=/proc/keys"}}, SpecOptions{}, false},
		"a profile without":    {own, profile(`{"defaultAction":"SCMP_ACT_ERRNO"}`), true},
		"a profile with":       {own, profile(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["add_key"],"action":"SCMP_ACT_ALLOW"}]}`), false},
		"one that logs":        {own, profile(`{"defaultAction":"SCMP_ACT_LOG"}`), false},
		"one that forgets one": {own, profile(most + `]}`), false},
		"one that names all":   {own, profile(most + `,{"names":["request_key"],"action":"SCMP_ACT_KILL_PROCESS"}]}`), true},
		"some arguments":       {own, profile(most + `,{"names":["request_key"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]}]}`), false},
		"refused and allowed":  {own, profile(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["keyctl"],"action":"SCMP_ACT_ERRNO"},{"names":["keyctl"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]}]}`), false},
		"asks another process": {own, profile(`{"defaultAction":"SCMP_ACT_TRACE"}`), false},
	} {
		s, err := Spec(record(c.spec), c.o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := Keyless(s); got != c.want {
			t.Errorf("%s: keyless %v, want %v", name, got, c.want)
		}
	}
	if Keyless(&specs.Spec{}) {
		t.Error("a spec that says nothing is keyless")
	}
}
