package guard

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"davit/backend/api"
)

// program makes the smallest ELF file for a machine, with a loader if named.
func program(machine elf.Machine, loader string) string {
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	p := elf.Prog64{Type: uint32(elf.PT_LOAD), Off: 120, Filesz: uint64(len(loader) + 1)}
	if loader != "" {
		p.Type = uint32(elf.PT_INTERP)
	}
	var b strings.Builder
	_ = binary.Write(&b, binary.LittleEndian, h)
	_ = binary.Write(&b, binary.LittleEndian, p)
	return b.String() + loader + "\x00"
}

func TestWhyAProgramWontStart(t *testing.T) {
	native, foreign := elf.EM_X86_64, elf.EM_AARCH64
	if runtime.GOARCH == "arm64" {
		native, foreign = foreign, native
	}
	if foreignFormats() {
		t.Log("this machine runs other machines' programs: those are not refused")
	}
	outside := filepath.Join(t.TempDir(), "loader")
	if err := os.WriteFile(outside, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text    string
		code    int
		says    string
		formats bool // told only where the kernel knows no other formats
	}{
		"static":          {program(native, ""), 0, "", false},
		"dynamic":         {program(native, "/bin/sh"), 0, "", false},
		"no loader":       {program(native, "/lib/ld-none.so"), 127, "/lib/ld-none.so", false},
		"loader outside":  {program(native, outside), 127, outside, false},
		"foreign":         {program(foreign, ""), 126, "processors", true},
		"script":          {"#!/bin/sh\n", 0, "", false},
		"script with arg": {"#! /bin/sh -e\n", 0, "", false},
		"no interpreter":  {"#!/bin/none\n", 127, "/bin/none", false},
		"windows":         {"#!/bin/sh\r\necho\r\n", 127, "Windows", false},
		"text":            {"hello\n", 126, "is no program", true},
		"empty":           {"", 126, "empty", true},
		"cut short":       {elf.ELFMAG, 0, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(dir+"/bin", 0o700); err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{"sh": "", "it": c.text} {
				if err := os.WriteFile(dir+"/bin/"+file, []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			root, err := os.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			i := image{root}
			defer i.close()
			for _, arg := range []string{"/bin/it", "it", "bin/it"} {
				err := i.wontStart(&specs.Process{Args: []string{arg}, Cwd: "/", Env: []string{"PATH=/usr/bin:/bin"}})
				if c.formats && foreignFormats() {
					continue
				}
				e := api.AsError(err)
				switch {
				case c.code == 0 && err != nil:
					t.Errorf("%s: %v", arg, err)
				case c.code != 0 && (e == nil || e.ExitCode != c.code || e.Kind != api.KindStart || !strings.Contains(e.Msg, c.says)):
					t.Errorf("%s: %v, want %d and %q", arg, err, c.code, c.says)
				}
			}
		})
	}
}

func TestMissingProgram(t *testing.T) {
	root, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	i := image{root}
	defer i.close()
	for _, arg := range []string{"none", "/none", "./none", "/none/none"} {
		err := i.wontStart(&specs.Process{Args: []string{arg}, Cwd: "/", Env: []string{"PATH=/bin"}})
		if e := api.AsError(err); e == nil || e.ExitCode != 127 {
			t.Errorf("%s: %v", arg, err)
		}
	}
	if err := i.wontStart(&specs.Process{Args: []string{"/"}, Cwd: "/"}); err != nil {
		t.Errorf("a directory is the runtime's to tell, got %v", err)
	}
}

// A program of the image's whose table of names claims a gigabyte: the guard
// guards all containers, and must not be brought down by one.
func TestHugeProgramIsNotReadWhole(t *testing.T) {
	const claimed = 1 << 30
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Shoff: 64, Ehsize: 64, Shentsize: 64, Shnum: 2, Shstrndx: 1,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	var b strings.Builder
	for _, part := range []any{h, elf.Section64{}, elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: 4096, Size: claimed}} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	root := t.TempDir()
	file := filepath.Join(root, "huge")
	if err := os.WriteFile(file, []byte(b.String()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 4096+claimed); err != nil { // a sparse file: a kilobyte in the image
		t.Fatal(err)
	}
	f, err := os.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_ = image{f}.wontStart(&specs.Process{Args: []string{"/huge"}, Cwd: "/"}) // the kernel's to say
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
		t.Errorf("it took %d MiB to look at the program", took>>20)
	}
}
