package confine

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// A container that shares the guard's session keyring can do nothing with it;
// one that may use keys has a keyring of its own, where what is executed in it
// is, too.
func TestKeysOfTheKernel(t *testing.T) {
	if _, err := os.Stat("/proc/keys"); err != nil {
		t.Skipf("this kernel has no keys: %v", err)
	}
	s := newStage(t)
	for name, options := range walls {
		shares := name == "default" || name == "admin"
		s.start(name, slices.Concat(options, []string{attackerImage, "sleep", "100"})...)
		id := strings.TrimSpace(s.ok("ps", "-q", "--no-trunc", "--filter", "name="+name))
		for how, line := range map[string][]string{
			"run":        slices.Concat([]string{"run", "--rm"}, options, []string{attackerImage}),
			"exec":       {"exec", name},
			"privileged": {"exec", "--privileged", name},
		} {
			var said struct {
				Ring    string
				Refused []string
			}
			s.decode(s.ok(append(line, "/attacker", "keys")...), &said)
			switch own := how != "run" && strings.HasSuffix(said.Ring, ";_ses."+id) || how == "run" && strings.Contains(said.Ring, ";_ses."); {
			case shares && (said.Ring != "" || len(said.Refused) != 3):
				t.Errorf("%s, %s: in %q, refused is %v alone", name, how, said.Ring, said.Refused)
			case !shares && (!own || len(said.Refused) != 0):
				t.Errorf("%s, %s: in %q, which is not its own, or refused is %v", name, how, said.Ring, said.Refused)
			}
		}
	}
}
