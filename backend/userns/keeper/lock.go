package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"davit/backend/store"
	"davit/backend/userns/fdmsg"
)

// locks say that this is the keeper: the one of its data directory, so that
// fronts with different runtime directories (a log-in, a cron job) do not make
// two, and the one of its runtime directory.
type locks struct{ data, runtime *store.Lock }

// holder is what the data directory's lock file tells those who find it held.
type holder struct {
	PID     int    `json:"pid"`
	Runtime string `json:"runtime"`
}

func lock(d store.Dirs) (l locks, mine bool, err error) {
	if l.runtime, mine, err = store.LockDir(d.Runtime); err != nil || !mine {
		return l, mine, err
	}
	// Where nothing can be written, no container can run, and this one only
	// answers who looks at what is there.
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return l, true, nil
	}
	l.data, mine, err = store.TryLockFile(d.KeeperLock())
	if err != nil {
		return l, true, nil
	}
	if !mine {
		return l, false, l.free()
	}
	b, err := json.Marshal(holder{PID: os.Getpid(), Runtime: d.Runtime})
	if err == nil {
		err = l.data.Write(append(b, '\n'))
	}
	return l, true, err
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
	b, err := os.ReadFile(d.KeeperLock())
	if err != nil {
		return nil, err
	}
	var h holder
	if err := json.Unmarshal(b, &h); err != nil {
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
