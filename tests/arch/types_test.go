package arch

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"davit/backend/api"
)

// noun is a struct that travels to the page, with the page's name where it is
// another.
type noun struct {
	goType any
	page   string
}

// nouns are the structs that travel to the page; the page's name where it is
// another.
var nouns = []noun{
	{api.Container{}, ""}, {api.ContainerDetail{}, ""}, {api.Port{}, ""}, {api.RunSpec{}, ""}, {api.Mount{}, ""},
	{api.Created{}, ""}, {api.ContainerFilter{}, ""}, {api.StopOptions{}, ""}, {api.LogQuery{}, ""}, {api.LogLine{}, ""}, {api.LogLimits{}, ""},
	{api.Image{}, ""}, {api.ImageDetail{}, ""}, {api.ImageConfig{}, ""}, {api.Layer{}, ""}, {api.HistoryRow{}, ""},
	{api.ImageFilter{}, ""}, {api.ResolvedRef{}, ""}, {api.PullSpec{}, ""}, {api.LoadResult{}, ""}, {api.RemovedImage{}, ""},
	{api.Registry{}, ""}, {api.SearchQuery{}, ""}, {api.SearchPage{}, ""}, {api.SearchResult{}, ""}, {api.TagList{}, ""},
	{api.Tag{}, ""}, {api.Login{}, ""}, {api.Operation{}, ""}, {api.Step{}, ""}, {api.Event{}, ""}, {api.Info{}, ""},
	{api.Check{}, ""}, {api.Mend{}, ""}, {api.MendRequest{}, ""}, {api.MendStep{}, ""}, {api.Error{}, "ErrorBody"},
	{api.Limits{}, ""}, {api.Update{}, ""}, {api.HealthCheck{}, ""}, {api.HealthResult{}, ""}, {api.Health{}, ""},
	{api.Process{}, ""}, {api.StatsQuery{}, ""}, {api.Stats{}, ""}, {api.StatsRound{}, ""}, {api.Pressure{}, ""},
	{api.EventQuery{}, ""}, {api.Autostart{}, ""},
	{api.AttachOptions{}, ""}, {api.ExecSpec{}, ""}, {api.Exit{}, ""},
	{api.Device{}, ""}, {api.Ulimit{}, ""}, {api.SecretUse{}, ""}, {api.SpecCheck{}, ""}, {api.Suggestion{}, ""},
	{api.AskedVariable{}, ""}, {api.ParsedRun{}, ""}, {api.ParsedSpec{}, ""}, {api.Rendered{}, ""},
	{api.FileOwnership{}, ""}, {api.OwnershipOffer{}, ""}, {api.ForeignFiles{}, ""}, {api.ForeignOwner{}, ""},
	{api.Edit{}, ""}, {api.EditPlan{}, ""}, {api.SpecChange{}, ""}, {api.Edited{}, ""}, {api.SnapshotSpec{}, ""},
	{api.Snapshot{}, ""}, {api.VolumeSpec{}, ""}, {api.Volume{}, ""}, {api.VolumeUse{}, ""}, {api.VolumeFilter{}, ""},
	{api.VolumePrune{}, ""}, {api.PrunedVolumes{}, ""}, {api.PrunedVolume{}, ""}, {api.SecretSpec{}, ""}, {api.Secret{}, ""},
	{api.FilePath{}, ""}, {api.DirQuery{}, ""}, {api.FileInfo{}, ""}, {api.DirPage{}, ""}, {api.InfoQuery{}, ""},
	{api.ReadQuery{}, ""}, {api.WriteSpec{}, ""}, {api.FileChange{}, ""}, {api.ArchiveQuery{}, ""}, {api.ArchiveSpec{}, ""},
	{api.Unpacked{}, ""}, {api.Shells{}, ""},
	{api.NetworkSpec{}, ""}, {api.Network{}, ""}, {api.NetworkDetail{}, ""}, {api.EndpointSpec{}, ""}, {api.NetworkJoin{}, ""},
	{api.Attachment{}, ""}, {api.NetworkMember{}, ""}, {api.PortChange{}, ""}, {api.Connection{}, ""}, {api.Traffic{}, ""},
}

var (
	declared = regexp.MustCompile(`(?m)^export interface (\w+)(?: extends (\w+))? \{\n((?:.*\n)*?)\}`)
	member   = regexp.MustCompile(`(?m)^ {2}(\w+)(\??): (.+);$`)
)

// TestThePageKnowsTheNouns: the page's types are narrower than those that
// Wails generates (states are unions, times are strings), so they are written
// by hand, and this keeps them true to Go's.
func TestThePageKnowsTheNouns(t *testing.T) {
	text, err := os.ReadFile(pages + "/lib/api/types.ts")
	if err != nil {
		t.Fatal(err)
	}
	written := interfaces(string(text))
	for _, n := range slices.Concat(nouns, imageNouns) {
		kind := reflect.TypeOf(n.goType)
		name := n.page
		if name == "" {
			name = kind.Name()
		}
		got, ok := written[name]
		if !ok {
			t.Errorf("types.ts has no interface %s", name)
			continue
		}
		want := fields(kind)
		for _, f := range slices.Sorted(maps.Keys(want)) {
			if got[f] != want[f] {
				t.Errorf("%s.%s: types.ts says %q, Go says %q", name, f, got[f], want[f])
			}
		}
		for _, f := range slices.Sorted(maps.Keys(got)) {
			if want[f] == "" {
				t.Errorf("%s.%s is in types.ts only", name, f)
			}
		}
	}
}

// interfaces reads types.ts: for each interface its members with a shape.
func interfaces(text string) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, d := range declared.FindAllStringSubmatch(text, -1) {
		members := maps.Clone(all[d[2]])
		if members == nil {
			members = map[string]string{}
		}
		for _, m := range member.FindAllStringSubmatch(d[3], -1) {
			members[m[1]] = shape(m[3]) + m[2]
		}
		all[d[1]] = members
	}
	return all
}

// shape is what JSON holds for a TypeScript type: unions of strings are
// strings, interfaces are objects.
func shape(ts string) string {
	switch {
	case strings.HasSuffix(ts, "[]"):
		return shape(strings.TrimSuffix(ts, "[]")) + "[]"
	case strings.HasPrefix(ts, "Record<"):
		return "object"
	case strings.HasPrefix(ts, "'"), slices.Contains([]string{"State", "OperationState", "CheckState", "Kind"}, ts):
		return "string"
	case ts == "string", ts == "number", ts == "boolean":
		return ts
	default:
		return "object"
	}
}

// fields are the JSON members of a Go struct with their shapes; "?" where it
// may be missing.
func fields(kind reflect.Type) map[string]string {
	all := map[string]string{}
	for i := range kind.NumField() {
		f := kind.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			maps.Copy(all, fields(f.Type))
		case name != "-":
			all[name] = jsonShape(f.Type)
			if strings.Contains(options, "omit") {
				all[name] += "?"
			}
		}
	}
	return all
}

func jsonShape(kind reflect.Type) string {
	switch kind.Kind() {
	case reflect.Pointer:
		return jsonShape(kind.Elem())
	case reflect.Slice:
		return jsonShape(kind.Elem()) + "[]"
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Struct:
		if kind.String() == "time.Time" {
			return "string"
		}
		return "object"
	case reflect.Map:
		return "object"
	default:
		return "number"
	}
}
