package main

import (
	"context"
	"time"

	"davit/backend/api"
)

// An engine that was killed is noticed a moment later: until then, requests
// still go to it, and are lost.
const (
	reconnectTries = 6
	reconnectPause = 20 * time.Millisecond // doubled with each try
)

// reconnect tells whether to ask again after err, and waits until then.
func reconnect(ctx context.Context, err error, tries int) bool {
	if api.KindOf(err) != api.KindUnavailable || tries >= reconnectTries {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(reconnectPause << tries):
		return true
	}
}
