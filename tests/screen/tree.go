package screen

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Box is a place on the display, in pixels.
type Box struct{ X, Y, Width, Height int }

// Role is what something on the display is for, in AT-SPI's numbers (WebKit
// 2.50 leaves the names empty).
// https://gnome.pages.gitlab.gnome.org/at-spi2-core/libatspi/enum.Role.html
type Role uint32

// The roles that tests look for.
const (
	Anything Role = 0
	Button   Role = 43
	Entry    Role = 79
	Heading  Role = 83
	Link     Role = 88
)

// Node is what a person finds on the display: a button, a heading, a row.
type Node struct {
	Role Role
	Name string // what a screen reader says
	Box  Box
	bus  string
	path dbus.ObjectPath
}

const (
	accessible = "org.a11y.atspi.Accessible"
	component  = "org.a11y.atspi.Component"
	registry   = "org.a11y.atspi.Registry"
	treeRoot   = "/org/a11y/atspi/accessible/root"
)

// Tree is a connection to the accessibility bus of a session. A test looks
// there for what it clicks, so that it finds things as people with a screen
// reader do, and does not depend on where a layout puts them.
type Tree struct{ bus *dbus.Conn }

// Tree connects to the session's accessibility bus.
func (s *Session) Tree(ctx context.Context) (*Tree, error) {
	session, err := connect(ctx, s.bus)
	if err != nil {
		return nil, fmt.Errorf("session bus: %w", err)
	}
	defer session.Close()
	var address string
	if err := session.Object("org.a11y.Bus", "/org/a11y/bus").CallWithContext(ctx, "org.a11y.Bus.GetAddress", 0).Store(&address); err != nil {
		return nil, fmt.Errorf("accessibility bus: %w", err)
	}
	bus, err := connect(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("accessibility bus %s: %w", address, err)
	}
	return &Tree{bus}, nil
}

// Close ends the connection.
func (t *Tree) Close() error { return t.bus.Close() }

func connect(ctx context.Context, address string) (*dbus.Conn, error) {
	bus, err := dbus.Dial(address, dbus.WithContext(context.WithoutCancel(ctx)))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(bus.Auth(nil), bus.Hello()); err != nil {
		bus.Close()
		return nil, err
	}
	return bus, nil
}

// Find waits until something with the role whose name contains text can
// be seen.
func (t *Tree) Find(ctx context.Context, role Role, text string) (Node, error) {
	var found Node
	err := Until(ctx, func() (bool, error) {
		nodes, err := t.Nodes(ctx)
		for _, n := range nodes {
			if role != Anything && n.Role != role || !strings.Contains(n.Name, text) {
				continue
			}
			if n.Box = t.place(ctx, n); n.visible() {
				found = n
				return true, nil
			}
		}
		return false, err
	})
	if err != nil {
		return found, fmt.Errorf("nothing to see with role %d and name %q: %w", role, text, err)
	}
	return found, nil
}

func (n Node) visible() bool {
	return n.Box.Width > 0 && n.Box.Height > 0 && n.Box.X >= 0 && n.Box.Y >= 0 && n.Box.X < Width && n.Box.Y < Height
}

// Nodes lists everything in all windows, without its place.
func (t *Tree) Nodes(ctx context.Context) ([]Node, error) {
	var all []Node
	err := t.walk(ctx, Node{bus: registry, path: treeRoot}, &all, 0)
	return all, err
}

// maxDepth is far below any page's, and ends a tree that goes in circles.
const maxDepth = 60

func (t *Tree) walk(ctx context.Context, n Node, all *[]Node, depth int) error {
	if depth > maxDepth {
		return nil
	}
	children, err := t.children(ctx, n)
	if err != nil {
		return fmt.Errorf("children of %d %q: %w", n.Role, n.Name, err)
	}
	for _, c := range children {
		child := Node{bus: c.Bus, path: c.Path}
		t.describe(ctx, &child)
		*all = append(*all, child)
		// What goes away while the tree is walked is simply not there.
		_ = t.walk(ctx, child, all, depth+1)
	}
	return nil
}

type reference struct {
	Bus  string
	Path dbus.ObjectPath
}

func (t *Tree) children(ctx context.Context, n Node) ([]reference, error) {
	var all []reference
	if err := t.call(ctx, n, accessible+".GetChildren").Store(&all); err != nil || len(all) > 0 {
		return all, err
	}
	// A socket, where WebKit's process plugs in, hides its child from
	// GetChildren but counts it: at-spi2-core 2.46.
	var one reference
	if v, err := t.bus.Object(n.bus, n.path).GetProperty(accessible + ".ChildCount"); err != nil || v.Value() != int32(1) {
		return nil, nil
	}
	if err := t.call(ctx, n, accessible+".GetChildAtIndex", int32(0)).Store(&one); err != nil || one.Path == "/org/a11y/atspi/null" {
		return nil, nil
	}
	return []reference{one}, nil
}

// describe asks for role and name; what has none keeps "".
func (t *Tree) describe(ctx context.Context, n *Node) {
	_ = t.call(ctx, *n, accessible+".GetRole").Store(&n.Role)
	if v, err := t.bus.Object(n.bus, n.path).GetProperty(accessible + ".Name"); err == nil {
		n.Name, _ = v.Value().(string)
	}
}

// place asks where a node is on the display; nothing for what has no place.
func (t *Tree) place(ctx context.Context, n Node) Box {
	var box struct{ X, Y, Width, Height int32 }
	const onScreen = uint32(0)
	if err := t.call(ctx, n, component+".GetExtents", onScreen).Store(&box); err != nil {
		return Box{}
	}
	return Box{int(box.X), int(box.Y), int(box.Width), int(box.Height)}
}

func (t *Tree) call(ctx context.Context, n Node, method string, args ...any) *dbus.Call {
	return t.bus.Object(n.bus, n.path).CallWithContext(ctx, method, 0, args...)
}
