package front

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"davit/backend/api"
	"davit/netstack/netd"
)

// A port that is taken names its holder. The engine's side lives in a user
// namespace and may not look into the host's processes: it says "another
// program of yours"; this process is the person's own and may.

// Start implements api.Service.
func (s *service) Start(ctx context.Context, ref string) error {
	return named(s.Service.Start(ctx, ref))
}

// Restart implements api.Service.
func (s *service) Restart(ctx context.Context, ref string, o api.StopOptions) error {
	return named(s.Service.Restart(ctx, ref, o))
}

// Attach implements api.Service.
func (s *service) Attach(ctx context.Context, ref string, a api.AttachOptions) (*api.Session, error) {
	session, err := s.Service.Attach(ctx, ref, a)
	return session, named(err)
}

// named puts the holder's name where the error leaves it open.
func named(err error) error {
	if err == nil {
		return nil
	}
	e := api.AsError(err)
	const open = "another program"
	if e.Kind != api.KindConflict || !strings.Contains(e.Msg, open) {
		return err
	}
	at, perr := netip.ParseAddrPort(e.Ref)
	if perr != nil {
		return err
	}
	h, ok := netd.FindHolder("tcp", at)
	if !ok || h.PID == 0 {
		return err
	}
	c := *e
	head, _, _ := strings.Cut(e.Msg, open)
	c.Msg = head + fmt.Sprintf("%s (process %d)", h.Name, h.PID)
	return &c
}
