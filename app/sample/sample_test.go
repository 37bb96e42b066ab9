package main

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestPageShowsTheRequestAsText(t *testing.T) {
	s := httptest.NewServer(pages(time.Now()))
	defer s.Close()
	r, err := s.Client().Get(s.URL + "/x?q=<script>")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"It runs", "Host name", "GET /x?q=", "User-Agent: Go-http-client"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in\n%s", want, b)
		}
	}
	if strings.Contains(string(b), "<script>") {
		t.Errorf("the query is not escaped:\n%s", b)
	}
}

func TestHealth(t *testing.T) {
	w := httptest.NewRecorder()
	pages(time.Now()).ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	if w.Code != 200 || w.Body.String() != "ok\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}
