package libct

import (
	"errors"
	"strings"
	"testing"

	"davit/backend/api"
)

// Two hundred containers are as many as a person has keys.
func TestNoMoreKeysIsExplained(t *testing.T) {
	e := api.AsError(explain(errors.New("unable to start container process: error during container init: unable to join session keyring: unable to create session key: disk quota exceeded"), []string{"sh"}))
	if e.Kind != api.KindHost || e.ExitCode != 125 || !strings.Contains(e.Hint, "kernel.keys.maxkeys") {
		t.Errorf("%+v", e)
	}
}
