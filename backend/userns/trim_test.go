package userns

import (
	"slices"
	"strings"
	"testing"
)

func TestOnlyCleanPagesAreGivenBack(t *testing.T) {
	const clean, relocated = "Rss:   4 kB\nAnonymous:             0 kB\nTHPeligible: 0\n", "Rss:   4 kB\nAnonymous:             4 kB\n"
	smaps := "00401000-00a00000 r-xp 00001000 fe:00 123    /usr/bin/davit-guard\n" + clean +
		"00a00000-00b00000 r--p 00001000 fe:00 123    /usr/bin/davit-guard (deleted)\n" + clean +
		"00b00000-00c00000 r--p 00001000 fe:00 123    /usr/lib/libc.so.6\n" + relocated +
		"00b00000-00c00000 rw-p 00001000 fe:00 123    /usr/bin/davit-guard\n" + clean +
		"00b00000-00c00000 r--s 00001000 fe:00 123    /usr/bin/davit-guard\n" + clean +
		"7ffc0000-7ffd0000 rw-p 00000000 00:00 0      [stack]\n" + clean +
		"7ffc0000-7ffd0000 r-xp 00000000 00:00 0      [vdso]\n" + clean +
		"7ffc0000-7ffd0000 r--p 00000000 00:00 0\n" + clean +
		"7ffd0000-7ffc0000 r--p 00000000 00:00 0      /usr/bin/davit-guard\n" + clean +
		"nonsense\n"
	got := cleanFiles(strings.NewReader(smaps))
	want := []mapping{{0x401000, 0x5ff000}, {0xa00000, 0x100000}}
	if !slices.Equal(got, want) {
		t.Errorf("%#x, want %#x", got, want)
	}
	var trimmer Trimmer
	trimmer.begin()
	if len(trimmer.begun) == 0 {
		t.Error("the test's own program is not among its files")
	}
	trim(trimmer.begun) // and the process goes on
}
