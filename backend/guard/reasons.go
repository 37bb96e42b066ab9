package guard

import (
	"davit/backend/guard/cgroup"
)

// memoryReason says that memory ran out.
func memoryReason(limit int64) string {
	if limit <= 0 {
		return "memory ran out, and the system ended it"
	}
	return "it needed more memory than its limit of " + cgroup.Describe(limit) + ", and the system ended it"
}
