package arch

import (
	"slices"
	"strings"
	"testing"
)

// rule says which rooms of ours a room may import. A room's sub-packages
// belong to it, unless they have a rule of their own; within a room all may
// import all.
type rule struct {
	room string
	may  []string
	why  string
}

var below = []string{"backend/store", "backend/logfile", "backend/userns", "backend/userns/idmap", "backend/userns/thread", "backend/form", "backend/api"}

// rules is the paragraph "Imports" of the architecture: arrows point down.
var rules = []rule{
	{"app/desktop", append([]string{"app/front", "backend/wire", "backend/doctor", "frontend"}, below...),
		"the window shows what a Service answers; it never does the work itself, because WebKit and Wails share its process"},
	{"app/cli", append([]string{"app/front", "backend/engine", "backend/loglevel", "backend/runspec", "backend/wire", "backend/doctor", "frontend"}, below...),
		"the command line is a front, and holds the engine's role behind a hidden argument"},
	{"app/guard", append([]string{"backend/guard", "backend/oci", "backend/oci/libct", "netstack/netd"}, below...),
		"a thin main that puts guard, runtime and the network's client together: it stays small and starts in milliseconds"},
	{"app/netd", append([]string{"netstack", "netstack/netd"}, below...),
		"a thin main around one network"},
	{"app/mend", []string{"backend/mend"},
		"it runs as root, for one request: what it links is what has to be trusted"},
	{"backend/mend", []string{"backend/userns", "backend/form"},
		"what changes the computer as root is small, and knows nothing of containers"},
	{"app/sample", nil,
		"the sample runs inside a container: it is a program like anybody's and knows nothing of Davit"},
	{"app/front", append([]string{"backend/wire", "backend/doctor", "backend/mend", "frontend", "netstack/netd"}, below...),
		"a front reaches the engine over the wire only: the engine is another process, inside the user namespace"},
	{"backend/engine", append([]string{"backend/guard", "backend/loglevel", "backend/routes", "netstack/netd", "backend/image", "backend/files", "backend/oci", "backend/doctor", "backend/runspec", "backend/tree"}, below...),
		"the use cases know neither the wire that carries them nor the fronts that ask"},
	{"backend/wire", []string{"backend/userns", "backend/api"},
		"the wire carries any api.Service, real or fake, and knows none of them"},
	{"backend/guard", append([]string{"backend/oci", "backend/tree", "backend/runspec", "netstack/netd"}, below...),
		"the guard outlives every engine: it must not grow by image libraries nor depend on the engine"},
	{"backend/image", append([]string{"backend/tree"}, below...), "images are files and registries; containers and networks are none of their business"},
	{"backend/files", []string{"backend/tree", "backend/store", "backend/userns/idmap", "backend/userns/thread", "backend/api"}, "a tree is a descriptor: what it belongs to is the engine's business"},
	{"backend/oci", append([]string{"backend/runspec"}, below...), "turning a record into a running process needs the record only"},
	{"backend/oci/libct", append([]string{"backend/oci", "backend/guard"}, below...),
		"it is one Runtime of the guard's, made of libcontainer, and could be another"},
	{"backend/doctor", append([]string{"backend/mend", "backend/routes", "netstack/netd"}, below...), "the checks run in the front's process, where no user namespace may exist yet"},
	{"backend/store", []string{"backend/userns/idmap", "backend/form", "backend/api"}, "the files are read by every process, light ones included"},
	{"backend/logfile", []string{"backend/loglevel", "backend/api"}, "the log format is read by every process, light ones included"},
	{"backend/userns/thread", nil, "a thread of one's own needs nothing"},
	{"backend/userns/idmap", nil, "arithmetic of ids needs nothing, and records hold its maps"},
	{"backend/userns", []string{"backend/store", "backend/api"}, "the user namespace carries everything else and so knows nothing of it"},
	{"backend/tree", nil, "copying and counting files knows neither containers nor volumes"},
	{"backend/runspec", []string{"backend/userns/idmap", "backend/form", "backend/api"}, "reading and writing specs is pure: every front and the engine do it alike"},
	{"backend/routes", nil, "what the kernel says of routes is read without knowing what for"},
	{"backend/form", nil, "a pattern that is compiled late is nobody's business"},
	{"backend/loglevel", nil, "how grave a line is, is read from the line alone"},
	{"backend/api/apitest", []string{"backend/runspec", "backend/loglevel", "backend/api"},
		"the fake reads and checks specs as the real one does, so that pages see the same words"},
	{"backend/api", nil, "the vocabulary depends on nothing, so that everything can depend on it"},
	{"backend/api/apitest/fakeserve", []string{"backend/wire", "backend/api", "backend/api/apitest"},
		"it shows the fake over the real wire, for work on the pages"},
	{"netstack/netd", []string{"netstack", "backend/userns", "backend/store", "backend/api"},
		"the process around a network deposits its descriptors with the keeper, and knows no containers"},
	{"netstack", nil, "a network is a Go value that can be used and tested without Davit"},
	{"frontend", nil, "built files, nothing else"},
}

// ruleOf finds the longest rule that a room falls under.
func ruleOf(room string) (rule, bool) {
	var found rule
	for _, r := range rules {
		if within(room, r.room) && len(r.room) > len(found.room) {
			found = r
		}
	}
	return found, found.room != ""
}

func TestRoomsImportDownwards(t *testing.T) {
	for _, p := range packages(t) {
		if within(p.room(), "tests") {
			continue
		}
		r, ok := ruleOf(p.room())
		if !ok {
			t.Errorf("%s: no room of the architecture; give it a rule in tests/arch/imports_test.go, or put the code where it belongs", p.room())
			continue
		}
		for _, imported := range p.Imports {
			to, isOurs := strings.CutPrefix(imported, module+"/")
			if !isOurs || mayImport(r, to) {
				continue
			}
			t.Errorf("%s must not import %s: %s", p.room(), to, r.why)
		}
	}
}

func mayImport(from rule, to string) bool {
	target, _ := ruleOf(to)
	return target.room == from.room || slices.Contains(from.may, target.room)
}

// library is a foreign module that few rooms may import themselves.
type library struct {
	prefixes []string
	rooms    []string
	why      string
}

var libraries = []library{
	{[]string{"github.com/wailsapp/"}, []string{"app/desktop"},
		"Wails links GTK and WebKit (80 ms to start) and is to be replaceable: one package knows it"},
	{[]string{"gvisor.dev/gvisor", "github.com/containers/gvisor-tap-vsock"}, []string{"netstack"},
		"gVisor is pinned, large and slow to start: only the network speaks to it, and netd around it through netstack"},
	{[]string{"github.com/opencontainers/runc"}, []string{"backend/oci/libct"},
		"libcontainer's API is unstable by policy: it stays behind our own interface"},
	{[]string{"github.com/rootless-containers/"}, []string{"backend/userns", "netstack"},
		"rootlesskit starts processes and namespaces: one room does that"},
	{[]string{"github.com/google/go-containerregistry", "go.podman.io/"}, []string{"backend/image"},
		"registries and image formats are spoken in one room"},
}

func TestLibrariesStayInTheirRooms(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			for _, l := range libraries {
				if !hasPrefix(imported, l.prefixes) || inRooms(p.room(), l.rooms) {
					continue
				}
				t.Errorf("%s must not import %s (only %s may): %s", p.room(), imported, strings.Join(l.rooms, ", "), l.why)
			}
		}
	}
}

// inRooms lets tests use what they like; netd is not netstack.
func inRooms(room string, rooms []string) bool {
	if within(room, "tests") {
		return true
	}
	r, _ := ruleOf(room)
	return slices.ContainsFunc(rooms, func(one string) bool { return r.room == one || r.room == "" && within(room, one) })
}

func TestTheVocabularyNeedsTheStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		if !within(p.room(), "backend/api") {
			continue
		}
		for _, imported := range p.Imports {
			first, _, _ := strings.Cut(imported, "/")
			if strings.Contains(first, ".") {
				t.Errorf("%s must not import %s: the vocabulary is linked into every process and imports the standard library only", p.room(), imported)
			}
		}
	}
}

// binary is a program of ours and what must not be linked into it.
type binary struct {
	main string
	env  []string
	tags string
	bans []ban
}

type ban struct {
	prefixes []string
	why      string
}

const slowStart = "its package initialisation would be paid at every start (see the budget: davit 8 ms, davit-guard 6 ms)"

var (
	noGVisor = ban{[]string{"gvisor.dev/gvisor", "github.com/containers/gvisor-tap-vsock"}, "gVisor lives in davit-netd alone: " + slowStart}
	noRunc   = ban{[]string{"github.com/opencontainers/runc"}, "libcontainer lives in davit-guard alone, which it re-executes for every start: " + slowStart}
	noRKit   = ban{[]string{"github.com/rootless-containers/"}, "the keeper's bootstrap lives in davit-guard; others use the light client: " + slowStart}
	noWails  = ban{[]string{"github.com/wailsapp/"}, "a window library has no place in a process without a window: " + slowStart}
	noImages = ban{[]string{"github.com/google/go-containerregistry", "go.podman.io/", module + "/backend/image"}, "the guard runs containers; images are the engine's: " + slowStart}
	noEngine = ban{[]string{module + "/backend/engine"}, "the engine is another process, with another life"}
)

var binaries = []binary{
	{"./app/cli", nil, "", []ban{noGVisor, noRunc, noRKit, noWails}},
	{"./app/guard", nil, guardTags, []ban{noGVisor, noWails, noImages, noEngine}},
	{"./app/netd", nil, "", []ban{noRunc, noWails, noImages, noEngine}},
	{"./app/mend", nil, "", []ban{noGVisor, noRunc, noRKit, noWails, noImages, noEngine}},
	{"./app/desktop", nil, desktopTags, []ban{noGVisor, noRunc, noRKit, noImages, noEngine}},
}

func TestBinariesLinkOnlyWhatTheyNeed(t *testing.T) {
	for _, b := range binaries {
		all, err := list("-tags", b.tags, b.main)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			if p.Error != nil {
				t.Errorf("%s: %s", b.main, p.Error.Err)
			}
			for _, dep := range p.Deps {
				for _, ban := range b.bans {
					if hasPrefix(dep, ban.prefixes) {
						t.Errorf("%s links %s: %s", b.main, dep, ban.why)
					}
				}
			}
		}
	}
}

func hasPrefix(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(path, p) })
}
