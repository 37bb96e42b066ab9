package userns

import "testing"

func TestOnlyCleanPagesAreGivenBack(t *testing.T) {
	for line, want := range map[string]bool{
		"00401000-00a00000 r-xp 00001000 fe:00 123    /usr/bin/davit-guard":           true,
		"00a00000-00b00000 r--p 00001000 fe:00 123    /usr/bin/davit-guard (deleted)": true,
		"00b00000-00c00000 rw-p 00001000 fe:00 123    /usr/bin/davit-guard":           false,
		"00b00000-00c00000 r--s 00001000 fe:00 123    /usr/bin/davit-guard":           false,
		"7ffc0000-7ffd0000 rw-p 00000000 00:00 0      [stack]":                        false,
		"7ffc0000-7ffd0000 r-xp 00000000 00:00 0      [vdso]":                         false,
		"7ffc0000-7ffd0000 r--p 00000000 00:00 0":                                     false,
		"nonsense": false,
	} {
		if from, size, ok := cleanFile(line); ok != want || ok && (size == 0 || from == 0) {
			t.Errorf("%q: %#x %#x %v, want %v", line, from, size, ok, want)
		}
	}
	trim() // and the process goes on
}
