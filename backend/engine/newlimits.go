package engine

import (
	"davit/backend/api"
	"davit/backend/guard/cgroup"
)

// limitChange is the update that makes to of from: what goes is taken away.
func limitChange(from, to api.Limits) api.Limits {
	var u api.Limits
	set := func(u *int64, from, to int64) {
		switch {
		case to == from:
		case to == 0:
			*u = -1
		default:
			*u = to
		}
	}
	set(&u.Memory, from.Memory, to.Memory)
	set(&u.MemoryReservation, from.MemoryReservation, to.MemoryReservation)
	set(&u.MemorySwap, from.MemorySwap, to.MemorySwap)
	set(&u.Pids, from.Pids, to.Pids)
	if to.CPUs != from.CPUs {
		if u.CPUs = to.CPUs; to.CPUs == 0 {
			u.CPUs = -1
		}
	}
	if to.CPUSet != from.CPUSet {
		if u.CPUSet = to.CPUSet; to.CPUSet == "" {
			u.CPUSet = cgroup.AllCPUs
		}
	}
	set(&u.CPUShares, from.CPUShares, to.CPUShares)
	weight := int64(0)
	set(&weight, int64(from.IOWeight), int64(to.IOWeight))
	u.IOWeight = int(weight)
	return u
}
