package main

import "golang.org/x/sys/unix"

// kernelKeys tries each of the system calls about the kernel's keys, and tells what
// session keyring it is in, "" where that is not told, and which calls were
// refused.
func kernelKeys() error {
	ring, describe := unix.KeyctlString(unix.KEYCTL_DESCRIBE, unix.KEY_SPEC_SESSION_KEYRING)
	_, add := unix.AddKey("user", "confine", []byte("x"), unix.KEY_SPEC_SESSION_KEYRING)
	_, request := unix.RequestKey("user", "confine", "", unix.KEY_SPEC_SESSION_KEYRING)
	refused := []string{}
	for name, err := range map[string]error{"keyctl": describe, "add_key": add, "request_key": request} {
		if err == unix.EPERM || err == unix.ENOSYS {
			refused = append(refused, name)
		}
	}
	return show(map[string]any{"ring": ring, "refused": refused})
}
