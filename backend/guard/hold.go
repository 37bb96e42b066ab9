package guard

import (
	"io"
	"net"
)

// hold mounts the container's file system where it does not run, and keeps it
// mounted until conn ends: one mount for all who look into it and for a start
// that comes meanwhile, because two overlays of the same writable layer would
// not see each other's changes.
func (c *container) hold(conn net.Conn) error {
	c.op.Lock()
	defer c.op.Unlock()
	c.mu.Lock()
	c.holds++ // first: an end that comes right now leaves it mounted
	c.mu.Unlock()
	if err := mountRootfs(c.g.ctx, c.g.Dirs, c.rec); err != nil {
		c.mu.Lock()
		c.holds--
		c.mu.Unlock()
		_ = conn.Close()
		return err
	}
	c.g.enter()
	go func() {
		defer c.g.leave()
		_, _ = io.Copy(io.Discard, conn) // nothing is ever sent
		_ = conn.Close()
		if err := c.unhold(); err != nil {
			c.log.Error("unmount", "err", err)
		}
	}()
	return nil
}

func (c *container) unhold() error {
	c.op.Lock()
	defer c.op.Unlock()
	c.mu.Lock()
	c.holds--
	running := c.run != nil
	c.mu.Unlock()
	if running {
		return nil
	}
	return c.unmountUnheld()
}

// unmountUnheld takes the file system of a container that has ended apart,
// unless somebody looks into it.
func (c *container) unmountUnheld() error {
	c.mu.Lock()
	held := c.holds > 0
	c.mu.Unlock()
	if held {
		return nil
	}
	return unmountRootfs(c.dir)
}
