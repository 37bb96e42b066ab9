package keeper

import (
	"context"
	"errors"
	"os"

	"davit/backend/store"
	"davit/backend/userns/fdmsg"
)

// locks say that this is the keeper: the one of its data directory, so that
// fronts with different runtime directories (a log-in, a cron job) do not make
// two, and the one of its runtime directory.
type locks struct{ data, runtime *store.Lock }

// holder is what the data directory tells those who find it locked.
type holder struct {
	PID     int    `json:"pid"`
	Runtime string `json:"runtime"`
}

func lock(d store.Dirs) (l locks, mine bool, err error) {
	if l.runtime, mine, err = store.LockDir(d.Runtime); err != nil || !mine {
		return l, mine, err
	}
	// Where nothing can be written, this one only answers who looks at what is there.
	_ = os.MkdirAll(d.Data, 0o700)
	if same(d.Data, d.Runtime) {
		return l, true, nil
	}
	if l.data, mine, err = store.LockDir(d.Data); err != nil {
		return l, true, nil // there is no data
	}
	if !mine {
		return l, false, l.free()
	}
	_ = store.WriteJSONVolatile(d.Keeper(), holder{PID: os.Getpid(), Runtime: d.Runtime})
	return l, true, nil
}

func same(a, b string) bool {
	x, xerr := os.Stat(a)
	y, yerr := os.Stat(b)
	return xerr == nil && yerr == nil && os.SameFile(x, y)
}

func (l locks) free() error {
	var err error
	for _, one := range []*store.Lock{l.data, l.runtime} {
		if one != nil {
			err = errors.Join(err, one.Unlock())
		}
	}
	return err
}

// dialHolder connects to the keeper of the data directory, where its runtime
// directory is another than ours.
func dialHolder(ctx context.Context, d store.Dirs) (*Client, error) {
	var h holder
	if err := store.ReadJSON(d.Keeper(), &h); err != nil {
		return nil, err
	}
	if h.Runtime == "" || h.Runtime == d.Runtime {
		return nil, os.ErrNotExist
	}
	d.Runtime = h.Runtime
	c, err := fdmsg.Dial(ctx, d.KeeperSocket())
	if err != nil {
		return nil, err
	}
	return &Client{c: c}, nil
}
