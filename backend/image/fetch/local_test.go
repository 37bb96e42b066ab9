package fetch

import "testing"

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "127.0.0.1:5000": true, "127.8.9.1": true, "[::1]:5000": true, "[::1]": true,
		"dev.localhost:5000": true, "[::ffff:127.0.0.1]:5000": true,
		"localhost.example": false, "127.0.0.1.example:5000": false, "10.0.0.1:5000": false, "0.0.0.0:5000": false, "[::]:80": false, "notlocalhost": false, "": false,
	} {
		if got := Loopback(host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
}

// TestNameOfThisMachineLeadsNowhereElse has a name server answer with another
// machine's address for a name such as dev.localhost.
func TestNameOfThisMachineLeadsNowhereElse(t *testing.T) {
	for address, refused := range map[string]bool{"127.0.0.1:80": false, "[::1]:80": false, "192.0.2.7:80": true, "[2001:db8::1]:80": true, "nonsense": true} {
		if err := loopbackOnly("tcp", address, nil); (err != nil) != refused {
			t.Errorf("%s: %v", address, err)
		}
	}
}
