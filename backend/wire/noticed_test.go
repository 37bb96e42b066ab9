package wire

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestNoticed(t *testing.T) {
	notices, answered := 0, 0
	h := Noticed(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range answered {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				t.Error(err)
			}
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error("what the server can do besides is hidden:", err)
		}
	}), func() { notices++ })
	for _, c := range []struct{ kilobytes, want int }{{0, 1}, {255, 1}, {256, 2}, {600, 3}} {
		notices, answered = 0, c.kilobytes
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", nil))
		if notices != c.want || answer.Body.Len() != c.kilobytes<<10 {
			t.Errorf("%d kB: %d notices and %d bytes, want %d", c.kilobytes, notices, answer.Body.Len(), c.want)
		}
	}
}
