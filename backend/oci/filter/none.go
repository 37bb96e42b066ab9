//go:build !(seccomp && amd64)

package filter

// Use does nothing: for this processor there is no program.
func Use() {}
