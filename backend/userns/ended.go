package userns

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ended waits until the child pid has ended and tells how. The child stays a
// zombie: whoever reaps it does so when its end is written down, and a process
// that is killed before leaves it to the subreaper.
//
// It waits in the poller, so that a hundred children cost no hundred threads.
func Ended(pid int) (syscall.WaitStatus, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil { // no descriptor is left, or the kernel is old
		status, _, err := peek(unix.P_PID, pid, 0)
		return status, err
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	defer func() { _ = f.Close() }()
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var status syscall.WaitStatus
	var werr error
	err = raw.Read(func(fd uintptr) (over bool) {
		status, over, werr = peek(unix.P_PIDFD, int(fd), unix.WNOHANG)
		return over || werr != nil
	})
	return status, errors.Join(err, werr)
}

// Zombie gives the pid of a child that has ended, of any of them, and leaves it
// to whoever reaps it. It waits for one to end; with unix.WNOHANG it gives 0
// where none has. Where there is no child the error is unix.ECHILD.
func Zombie(flags int) (int, error) {
	info, err := look(unix.P_ALL, 0, flags)
	pid, _ := child(&info)
	return int(pid), err
}

// look is waitid(2) without reaping.
func look(kind, id, flags int) (info unix.Siginfo, err error) {
	for {
		err = unix.Waitid(kind, id, &info, unix.WEXITED|unix.WNOWAIT|flags, nil)
		if err != unix.EINTR {
			return info, err
		}
	}
}

// peek tells whether that child has ended, and how.
func peek(kind, id, flags int) (status syscall.WaitStatus, over bool, err error) {
	info, err := look(kind, id, flags)
	if err != nil {
		return 0, false, os.NewSyscallError("waitid", err)
	}
	pid, how := child(&info)
	if pid == 0 {
		return 0, false, nil
	}
	const exited, dumped = 1, 3 // CLD_EXITED, CLD_DUMPED
	switch info.Code {
	case exited:
		return syscall.WaitStatus(how << 8), true, nil
	case dumped:
		return syscall.WaitStatus(how | 0x80), true, nil
	}
	return syscall.WaitStatus(how), true, nil
}

// child reads si_pid and si_status, which x/sys does not name: they come after
// three integers (and, on 64 bits, padding), with the user id between them.
func child(info *unix.Siginfo) (pid, status int32) {
	offset := uintptr(12)
	if unsafe.Sizeof(uintptr(0)) == 8 {
		offset = 16
	}
	at := func(n uintptr) int32 { return *(*int32)(unsafe.Add(unsafe.Pointer(info), offset+n)) }
	return at(0), at(8)
}
