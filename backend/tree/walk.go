package tree

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// visit is called with each entry of a tree: at is a descriptor of the
// directory that it is in, name "" for the tree's own directory.
type visit func(at int, name string, st *unix.Stat_t) error

// walk goes through the tree below the directory at dir, depth first, itself
// last. It follows no links and enters no other file system.
func walk(ctx context.Context, dir string, do visit) error {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	if err := walkDir(ctx, f, st.Dev, do); err != nil {
		return err
	}
	return do(fd, "", &st)
}

// batch is how many names of a directory are held at once.
const batch = 1024

func walkDir(ctx context.Context, d *os.File, dev uint64, do visit) error {
	for {
		names, err := d.Readdirnames(batch)
		for _, n := range names {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := walkEntry(ctx, int(d.Fd()), n, dev, do); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func walkEntry(ctx context.Context, at int, name string, dev uint64, do visit) error {
	var st unix.Stat_t
	if err := unix.Fstatat(at, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return gone(err, name)
	}
	if st.Dev != dev {
		return nil
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			if errors.Is(err, unix.EACCES) { // not ours to look into: it counts alone
				return do(at, name, &st)
			}
			return gone(err, name)
		}
		f := os.NewFile(uintptr(fd), name)
		defer f.Close()
		if err := walkDir(ctx, f, dev, do); err != nil {
			return err
		}
	}
	return do(at, name, &st)
}

// gone makes nothing of what was removed, or replaced by a link, meanwhile.
func gone(err error, name string) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return &os.PathError{Op: "open", Path: name, Err: err}
}

// Size counts the entries of a tree and the bytes of its files; files with
// several names count once.
func Size(ctx context.Context, dir string) (files int, bytes int64, err error) {
	seen := map[inode]bool{}
	err = walk(ctx, dir, func(_ int, name string, st *unix.Stat_t) error {
		if name == "" {
			return nil
		}
		files++
		if st.Mode&unix.S_IFMT != unix.S_IFREG {
			return nil
		}
		if st.Nlink > 1 {
			key := inode{st.Dev, st.Ino}
			if seen[key] {
				return nil
			}
			seen[key] = true
		}
		bytes += st.Size
		return nil
	})
	return files, bytes, err
}

// Owners counts what of a tree each user has, itself included, and the bytes.
func Owners(ctx context.Context, dir string, each func(uid, gid int, bytes int64)) error {
	return walk(ctx, dir, func(_ int, _ string, st *unix.Stat_t) error {
		bytes := int64(0)
		if st.Mode&unix.S_IFMT == unix.S_IFREG {
			bytes = st.Size
		}
		each(int(st.Uid), int(st.Gid), bytes)
		return nil
	})
}

// Chown gives a tree, itself included, to owners that to tells for those that
// there are; the same: nothing is done.
func Chown(ctx context.Context, dir string, to func(uid, gid int) (int, int)) error {
	return walk(ctx, dir, func(at int, name string, st *unix.Stat_t) error {
		uid, gid := to(int(st.Uid), int(st.Gid))
		if uid == int(st.Uid) && gid == int(st.Gid) {
			return nil
		}
		if gid == int(st.Gid) {
			gid = -1 // it may be one that is not mapped here
		}
		if err := chown(at, name, uid, gid, st.Mode); err != nil {
			return gone(err, name)
		}
		return nil
	})
}

// chown keeps setuid and setgid, which the kernel would clear.
func chown(at int, name string, uid, gid int, mode uint32) error {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if err := unix.Fchownat(at, name, uid, gid, flags); err != nil {
		return err
	}
	if mode&unix.S_IFMT == unix.S_IFREG && mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
		fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		return unix.Fchmod(fd, mode&0o7777)
	}
	return nil
}

// Empty removes all that is in a directory.
func Empty(dir string) error {
	r, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	return empty(r)
}
