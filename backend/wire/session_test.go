package wire_test

import (
	"bytes"
	"context"
	"io"
	"sync"
	"syscall"
	"testing"
	"time"

	"davit/backend/api"
)

// mute is the far side of a process that has ended: it takes no input, and
// what it said last is still to be read.
type mute struct {
	api.Service
	said            bytes.Buffer
	refused, closed chan struct{}
	refuse, shut    sync.Once
}

func (m *mute) Write([]byte) (int, error) {
	m.refuse.Do(func() { close(m.refused) })
	return 0, syscall.EPIPE
}

func (m *mute) Read(p []byte) (int, error) {
	<-m.refused
	select {
	case <-m.closed:
		return 0, io.ErrClosedPipe
	case <-time.After(50 * time.Millisecond): // time to be closed too early
		return m.said.Read(p)
	}
}

func (m *mute) Close() error {
	m.shut.Do(func() { close(m.closed) })
	return nil
}

func (m *mute) Exec(context.Context, string, api.ExecSpec) (*api.Session, error) {
	return api.NewSession(m), nil
}

// Input that comes when the process has ended takes none of its last words.
func TestLastWordsOutliveLateInput(t *testing.T) {
	m := &mute{refused: make(chan struct{}), closed: make(chan struct{})}
	far := api.NewSession(struct {
		io.Writer
		io.ReadCloser
	}{&m.said, io.NopCloser(nil)})
	if _, err := io.WriteString(far.Stdout(), "bye\n"); err != nil {
		t.Fatal(err)
	}
	if err := far.End(api.Exit{Code: 17}); err != nil {
		t.Fatal(err)
	}
	s, err := over(t, m).Exec(t.Context(), "one", api.ExecSpec{Args: []string{"sh"}, Interactive: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.CloseInput(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if exit, err := s.Stream(&out, io.Discard); err != nil || exit.Code != 17 || out.String() != "bye\n" {
		t.Errorf("%v, %+v, %q", err, exit, out.String())
	}
}
