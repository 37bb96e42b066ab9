package userns

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOnlyCleanPagesOfTheProgramAreGivenBack(t *testing.T) {
	const clean, relocated = "Rss:   4 kB\nAnonymous:             0 kB\nTHPeligible: 0\n", "Rss:   4 kB\nAnonymous:             4 kB\n"
	smaps := "00401000-00a00000 r-xp 00001000 fe:00 123    /opt/my programs/davit-guard\n" + clean +
		"00a00000-00b00000 r--p 00001000 fe:00 123    /opt/my programs/davit-guard\n" + clean +
		"00b00000-00c00000 r--p 00001000 fe:00 123    /usr/lib/libc.so.6\n" + clean +
		"00b00000-00c00000 r--p 00001000 fe:00 123    /opt/my programs/davit-guard (deleted)\n" + clean +
		"00b00000-00c00000 r--p 00001000 fe:00 123    /opt/my programs/davit-guard\n" + relocated +
		"00b00000-00c00000 rw-p 00001000 fe:00 123    /opt/my programs/davit-guard\n" + clean +
		"00b00000-00c00000 r--s 00001000 fe:00 123    /opt/my programs/davit-guard\n" + clean +
		"7ffc0000-7ffd0000 rw-p 00000000 00:00 0      [stack]\n" + clean +
		"7ffc0000-7ffd0000 r-xp 00000000 00:00 0      [vdso]\n" + clean +
		"7ffc0000-7ffd0000 r--p 00000000 00:00 0\n" + clean +
		"7ffd0000-7ffc0000 r--p 00000000 00:00 0      /opt/my programs/davit-guard\n" + clean +
		"nonsense\n"
	got := cleanParts(strings.NewReader(smaps), "/opt/my programs/davit-guard")
	want := []mapping{{0x401000, 0x5ff000}, {0xa00000, 0x100000}}
	if !slices.Equal(got, want) {
		t.Errorf("%#x, want %#x", got, want)
	}
}

// whole has all of the test's own program in memory, and says how much that is.
func whole(t *testing.T) int {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range cleanParts(strings.NewReader(string(smaps)), program) {
		if _, _, err := unix.Syscall(unix.SYS_MADVISE, m.from, m.size, unix.MADV_POPULATE_READ); err != 0 {
			t.Skip("the kernel does not bring pages back when asked to:", err)
		}
	}
	return resident(t)
}

// resident is how many KiB of files the test has in memory.
func resident(t *testing.T) (kib int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssFile:"); ok {
			for _, digit := range strings.Fields(rest)[0] {
				kib = 10*kib + int(digit-'0')
			}
		}
	}
	return kib
}

func TestTheProgramIsGivenBackAfterSomethingBrief(t *testing.T) {
	before := whole(t)
	var trimmer Trimmer
	trimmer.Brief()
	trimmer.Brief() // as part of the same
	for end := time.Now().Add(30 * time.Second); resident(t) > before*3/4; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("of %d KiB it holds %d", before, resident(t))
		}
	}
}

func TestTheProgramIsGivenBackByRest(t *testing.T) {
	before := whole(t)
	var trimmer Trimmer
	trimmer.Touch()
	trimmer.Brief()
	if trimmer.brief != nil {
		t.Error("what is brief is not left to the rest")
	}
	trimmer.rest()
	if after := resident(t); after > before*3/4 {
		t.Errorf("of %d KiB it holds %d", before, after)
	}
}
