package engine

import (
	"testing"

	"davit/backend/api"
	"davit/backend/guard/cgroup"
)

// An edit's limits become an update that leads there: what is cleared in the
// form is taken away of what runs.
func TestLimitChangesLeadToWhatIsWanted(t *testing.T) {
	full := api.Limits{Memory: 512 << 20, MemoryReservation: 256 << 20, MemorySwap: 1 << 30, CPUs: 1.5, CPUSet: "0-1", Pids: 100, IOWeight: 500, CPUShares: 512}
	other := api.Limits{Memory: 256 << 20, MemoryReservation: 64 << 20, MemorySwap: 512 << 20, CPUs: 0.5, CPUSet: "1", Pids: 50, IOWeight: 10, CPUShares: 2}
	for name, c := range map[string]struct{ from, to api.Limits }{
		"set": {api.Limits{}, full}, "changed": {full, other}, "cleared": {full, api.Limits{}}, "one cleared": {full, func() api.Limits { l := full; l.CPUSet = ""; return l }()},
	} {
		u := limitChange(c.from, c.to)
		got := cgroup.Merge(c.from, u)
		got.MemorySwap = max(0, got.MemorySwap) // without a limit of memory -1 says no more than 0
		if got != c.to {
			t.Errorf("%s: %+v makes %+v, want %+v", name, u, got, c.to)
		}
	}
	if u := limitChange(full, full); u != (api.Limits{}) {
		t.Errorf("nothing changed: %+v", u)
	}
}
