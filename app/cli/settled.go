package main

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"
)

// settled is an option of docker or podman of which only some values can be
// had: those that say what is so anyway. Why is told of all others.
type settled struct {
	name   string
	values []string // none: nothing of it can be had
	on     bool     // it may stand alone, which means true
	why    string
}

// settle defines options whose values are settled. They are not listed.
func settle(f *pflag.FlagSet, options []settled) {
	for _, s := range options {
		f.Func(s.name, "", func(v string) error {
			if slices.Contains(s.values, v) {
				return nil
			}
			return fmt.Errorf("%q cannot be had: %s", v, s.why)
		})
		if s.on {
			f.Lookup(s.name).NoOptDefVal = "true"
		}
		hide(f, s.name)
	}
}

const (
	noCgroupWrites = "Davit writes the limits that its own options name, and no others"
	noOCIHooks     = "Davit makes the runtime's configuration itself"
	noPods         = "there are no pods; --network container:NAME shares a network"
	noStages       = "a health check has one command, from --health-start-period on"
	clusterOnly    = "it is for networks of several computers"
	bridgeGives    = "addresses are given by Davit, out of the whole subnet; --ip of run takes a certain one"
)

// runSettled are options of docker's and podman's run and create.
var runSettled = []settled{
	{"ipc", []string{"", "private", "none", "shareable"}, false, "each container has shared memory of its own"},
	{"pid", []string{"", "private"}, false, "each container sees its own processes only"},
	{"uts", []string{"", "private"}, false, "each container has a host name of its own"},
	{"cgroupns", []string{"", "private"}, false, "each container sees its own control group only"},
	{"runtime", []string{"", "runc", "crun", "io.containerd.runc.v2"}, false, "containers are run by runc's library, which is built in"},
	{"isolation", []string{"", "default", "process"}, false, "containers are processes"},
	{"link", nil, false, "links are not made: containers of one network find each other by name (davit network create, --network)"},
	{"link-local-ip", nil, false, bridgeGives},
	{"gpus", nil, false, "graphics cards are given by --device, such as --device /dev/dri"},
	{"volume-driver", []string{"", "local"}, false, "volumes are directories of this computer"},
	{"storage-opt", nil, false, "a container's files are bounded by the disk alone"},
	{"use-api-socket", []string{"false"}, true, "Davit has no daemon whose socket could be handed in"},

	{"cgroup-parent", []string{""}, false, "containers' control groups are where this computer gives Davit some"},
	{"cgroups", []string{"enabled", ""}, false, "each container has a control group where this computer gives Davit some"},
	{"cgroup-conf", nil, false, noCgroupWrites},
	{"device-cgroup-rule", nil, false, "what may be done with a device is for its permissions to say"},
	{"blkio-weight-device", nil, false, noCgroupWrites},
	{"device-read-bps", nil, false, noCgroupWrites}, {"device-write-bps", nil, false, noCgroupWrites},
	{"device-read-iops", nil, false, noCgroupWrites}, {"device-write-iops", nil, false, noCgroupWrites},
	{"cpu-rt-period", []string{"0"}, false, "real-time scheduling takes root"},
	{"cpu-rt-runtime", []string{"0"}, false, "real-time scheduling takes root"},
	{"cpuset-mems", []string{""}, false, noCgroupWrites},
	{"kernel-memory", []string{"0"}, false, "the kernel has no such limit any more"},
	{"memory-swappiness", []string{"-1"}, false, "control groups of version 2 have none; --memory-swap bounds swap"},
	{"oom-kill-disable", []string{"false"}, true, "control groups of version 2 always end what needs more than there is"},

	{"systemd", []string{"true", "false"}, true, "systemd inside is not prepared for"},
	{"http-proxy", []string{"false"}, true, "this computer's proxies are not passed on by themselves: -e http_proxy -e https_proxy -e no_proxy"},
	{"image-volume", []string{"", "bind", "anonymous", "volume"}, false, "an image's volumes are volumes, so that nothing is lost"},
	{"read-only-tmpfs", []string{"false"}, true, "with --read-only, give places to write to: --tmpfs /tmp --tmpfs /run"},
	{"passwd", []string{"true", "false"}, true, ""},
	{"no-hosts", []string{"false"}, true, "/etc/hosts is Davit's to write"},
	{"no-hostname", []string{"false"}, true, "/etc/hostname is Davit's to write"},
	{"hosts-file", []string{""}, false, "/etc/hosts is Davit's to write; --add-host adds a line"},
	{"passwd-entry", nil, false, "/etc/passwd is the image's; -u UID:GID takes any numbers"},
	{"group-entry", nil, false, "/etc/group is the image's; --group-add GID takes any number"},
	{"hostuser", nil, false, "/etc/passwd is the image's; -u UID:GID takes any numbers"},
	{"env-host", []string{"false"}, true, "variables are passed on one by one: -e NAME"},
	{"env-merge", nil, false, "a variable is given as it is to be: -e NAME=value"},
	{"unsetenv", nil, false, "an image's variable can be emptied: -e NAME="},
	{"unsetenv-all", []string{"false"}, true, "an image's variable can be emptied: -e NAME="},
	{"timeout", []string{"0"}, false, "what is to end after a while is begun so: timeout SECONDS davit run …, or davit run … timeout SECONDS COMMAND"},
	{"conmon-pidfile", nil, false, "containers have no process beside them; --pidfile has the container's own"},
	{"rmi", []string{"false"}, true, "the image stays; davit rmi removes it"},

	{"pod", []string{""}, false, noPods}, {"pod-id-file", []string{""}, false, noPods}, {"requires", []string{""}, false, noPods}, {"init-ctr", nil, false, noPods},
	{"health-on-failure", []string{"none"}, false, "what is unhealthy is shown, and not ended"},
	{"health-startup-cmd", nil, false, noStages}, {"health-startup-interval", nil, false, noStages}, {"health-startup-retries", nil, false, noStages},
	{"health-startup-success", nil, false, noStages}, {"health-startup-timeout", nil, false, noStages},
	{"rootfs", []string{"false"}, true, "a container is made of an image: tar -C DIR -c . | davit import - NAME"},
	{"preserve-fds", []string{"0"}, false, "descriptors of this computer are not handed in; -v shows files"},
	{"sdnotify", []string{"ignore"}, false, "Davit tells systemd nothing of a container"},
	{"seccomp-policy", []string{"default"}, false, "--security-opt seccomp=FILE has a profile of your own"},
	{"init-path", nil, false, "--init has Davit's own"},
	{"hooks-dir", nil, false, noOCIHooks}, {"personality", nil, false, noOCIHooks}, {"rdt-class", nil, false, noOCIHooks}, {"chrootdirs", nil, false, noOCIHooks},
	{"decryption-key", nil, false, "images are not decrypted"},
	{"arch", nil, false, "--platform os/arch[/variant] has it"}, {"os", []string{"linux"}, false, "containers are Linux's"}, {"variant", nil, false, "--platform os/arch[/variant] has it"},
	{"subuidname", nil, false, "ids are mapped by --uidmap and --userns"}, {"subgidname", nil, false, "ids are mapped by --gidmap and --userns"},
	{"authfile", nil, false, "logins are read where docker and podman keep them; --creds gives another"},
}

// networkSettled are options of docker's and podman's network create.
var networkSettled = []settled{
	{"attachable", []string{"true", "false"}, true, clusterOnly}, {"ingress", []string{"false"}, true, clusterOnly},
	{"config-only", []string{"false"}, true, clusterOnly}, {"config-from", nil, false, clusterOnly}, {"scope", []string{"", "local"}, false, clusterOnly},
	{"ipam-driver", []string{"", "default", "host-local"}, false, bridgeGives}, {"ipam-opt", nil, false, bridgeGives},
	{"ip-range", nil, false, bridgeGives}, {"aux-address", nil, false, "an address is left free where no container asks for it by --ip; choose a subnet without it"},
	{"ipv4", []string{"true"}, true, "every network has IPv4"},
	{"disable-dns", []string{"false"}, true, "members find each other by name in every network"},
	{"dns", nil, false, "resolvers are said of a container: --dns of run"},
	{"interface-name", nil, false, "interfaces are named by Davit"}, {"route", nil, false, "the way out is the gateway"},
}

// commitSettled are options of podman's commit.
var commitSettled = []settled{
	{"include-volumes", []string{"false"}, true, "what is in volumes stays there: davit volume export"},
	{"squash", []string{"false"}, true, "davit export CONTAINER | davit import - NAME has it all in one layer"},
}

// connectSettled are options of docker's network connect.
var connectSettled = []settled{
	{"link", nil, false, "containers of one network find each other by name; --alias adds one"},
	{"link-local-ip", nil, false, bridgeGives}, {"driver-opt", nil, false, "networks are bridges, which have none"},
	{"gw-priority", []string{"0"}, false, "the way out is the first network's"},
}
