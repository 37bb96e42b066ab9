//go:build seccomp

// Package usual tells what libcontainer asks of libseccomp for a container
// without options, and what libseccomp makes of it: what package filter keeps.
//
// It is linked into the program that build/compile runs to make that file, and into tests.
package usual

/*
#cgo pkg-config: libseccomp
#include <seccomp.h>
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"

	"davit/backend/api"
	"davit/backend/oci"
	"davit/backend/store"
)

// The words of filter.h.
const (
	opInit = 1 + iota
	opArch
	opAttr
	opRule
)

// Of enum scmp_filter_attr and SCMP_ACT_….
const (
	noNewPrivileges, tsync, ssb, optimize = 3, 4, 7, 8

	allow = 0x7fff0000
	errno = 0x00050000
)

// Asked is one thing that is asked of libseccomp.
type Asked struct {
	Words []uint32                           // see filter.h
	Do    func(*libseccomp.ScmpFilter) error // nil: making the filter does it
}

// Profile is the filter that a container with these options gets.
func Profile(spec api.RunSpec) (*configs.Seccomp, error) {
	s, err := oci.Spec(store.Record{ID: "abc", Name: "web", Args: []string{"sh"}, Spec: spec, Hostname: "abc"}, oci.SpecOptions{Dir: "/c/abc"})
	if err != nil {
		return nil, err
	}
	return specconv.SetupSeccomp(s.Linux.Seccomp)
}

// Ask lists what is asked for that filter, in the order of libcontainer's
// InitSeccomp. The tests of package filter see that it is that one.
func Ask(p *configs.Seccomp) ([]Asked, error) {
	if p.DefaultAction != configs.Errno || p.DefaultErrnoRet == nil {
		return nil, errors.New("the default is not an error")
	}
	all := []Asked{
		{Words: []uint32{opInit, errno | uint32(*p.DefaultErrnoRet)}},
		{Words: []uint32{opAttr, tsync, 1}},
	}
	for _, name := range p.Architectures {
		arch, err := libseccomp.GetArchFromString(name)
		if err != nil {
			return nil, err
		}
		all = append(all, Asked{[]uint32{opArch, uint32(C.seccomp_arch_native())}, func(f *libseccomp.ScmpFilter) error { return f.AddArch(arch) }})
	}
	for _, flag := range p.Flags {
		if flag != specs.LinuxSeccompFlagSpecAllow {
			return nil, fmt.Errorf("a flag that is not usual: %s", flag)
		}
		all = append(all, Asked{[]uint32{opAttr, ssb, 1}, func(f *libseccomp.ScmpFilter) error { return f.SetSSB(true) }})
	}
	all = append(all,
		Asked{[]uint32{opAttr, optimize, 2}, func(f *libseccomp.ScmpFilter) error { return f.SetOptimize(2) }},
		Asked{[]uint32{opAttr, noNewPrivileges, 0}, func(f *libseccomp.ScmpFilter) error { return f.SetNoNewPrivsBit(false) }})
	for _, call := range p.Syscalls {
		r, ok, err := rule(p, call)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", call.Name, err)
		}
		if ok {
			all = append(all, r)
		}
	}
	return all, nil
}

// operators have the values of enum scmp_compare.
var operators = map[configs.Operator]struct {
	op   libseccomp.ScmpCompareOp
	word uint32
}{
	configs.NotEqualTo: {libseccomp.CompareNotEqual, 1}, configs.LessThan: {libseccomp.CompareLess, 2},
	configs.LessThanOrEqualTo: {libseccomp.CompareLessOrEqual, 3}, configs.EqualTo: {libseccomp.CompareEqual, 4},
	configs.GreaterThanOrEqualTo: {libseccomp.CompareGreaterEqual, 5}, configs.GreaterThan: {libseccomp.CompareGreater, 6},
	configs.MaskEqualTo: {libseccomp.CompareMaskedEqual, 7},
}

// rule is that of one system call; false for those that libcontainer leaves
// out, because libseccomp does not know them or the default is the same.
func rule(p *configs.Seccomp, call *configs.Syscall) (Asked, bool, error) {
	nr, err := libseccomp.GetSyscallFromName(call.Name)
	if err != nil {
		return Asked{}, false, nil
	}
	action, word := libseccomp.ActAllow, uint32(allow)
	switch {
	case call.Action == configs.Errno && call.ErrnoRet != nil:
		action, word = libseccomp.ActErrno.SetReturnCode(int16(*call.ErrnoRet)), errno|uint32(*call.ErrnoRet)
	case call.Action != configs.Allow:
		return Asked{}, false, fmt.Errorf("an action that is not usual: %v", call.Action)
	}
	if word == errno|uint32(*p.DefaultErrnoRet) {
		return Asked{}, false, nil
	}
	w := []uint32{opRule, word, uint32(nr), uint32(len(call.Args))}
	var conditions []libseccomp.ScmpCondition
	for _, a := range call.Args {
		o := operators[a.Op]
		c, err := libseccomp.MakeCondition(a.Index, o.op, a.Value, a.ValueTwo)
		if err != nil {
			return Asked{}, false, err
		}
		conditions = append(conditions, c)
		w = append(w, uint32(a.Index), o.word, uint32(a.Value), uint32(a.Value>>32), uint32(a.ValueTwo), uint32(a.ValueTwo>>32))
	}
	return Asked{w, func(f *libseccomp.ScmpFilter) error {
		if len(conditions) == 0 {
			return f.AddRule(nr, action)
		}
		return f.AddRuleConditional(nr, action, conditions)
	}}, true, nil
}

// Program is what libseccomp makes of it all.
func Program(all []Asked) ([]byte, error) {
	f, err := libseccomp.NewFilter(libseccomp.ActErrno.SetReturnCode(int16(all[0].Words[1] & 0xffff)))
	if err != nil {
		return nil, err
	}
	defer f.Release()
	for _, a := range all {
		if a.Do == nil {
			continue
		}
		if err := a.Do(f); err != nil {
			return nil, err
		}
	}
	out, err := os.CreateTemp("", "filter")
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close(); _ = os.Remove(out.Name()) }()
	if err := f.ExportBPF(out); err != nil {
		return nil, err
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(out)
}

// File is what package filter keeps: the length of the rules in bytes (four of
// them), the rules and the program.
func File() ([]byte, error) {
	p, err := Profile(api.RunSpec{})
	if err != nil {
		return nil, err
	}
	all, err := Ask(p)
	if err != nil {
		return nil, err
	}
	program, err := Program(all)
	if err != nil {
		return nil, err
	}
	var rules []byte
	for _, a := range all {
		for _, w := range a.Words {
			rules = binary.NativeEndian.AppendUint32(rules, w)
		}
	}
	return append(append(binary.NativeEndian.AppendUint32(nil, uint32(len(rules))), rules...), program...), nil
}
