package runspec

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"davit/backend/api"
	"davit/backend/form"
	"davit/backend/userns/idmap"
)

var (
	zoneForm   = form.Of(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$`)
	secretForm = form.Of(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,252}$`)
	envForm    = form.Of(`^[^=\s\x00]+$`)
)

// ValidSecretName tells whether something can be the name of a secret.
func ValidSecretName(name string) bool { return secretForm().MatchString(name) }

func (c *checker) identity(s api.RunSpec) {
	if s.Timezone != "" && !zoneForm().MatchString(s.Timezone) {
		c.wrong("timezone", s.Timezone, "%q is not a time zone", s.Timezone).hint("Use a name such as Europe/Berlin, or local.")
	}
	if _, err := KeepID(s.UserNS); err != nil {
		c.wrong("userns", s.UserNS, "%s", err).hint("Use keep-id, or keep-id:uid=1000,gid=1000.")
	}
	if s.UserNS != "" && len(s.UIDMaps)+len(s.GIDMaps) > 0 {
		c.wrong("userns", s.UserNS, "ids are mapped by --userns or by --uidmap and --gidmap, not by both")
	}
	c.maps("uidMaps", s.UIDMaps)
	c.maps("gidMaps", s.GIDMaps)
	if (len(s.UIDMaps) == 0) != (len(s.GIDMaps) == 0) {
		c.wrong("gidMaps", "", "user and group ids are both mapped, or neither")
	}
	if s.ShmSize < 0 {
		c.wrong("shmSize", "", "/dev/shm cannot have %d bytes", s.ShmSize)
	}
}

func (c *checker) maps(field string, maps []string) {
	var all []idmap.Range
	for i, m := range maps {
		one, err := ParseIDMap(m)
		if err != nil {
			c.wrong(at(field, i, ""), m, "%s", err)
			return
		}
		for _, other := range all {
			if overlap(one.Inside, other.Inside, one.Count, other.Count) || overlap(one.Outside, other.Outside, one.Count, other.Count) {
				c.wrong(at(field, i, ""), m, "%q maps ids that another one maps, too", m)
			}
		}
		all = append(all, one)
	}
}

func overlap(a, b, aCount, bCount uint32) bool {
	return uint64(a) < uint64(b)+uint64(bCount) && uint64(b) < uint64(a)+uint64(aCount)
}

// ParseIDMap reads "inside:outside:count".
func ParseIDMap(v string) (idmap.Range, error) {
	parts := strings.Split(v, ":")
	var n [3]uint32
	if len(parts) == 2 {
		parts = append(parts, "1")
	}
	for i, p := range parts {
		if i > 2 {
			break
		}
		x, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return idmap.Range{}, fmt.Errorf("%q is not a map of ids: want inside:outside:count", v)
		}
		n[i] = uint32(x)
	}
	if len(parts) != 3 || n[2] == 0 {
		return idmap.Range{}, fmt.Errorf("%q is not a map of ids: want inside:outside:count", v)
	}
	return idmap.Range{Inside: n[0], Outside: n[1], Count: n[2]}, nil
}

// Kept are the ids inside that are to be the person's own; -1 is the person's
// own number.
type Kept struct {
	On       bool
	UID, GID int
}

// KeepID reads RunSpec.UserNS.
func KeepID(mode string) (Kept, error) {
	name, options, has := strings.Cut(mode, ":")
	k := Kept{On: true, UID: -1, GID: -1}
	switch {
	case mode == "":
		return Kept{}, nil
	case name != "keep-id":
		return Kept{}, fmt.Errorf("there is no user namespace %q", mode)
	case !has:
		return k, nil
	}
	for _, o := range strings.Split(options, ",") {
		key, value, _ := strings.Cut(o, "=")
		n, err := strconv.ParseUint(value, 10, 31)
		switch {
		case err != nil || key != "uid" && key != "gid":
			return Kept{}, fmt.Errorf("%q does not say whose ids are kept", mode)
		case key == "uid":
			k.UID = int(n)
		default:
			k.GID = int(n)
		}
	}
	return k, nil
}

// namespaced are the parameters that a container has of its own, by beginning.
var (
	ipcSysctls = []string{"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"}
	ulimits    = []string{
		"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
	}
)

func (c *checker) kernel(s api.RunSpec) {
	for _, key := range slices.Sorted(maps.Keys(s.Sysctls)) {
		field := "sysctls." + key
		switch {
		case slices.Contains(ipcSysctls, key), strings.HasPrefix(key, "fs.mqueue."), strings.HasPrefix(key, "net.") && !strings.ContainsAny(key, "/\x00"):
			if strings.HasPrefix(key, "net.") && s.Network == "host" {
				c.wrong(field, key, "%s would be set for this whole computer: the container has its network", key)
			}
			if strings.Contains(key, "..") || path.Clean(key) != key {
				c.wrong(field, key, "there is no parameter %q", key)
			}
		default:
			c.wrong(field, key, "the parameter %s is this computer's, not a container's own", key).
				hint("A container has those that begin with net. and fs.mqueue., and %s.", strings.Join(ipcSysctls, ", "))
		}
	}
	for i, u := range s.Ulimits {
		switch {
		case !slices.Contains(ulimits, u.Name):
			c.wrong(at("ulimits", i, ".name"), u.Name, "there is no limit %q of a process", u.Name).hint("Limits are %s.", strings.Join(ulimits, ", "))
		case u.Soft < -1 || u.Hard < -1:
			c.wrong(at("ulimits", i, ".soft"), u.Name, "the limit %s cannot be negative; -1 is none", u.Name)
		case u.Hard != -1 && (u.Soft == -1 || u.Soft > u.Hard):
			c.wrong(at("ulimits", i, ".soft"), u.Name, "the soft limit %s is over the hard one", u.Name)
		}
	}
}

func (c *checker) secrets(s api.RunSpec) {
	seen := map[string]bool{}
	for i, u := range s.Secrets {
		target := SecretTarget(u)
		switch {
		case !ValidSecretName(u.Source):
			c.wrong(at("secrets", i, ".source"), u.Source, "%q cannot be the name of a secret", u.Source)
		case u.Env && !envForm().MatchString(target):
			c.wrong(at("secrets", i, ".target"), target, "%q cannot be the name of a variable", target)
		case !u.Env && (strings.ContainsRune(target, 0) || path.Clean(target) != target || target == "/"):
			c.wrong(at("secrets", i, ".target"), target, "%q is not a place for a secret", target)
		case seen[target]:
			c.wrong(at("secrets", i, ".target"), target, "two secrets want the place %s", target)
		case u.UID < 0 || u.GID < 0:
			c.wrong(at("secrets", i, ".uid"), "", "the owner of a secret cannot be negative")
		case u.Mode != "" && !octal().MatchString(u.Mode):
			c.wrong(at("secrets", i, ".mode"), u.Mode, "%q is not a mode", u.Mode).hint("Write it in octal digits, such as 0400.")
		}
		seen[target] = true
	}
}

// SecretTarget is the variable or the absolute path of a secret in use.
func SecretTarget(u api.SecretUse) string {
	target := u.Target
	if target == "" {
		target = u.Source
	}
	if u.Env || path.IsAbs(target) {
		return target
	}
	return "/run/secrets/" + target
}

// The bounds of the bounds of a log: what a pipe holds fits a file, and a
// reader has all files open.
const (
	minLog  = 64 << 10
	maxLogs = 100
)

// worstScore is the kernel's OOM_SCORE_ADJ_MAX.
const worstScore = 1000

func (c *checker) log(s api.RunSpec) {
	if s.OOMScoreAdj < -worstScore || s.OOMScoreAdj > worstScore {
		c.wrong("oomScoreAdj", "", "a score of %d is not between -%d and %d", s.OOMScoreAdj, worstScore, worstScore)
	}
	if l := s.Log; l.MaxSize < 0 || l.MaxSize > 0 && l.MaxSize < minLog || l.MaxFiles < 0 || l.MaxFiles > maxLogs {
		c.wrong("log.maxSize", "", "a log of %d files of %d bytes makes no sense", l.MaxFiles, l.MaxSize).
			hint("A file has %d bytes at least, and there are %d files at most.", minLog, maxLogs)
	}
}
