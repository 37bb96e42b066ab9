package apitest

import "testing"

// FakeSetup is a Setup with a Fake of its own, which ends with the test.
func FakeSetup(t *testing.T) Setup {
	f := New(Options{Speed: 50})
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addImage(offer{layers: 1, size: 2 << 20, cmd: []string{"sh"}}, "docker.io/library/busybox:latest")
	return Setup{
		Service: f, Image: "busybox", PullRef: "docker.io/library/nginx:latest", SearchTerm: "nginx",
		TagsOf: "docker.io/library/nginx", PushTo: "localhost:5000/suite/pushed:1", Registry: "quay.io", Username: "ada", Password: "right",
	}
}
