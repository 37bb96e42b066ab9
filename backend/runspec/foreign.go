package runspec

// quiet is why an option says nothing that a spec would hold.
const quiet = "-"

// foreign is an option of other engines.
type foreign struct {
	takes bool   // a value
	why   string // it is left out; "": there is none like it
}

// ignored are the options of docker run, podman run and nerdctl run that
// `davit run` has not, so that their values are not taken for the image.
var ignored = map[string]foreign{
	"attach": {takes: true, why: quiet}, "a": {takes: true, why: quiet}, "sig-proxy": {why: quiet}, "detach-keys": {takes: true, why: quiet},
	"cidfile": {takes: true, why: quiet}, "quiet": {why: quiet}, "q": {why: quiet}, "disable-content-trust": {why: quiet}, "replace": {why: quiet},
	"conmon-pidfile": {takes: true, why: quiet}, "pidfile": {takes: true, why: quiet}, "tls-verify": {why: quiet}, "authfile": {takes: true, why: quiet},
	"creds": {takes: true, why: "passwords for a registry stay out of the form: log in to it"},
	"rmi":   {}, "arch": {takes: true}, "os": {takes: true}, "variant": {takes: true},
	"link": {takes: true, why: "containers find each other by their names"}, "link-local-ip": {takes: true},
	"blkio-weight-device": {takes: true}, "device-read-bps": {takes: true}, "device-read-iops": {takes: true},
	"device-write-bps": {takes: true}, "device-write-iops": {takes: true}, "device-cgroup-rule": {takes: true},
	"cgroup-parent": {takes: true}, "cgroupns": {takes: true}, "cgroups": {takes: true}, "cgroup-conf": {takes: true},
	"cpu-count": {takes: true}, "cpu-percent": {takes: true},
	"cpu-rt-period": {takes: true}, "cpu-rt-runtime": {takes: true}, "cpuset-mems": {takes: true},
	"io-maxbandwidth": {takes: true}, "io-maxiops": {takes: true}, "kernel-memory": {takes: true},
	"memory-swappiness": {takes: true}, "oom-kill-disable": {},
	"gpus": {takes: true, why: "graphics cards are given by --device, such as /dev/dri"}, "runtime": {takes: true},
	"ipc": {takes: true}, "pid": {takes: true}, "uts": {takes: true}, "isolation": {takes: true}, "storage-opt": {takes: true},
	"volume-driver": {takes: true}, "volumes-from": {takes: true}, "use-api-socket": {},
	"log-level": {takes: true, why: quiet}, "pod": {takes: true}, "pod-id-file": {takes: true}, "preserve-fds": {takes: true}, "chrootdirs": {takes: true},
	"health-on-failure": {takes: true}, "health-log-destination": {takes: true}, "health-max-log-count": {takes: true}, "health-max-log-size": {takes: true},
	"health-startup-cmd": {takes: true}, "health-startup-interval": {takes: true}, "health-startup-retries": {takes: true},
	"health-startup-success": {takes: true}, "health-startup-timeout": {takes: true},
	"hooks-dir": {takes: true}, "hosts-file": {takes: true}, "http-proxy": {}, "image-volume": {takes: true}, "init-path": {takes: true},
	"init-ctr": {takes: true}, "no-hostname": {}, "no-hosts": {}, "passwd": {}, "passwd-entry": {takes: true}, "group-entry": {takes: true},
	"personality": {takes: true}, "read-only-tmpfs": {why: quiet}, "requires": {takes: true}, "rootfs": {}, "sdnotify": {takes: true},
	"seccomp-policy": {takes: true}, "shm-size-systemd": {takes: true}, "subgidname": {takes: true}, "subuidname": {takes: true},
	"systemd": {takes: true}, "timeout": {takes: true}, "unsetenv": {takes: true}, "unsetenv-all": {}, "env-host": {},
	"env-merge": {takes: true}, "hostuser": {takes: true}, "retry": {takes: true}, "retry-delay": {takes: true}, "decryption-key": {takes: true},
	"verify": {takes: true, why: quiet}, "cosign-key": {takes: true}, "rdt-class": {takes: true}, "label-from": {takes: true},
}
