package wire

import "net/http"

// muchAnswered is how many bytes of an answer are worth another notice.
const muchAnswered = 256 << 10

// Noticed calls notice when a request comes, and again for each quarter of a
// megabyte of its answer: a process can tell by it whether it has much to do.
// Streams that say little now and then are not noticed.
func Noticed(h http.Handler, notice func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		notice()
		h.ServeHTTP(&noticed{ResponseWriter: w, notice: notice}, r)
	})
}

// noticed is the answer to one request.
type noticed struct {
	http.ResponseWriter
	notice func()
	since  int // bytes written since the last notice
}

func (n *noticed) Write(p []byte) (int, error) {
	if n.since += len(p); n.since >= muchAnswered {
		n.since = 0
		n.notice()
	}
	return n.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (n *noticed) Unwrap() http.ResponseWriter { return n.ResponseWriter }
