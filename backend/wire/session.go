package wire

import (
	"bytes"
	"io"
	"net"
	"net/http"

	"davit/backend/api"
)

// protocol is what Attach and Exec upgrade to: the frames of api.Session.
const protocol = "davit-session"

func (x *exchange) wantsUpgrade() error {
	if x.r.Header.Get("Upgrade") != protocol {
		return api.Errorf(api.KindInvalid, "%s wants the header Upgrade: %s", x.name(), protocol)
	}
	return nil
}

// upgrade hands the connection over to the session: bytes are passed on both
// ways, frames are not looked at. It returns when both ends are closed.
func (x *exchange) upgrade(s *api.Session) error {
	defer s.Close()
	conn, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return api.Errorf(api.KindInvalid, "a session cannot be carried over this connection: %w", err)
	}
	defer conn.Close()
	x.begun = true
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+protocol+"\r\n\r\n")
	if err != nil {
		return nil
	}
	in := io.Reader(conn)
	if n := buffered.Reader.Buffered(); n > 0 {
		early, _ := buffered.Reader.Peek(n)
		in = io.MultiReader(bytes.NewReader(early), conn)
	}
	splice(s.Conn(), in, conn)
	return nil
}

// splice passes bytes on until the process's side ends, or the client does.
// Closing both at the end frees the other direction.
func splice(process io.ReadWriteCloser, in io.Reader, client net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(process, in)
		// A process that has ended takes no input; what it said last is not
		// lost by that. Only when the person has gone nobody hears it.
		_, _ = io.Copy(io.Discard, in)
		process.Close()
	}()
	_, _ = io.Copy(client, process)
	client.Close()
	<-done
}
