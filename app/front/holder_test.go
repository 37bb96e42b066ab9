package front

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"davit/backend/api"
)

func TestTakenPortNamesItsHolder(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().String()
	got := named(api.Errorf(api.KindConflict, "port 1 is in use by another program of yours").WithRef(at))
	if want := fmt.Sprintf("(process %d)", os.Getpid()); !strings.Contains(got.Error(), want) || strings.Contains(got.Error(), "another") {
		t.Errorf("got %q, want %s in it", got, want)
	}
}

func TestOtherErrorsStayAsTheyAre(t *testing.T) {
	for _, err := range []error{
		nil,
		errors.New("another program"),
		api.Errorf(api.KindConflict, "port 1 is in use by the container web").WithRef("127.0.0.1:1"),
		api.Errorf(api.KindConflict, "in use by another program").WithRef("nonsense"),
		api.Errorf(api.KindConflict, "in use by another program").WithRef("127.0.0.1:1"),
	} {
		if got := named(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}
