//go:build seccomp

package filter

/*
#cgo pkg-config: libseccomp
#cgo LDFLAGS: -Wl,--wrap=seccomp_init -Wl,--wrap=seccomp_reset -Wl,--wrap=seccomp_release -Wl,--wrap=seccomp_merge
#cgo LDFLAGS: -Wl,--wrap=seccomp_arch_add -Wl,--wrap=seccomp_arch_remove -Wl,--wrap=seccomp_attr_set
#cgo LDFLAGS: -Wl,--wrap=seccomp_rule_add_array -Wl,--wrap=seccomp_rule_add_exact_array
#cgo LDFLAGS: -Wl,--wrap=seccomp_syscall_priority -Wl,--wrap=seccomp_load
#cgo LDFLAGS: -Wl,--wrap=seccomp_export_pfc -Wl,--wrap=seccomp_export_bpf
#include <stdlib.h>
#include "filter.h"
*/
import "C"

import (
	"embed"
	"encoding/binary"
	"unsafe"
)

// kept is the name of what build/compile has made.
const kept = "built/usual"

//go:embed all:built
var built embed.FS

// Use has the usual filter taken from here from now on, in this process, for
// one filter at a time: its callers have a single thread that makes any.
func Use() {
	b, err := built.ReadFile(kept)
	if err != nil {
		return // built without it
	}
	use(b)
}

// use takes the usual filter from b; nil has libseccomp make all of them again.
func use(b []byte) {
	rules, program := parts(b)
	if len(rules) == 0 || len(program) == 0 {
		C.davit_filter_use(nil, 0, nil, 0)
		return
	}
	// C keeps both, for as long as this process lives.
	C.davit_filter_use((*C.uint32_t)(copied(rules)), C.size_t(len(rules)/4), copied(program), C.size_t(len(program)))
}

func copied(b []byte) unsafe.Pointer { return C.CBytes(b) }

// taken tells how many programs were.
func taken() int { return int(C.davit_filter_taken()) }

// parts takes apart what package usual has put together. What is no whole
// number of instructions or words is nothing.
func parts(b []byte) (rules, program []byte) {
	const head, word, instruction = 4, 4, 8
	if len(b) < head {
		return nil, nil
	}
	n := int(binary.NativeEndian.Uint32(b))
	if n < 0 || n%word != 0 || n > len(b)-head || (len(b)-head-n)%instruction != 0 {
		return nil, nil
	}
	return b[head : head+n], b[head+n:]
}
