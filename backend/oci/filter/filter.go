//go:build seccomp && amd64

package filter

/*
#cgo pkg-config: libseccomp
#cgo LDFLAGS: -Wl,--wrap=seccomp_init -Wl,--wrap=seccomp_reset -Wl,--wrap=seccomp_release -Wl,--wrap=seccomp_merge
#cgo LDFLAGS: -Wl,--wrap=seccomp_arch_add -Wl,--wrap=seccomp_arch_remove -Wl,--wrap=seccomp_attr_set
#cgo LDFLAGS: -Wl,--wrap=seccomp_rule_add_array -Wl,--wrap=seccomp_rule_add_exact_array
#cgo LDFLAGS: -Wl,--wrap=seccomp_syscall_priority -Wl,--wrap=seccomp_load
#cgo LDFLAGS: -Wl,--wrap=seccomp_export_pfc -Wl,--wrap=seccomp_export_bpf
#include "filter.h"
*/
import "C"

import (
	_ "embed"
	"encoding/binary"
	"unsafe"
)

// usual holds the version of libseccomp (three numbers of a byte, and a zero),
// the length of the rules in bytes, the rules (see filter.h) and the program,
// all in the byte order of the processor.
//
//go:embed usual_amd64.bin
var usual string

// Use has the usual filter taken from here from now on, in this process, for
// one filter at a time: its callers have a single thread that makes any.
func Use() { use(usual) }

// use takes the usual filter from b; "" has libseccomp make all of them again.
func use(b string) {
	rules, program := parts(b)
	if len(rules) == 0 || len(program) == 0 {
		C.davit_filter_use(nil, 0, nil, 0)
		return
	}
	// Both lie in the binary: what C keeps of them does not move.
	C.davit_filter_use(
		(*C.uint32_t)(unsafe.Pointer(unsafe.StringData(rules))), C.size_t(len(rules)/4),
		unsafe.Pointer(unsafe.StringData(program)), C.size_t(len(program)))
}

// taken tells how many programs were.
func taken() int { return int(C.davit_filter_taken()) }

func parts(b string) (rules, program string) {
	const head = 8
	if len(b) < head {
		return "", ""
	}
	n := int(binary.NativeEndian.Uint32([]byte(b[4:head])))
	if n%4 != 0 || n > len(b)-head {
		return "", ""
	}
	return b[head : head+n], b[head+n:]
}
