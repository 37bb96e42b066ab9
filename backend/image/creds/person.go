package creds

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// asPerson makes a program see the person's own user id. In the user namespace
// the person is root, and a D-Bus server refuses who says that and comes from
// another id: it compares the word (EXTERNAL) with what the kernel tells of the
// socket's peer, which is the id outside.
func asPerson(cmd *exec.Cmd) {
	if os.Getuid() != 0 {
		return
	}
	uid, ok := outside("/proc/self/uid_map")
	gid, gok := outside("/proc/self/gid_map")
	if !ok || !gok || uid == 0 {
		return
	}
	a := cmd.SysProcAttr
	a.Cloneflags |= syscall.CLONE_NEWUSER
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: 0, Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: 0, Size: 1}}
}

// outside tells what the namespace's id 0 is outside of it.
func outside(path string) (int, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(b)) {
		var in, out, size int
		if n, _ := fmt.Sscan(line, &in, &out, &size); n == 3 && in == 0 {
			return out, true
		}
	}
	return 0, false
}

// keyring is the credential helper for the desktop's Secret Service.
const keyring = "secretservice"

// hasKeyring tells whether log-ins can go to the Secret Service: its helper is
// installed, and there is a session bus to reach it by.
func hasKeyring() bool {
	if _, err := exec.LookPath("docker-credential-" + keyring); err != nil {
		return false
	}
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat(os.Getenv("XDG_RUNTIME_DIR") + "/bus")
	return err == nil
}
