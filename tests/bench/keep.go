package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"davit/backend/api"
)

// edit times a container that gets another environment: a new one in its
// place, running. podman has no such verb; what one types instead is rm and run.
func (b *bench) edit(ctx context.Context) error {
	variable := func(n int) []string { return []string{"-d", "--name", "edited", "-e", "N=" + strconv.Itoa(n)} }
	f := figure{"edit a running container and recreate it", []limit{{Most: 500}, {Peer: "podman", Most: 0.5}}}
	for _, t := range b.tools {
		if err := made("run", variable(0), patient...)(ctx, t); err != nil {
			return err
		}
	}
	for n := range b.rounds {
		for _, t := range b.tools {
			c := command{f, nil, typed("edit", "-e", "N="+strconv.Itoa(n+1), "edited"), nil}
			if t.name != ours {
				c.timed = func(ctx context.Context, t tool) error {
					if _, err := t.run(ctx, "stop", "edited"); err != nil {
						return err
					}
					if _, err := t.run(ctx, "rm", "edited"); err != nil {
						return err
					}
					return made("run", variable(n+1), patient...)(ctx, t)
				}
			}
			if err := c.once(ctx, b.report, t); err != nil {
				return err
			}
			got, err := t.run(ctx, "exec", "edited", "sh", "-c", "echo $N")
			if err != nil || got != strconv.Itoa(n+1) {
				return fmt.Errorf("%s: the container has N=%s after the edit to %d: %w", t.name, got, n+1, err)
			}
		}
	}
	return b.each(ctx, typed("rm", "-f", "edited"))
}

// written is how much a container has written before it is kept: so many files
// of a tenth of it.
const (
	writtenFiles = 10
	writtenMB    = 1000
)

// snapshot times how long it takes to keep what a running container has
// written. podman has commit, which makes a layer of it.
func (b *bench) snapshot(ctx context.Context) error {
	write := fmt.Sprintf("for n in $(busybox seq %d); do head -c %d000000 /dev/urandom >/file$n; done", writtenFiles, writtenMB/writtenFiles)
	for _, t := range b.tools {
		if err := made("run", []string{"-d", "--name", "writer"}, patient...)(ctx, t); err != nil {
			return err
		}
		if _, err := t.run(ctx, "exec", "writer", "sh", "-c", write); err != nil {
			return err
		}
	}
	s, closeFront, err := b.engine(ctx)
	if err != nil {
		return err
	}
	defer closeFront()
	for range max(b.rounds/5, 1) {
		if err := b.keep(ctx, s); err != nil {
			return err
		}
	}
	return b.each(ctx, typed("rm", "-f", "writer"))
}

func (b *bench) keep(ctx context.Context, s api.Service) error {
	shares, err := b.fileSystem()
	if err != nil {
		return err
	}
	f := figure{fmt.Sprintf("keep 1 GB that a container wrote, on %s", shares), []limit{{Most: 1000}}}
	for _, t := range b.tools {
		unix.Sync() // what was written before is no part of it
		began := time.Now()
		if t.name == ours {
			snap, err := s.TakeSnapshot(ctx, api.SnapshotSpec{Ref: "writer"})
			if err != nil {
				return err
			}
			b.time(f, t.name, time.Since(began))
			if snap.Size != writtenMB*1e6 {
				return fmt.Errorf("the snapshot is of %d bytes", snap.Size)
			}
			if err := s.RemoveSnapshot(ctx, "writer", snap.ID); err != nil {
				return err
			}
			continue
		}
		if _, err := t.run(ctx, "commit", "-q", "writer", "kept"); err != nil {
			return err
		}
		b.time(f, t.name, time.Since(began))
		if _, err := t.run(ctx, "rmi", "kept"); err != nil {
			return err
		}
	}
	return nil
}

// fileSystem names the one that the places are on, and says whether its files
// can share blocks.
func (b *bench) fileSystem() (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(b.home.Dir, &st); err != nil {
		return "", err
	}
	name, ok := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.TMPFS_MAGIC: "tmpfs",
		bcachefs: "bcachefs", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs", unix.F2FS_SUPER_MAGIC: "f2fs",
	}[int64(st.Type)]
	if !ok {
		name = fmt.Sprintf("%#x", st.Type)
	}
	shares, err := shareBlocks(b.home.Dir)
	if err != nil {
		return "", err
	}
	return name + map[bool]string{true: " that shares blocks", false: " that copies"}[shares], nil
}

// bcachefs is its magic number of the kernel's bcachefs_format.h.
const bcachefs = 0xca451a4e

func shareBlocks(dir string) (bool, error) {
	from, err := os.CreateTemp(dir, "from-")
	if err != nil {
		return false, err
	}
	defer os.Remove(from.Name())
	defer from.Close()
	if _, err := from.WriteString("shared"); err != nil {
		return false, err
	}
	to, err := os.Create(filepath.Join(dir, filepath.Base(from.Name())+"-to"))
	if err != nil {
		return false, err
	}
	defer os.Remove(to.Name())
	defer to.Close()
	return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil, nil
}
