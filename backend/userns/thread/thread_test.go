package thread

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What changes a thread is never done on the first one, and the thread ends.
func TestApart(t *testing.T) {
	var used []int
	for range 300 {
		Apart(func() { used = append(used, unix.Gettid()) })
		runtime.Gosched()
	}
	for _, tid := range used {
		if tid == os.Getpid() {
			t.Fatal("it was done on the first thread")
		}
	}
	last := fmt.Sprintf("/proc/self/task/%d", used[len(used)-1])
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(last); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the thread is there still")
		}
	}
}
