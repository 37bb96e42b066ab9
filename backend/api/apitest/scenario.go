package apitest

import (
	"fmt"
	"time"

	"davit/backend/api"
)

// fill makes what a scenario holds; f.mu is held.
func (f *Fake) fill(s Scenario) {
	f.catalogue = catalogue()
	f.registries = []api.Registry{
		{Host: "docker.io", Kind: "hub", Source: "built in", Search: true, Mirrors: []string{}},
		{Host: "quay.io", Kind: "quay", Source: "/etc/containers/registries.conf", Search: true, Mirrors: []string{}},
		{Host: "localhost:5000", Kind: "catalogue", Source: "~/.config/containers/registries.conf", Search: true, Insecure: true, Mirrors: []string{}},
	}
	f.info = api.Info{
		Version: "0.1.0-fake", OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0-37-amd64", Architecture: "amd64",
		CPUs: 8, Memory: 16 << 30, StoreDir: "/home/ada/.local/share/davit", RuntimeDir: "/run/user/1000/davit",
		UserNS: "full", Limited: []string{}, CgroupVersion: "v2", CgroupDelegated: true, Runtime: "libcontainer 1.5.2",
		Network: "gvisor-tap-vsock 0.8.9", Security: []string{"seccomp", "apparmor"}, Subnet: "10.88.0.0/24",
	}
	f.checks = healthy()
	switch s {
	case Full:
		f.fillImages()
		f.fillContainers()
		f.fillOperations()
		f.registries = append(f.registries, api.Registry{
			Host: "offline.example.org", Kind: "catalogue", Source: "~/.config/containers/registries.conf", Search: true, Mirrors: []string{},
		})
		f.registries[1].User = "ada"
		f.checks = mixed()
		f.info.CgroupDelegated = false
		f.info.Limited = []string{"Limits of memory and CPU cannot be set: the cgroup is not delegated."}
	case Many:
		f.fillMany()
	case Refused:
		f.checks = refusedChecks()
		f.info.UserNS, f.info.Limited = "", []string{"Containers cannot run: user namespaces are switched off."}
		f.refused = api.Errorf(api.KindHost, "this machine does not let people make user namespaces").
			WithHint("The set-up page shows the command that allows it.")
	}
}

func (f *Fake) fillImages() {
	for _, o := range f.catalogue[:6] {
		f.addImage(o, o.name+":latest")
	}
	f.give(f.images[0], "docker.io/library/nginx:1.29")
	f.addImage(offer{name: "localhost/shop", layers: 9, size: 48 << 20, ports: []string{"8000/tcp"}, cmd: []string{"sample"}}, "localhost/shop:dev")
	f.images[6].detail.Origin = "loaded from shop.tar"
	f.addImage(offer{layers: 3, size: 22 << 20, cmd: []string{"sh"}}, "") // dangling
}

// put makes a container and says how it is.
func (f *Fake) put(name, image string, age time.Duration, spec api.RunSpec) *box {
	i, err := f.findImage(image)
	if err != nil {
		panic(err) // a scenario that names an image it does not have
	}
	spec.Name, spec.Image = name, image
	b, err := f.newBox(i, spec)
	if err != nil {
		panic(err)
	}
	b.detail.Created = f.since(age)
	f.boxes = append(f.boxes, b)
	return b
}

// up starts a container of a scenario as if it had run for a while.
func (f *Fake) up(b *box, age time.Duration) {
	if err := f.start(b); err != nil {
		panic(err)
	}
	b.detail.Started = f.since(age)
}

// down says how a container of a scenario ended.
func (f *Fake) down(b *box, age time.Duration, code int) {
	b.detail.State, b.detail.ExitCode = api.StateExited, code
	b.detail.Started, b.detail.Finished = f.since(age+time.Minute), f.since(age)
	b.detail.Reason = exitReason(code, b.detail.OOMKilled)
	b.lines = append(b.lines, api.LogLine{Time: b.detail.Started, Stream: "stdout", Text: "starting"},
		api.LogLine{Time: b.detail.Finished, Stream: "stderr", Text: fmt.Sprintf("ended with %d", code)})
}

func (f *Fake) fillContainers() {
	day := 24 * time.Hour
	f.down(f.put("old_ferry", "alpine", 30*day, api.RunSpec{Command: []string{"sh", "-c", "echo done"}}), 29*day, 0)
	broken := f.put("wreck", "busybox", 20*day, api.RunSpec{})
	broken.detail.State, broken.detail.Reason = api.StateBroken, "container.json cannot be read: unexpected end of JSON input"
	oom := f.put("hungry", "redis", 9*day, api.RunSpec{})
	oom.detail.OOMKilled = true
	f.down(oom, 8*day, 137)
	f.put("draft", "postgres", 5*day, api.RunSpec{Env: []string{"POSTGRES_PASSWORD=secret"}, Ports: []api.Port{{ContainerPort: 5432}}})
	f.up(f.put("web", "nginx", 3*day, api.RunSpec{
		Ports: []api.Port{{HostPort: 8080, ContainerPort: 80}}, Labels: map[string]string{"com.example.team": "shop"},
	}), 2*time.Hour)
	f.up(f.put("database", "postgres", 3*day, api.RunSpec{
		Env: []string{"POSTGRES_PASSWORD=secret"}, Ports: []api.Port{{HostPort: 5432, ContainerPort: 5432}},
	}), 2*time.Hour)
	f.up(f.put("shop", "localhost/shop:dev", 20*time.Minute, api.RunSpec{
		Ports: []api.Port{{HostPort: 8000, ContainerPort: 8000}, {HostIP: "0.0.0.0", HostPort: 8001, ContainerPort: 8001}},
	}), 4*time.Minute)
	f.up(f.put("counter", "busybox", time.Minute, api.RunSpec{
		Command: []string{"sh", "-c", "while true; do echo tick; sleep 1; echo tock >&2; sleep 1; done"},
	}), time.Minute)
	f.up(f.put("terminal", "busybox", time.Minute, api.RunSpec{TTY: true, Interactive: true}), time.Minute)
	f.up(f.put("mysql", "mysql", 30*time.Second, api.RunSpec{}), 30*time.Second)
}

func (f *Fake) fillOperations() {
	f.ops = append(f.ops,
		&operation{Operation: api.Operation{
			ID: f.hex(16), Kind: "pull", Title: "Pull docker.io/library/nginx:latest", Subject: "docker.io/library/nginx:latest",
			State: api.OperationDone, Started: f.since(50 * time.Minute), Ended: f.since(49 * time.Minute), Done: 72 << 20, Total: 72 << 20,
			Steps: []api.Step{}, ImageID: f.images[0].detail.ID, Image: "docker.io/library/nginx:latest",
		}},
		&operation{Operation: api.Operation{
			ID: f.hex(16), Kind: "pull", Title: "Pull docker.io/team/private:latest", Subject: "docker.io/team/private:latest",
			State: api.OperationFailed, Started: f.since(9 * time.Minute), Ended: f.since(9 * time.Minute), Steps: []api.Step{},
			Error: api.Errorf(api.KindDenied, "docker.io does not show docker.io/team/private:latest without a login").
				WithRef("docker.io/team/private:latest").WithHint("davit login docker.io"),
		}})
}

func (f *Fake) fillMany() {
	for i := range 100 {
		o := f.catalogue[i%6]
		f.addImage(o, fmt.Sprintf("%s:1.%d", o.name, i))
	}
	for i := range 500 {
		b := f.put(fmt.Sprintf("worker-%03d", i), fmt.Sprintf("busybox:1.%d", 5+6*(i%15)), time.Duration(500-i)*time.Minute,
			api.RunSpec{Command: []string{"sh", "-c", "while true; do echo tick; sleep 5; done"}})
		if i%3 == 0 {
			f.down(b, time.Duration(500-i)*time.Minute/2, i%4)
		} else {
			f.up(b, time.Duration(500-i)*time.Minute)
		}
	}
}

func healthy() []api.Check {
	return []api.Check{
		{ID: "userns", Title: "User namespaces", State: api.CheckOK, Found: "One was made.", Means: "Containers can run without root."},
		{ID: "subuid", Title: "Subordinate user ids", State: api.CheckOK, Found: "ada has 65536 of them.", Means: "Images with several users work."},
		{ID: "newuidmap", Title: "newuidmap and newgidmap", State: api.CheckOK, Found: "/usr/bin/newuidmap", Means: "The ids can be used."},
		{ID: "overlay", Title: "Overlay file system", State: api.CheckOK, Found: "One was mounted in a user namespace.", Means: "Containers share the files of their image."},
		{ID: "tun", Title: "/dev/net/tun", State: api.CheckOK, Found: "It can be opened.", Means: "Containers have a network."},
		{ID: "cgroup", Title: "Control groups", State: api.CheckOK, Found: "Version 2, delegated.", Means: "Limits can be set."},
		{ID: "space", Title: "Free space", State: api.CheckOK, Found: "212 GB", Means: "There is room for images."},
	}
}

func mixed() []api.Check {
	c := healthy()
	c[5] = api.Check{
		ID: "cgroup", Title: "Control groups", State: api.CheckWarning, Found: "Version 2, but nothing is delegated to you.",
		Means: "Containers run; limits of memory and CPU cannot be set.", Fix: "sudo systemctl enable --now user@1000.service",
		FixWhy: "Starts the service that gives you a part of the control groups.", Mend: pretended("delegate"),
	}
	c[6] = api.Check{
		ID: "space", Title: "Free space", State: api.CheckWarning, Found: "1.2 GB in /home/ada/.local/share/davit",
		Means: "Large images will not fit.", Fix: "davit rmi <image>", FixWhy: "Removes an image that you no longer use.",
	}
	return append(c, api.Check{ID: "linger", Title: "After logging out", State: api.CheckUnknown, Found: "loginctl does not answer.", Means: "Containers may end when you log out."})
}

func refusedChecks() []api.Check {
	c := healthy()
	c[0] = api.Check{
		ID: "userns", Title: "User namespaces", State: api.CheckFailed, Found: "The kernel refuses: kernel.unprivileged_userns_clone is 0.",
		Means: "No container can run.", Fix: "sudo sysctl -w kernel.unprivileged_userns_clone=1\necho kernel.unprivileged_userns_clone=1 | sudo tee /etc/sysctl.d/90-userns.conf",
		FixWhy: "Allows it now, and after the next start.", Mend: pretended("userns"),
	}
	c[1] = api.Check{
		ID: "subuid", Title: "Subordinate user ids", State: api.CheckFailed, Found: "ada has none in /etc/subuid.",
		Means: "Only images with a single user will work.", Fix: "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ada",
		FixWhy: "Gives you 65536 user and group ids for containers.", Mend: pretended("subids"),
	}
	c[3].State, c[3].Found, c[3].Means = api.CheckUnknown, "Not tried: it needs a user namespace.", "It is tried once the first check passes."
	return c
}
