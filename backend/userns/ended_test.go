package userns

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

func TestEndedTellsAndLeavesTheChild(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7 << 8, "kill -TERM $$": 15, "kill -KILL $$": 9} {
		cmd := exec.Command("sh", "-c", "read x; "+script)
		cmd.Stdin = strings.NewReader("go\n")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, err := Ended(cmd.Process.Pid)
			if err != nil || int(got) != want {
				t.Errorf("%s: status %d, %v, want %d", script, got, err, want)
			}
		}
		var code *exec.ExitError
		if err := cmd.Wait(); want != 0 && !errors.As(err, &code) || want == 0 && err != nil {
			t.Errorf("%s: reaped before: %v", script, err)
		}
	}
	if _, err := Ended(1); err == nil {
		t.Error("a process that is no child was waited for")
	}
}
