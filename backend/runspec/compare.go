package runspec

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"davit/backend/api"
)

// Normal gives a spec in the one of its forms that all with the same meaning
// have: nothing stands for what is empty, and defaults are written out.
func Normal(s api.RunSpec) api.RunSpec {
	s = clone(s)
	for i, p := range s.Ports {
		s.Ports[i].Protocol = strings.ToLower(protocol(p))
	}
	if emptyHealth(s.HealthCheck) {
		s.HealthCheck = nil
	}
	if len(s.Entrypoint) > 0 {
		s.ClearEntrypoint = false
	}
	s.Name = strings.TrimPrefix(s.Name, "/")
	if s.Network == "bridge" || s.Network == "default" {
		s.Network = ""
	}
	if s.Restart == "no" {
		s.Restart = ""
	}
	if s.Pull == api.PullMissing {
		s.Pull = ""
	}
	for i, u := range s.Ulimits {
		s.Ulimits[i].Name = strings.ToLower(u.Name)
	}
	slices.SortStableFunc(s.Ulimits, func(a, b api.Ulimit) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// clone copies a spec with all that is in it; what is empty is nil.
func clone(s api.RunSpec) api.RunSpec {
	b, err := json.Marshal(s)
	var c api.RunSpec
	if err != nil || json.Unmarshal(b, &c) != nil {
		return s // strings and numbers: both go well
	}
	return c
}

// live are the fields that change without a new container.
var live = []string{"name", "restart", "limits", "ports"}

// Changes lists what is different in to, field by field in the order of
// RunSpec. Values are as a person would write them.
func Changes(from, to api.RunSpec) []api.SpecChange {
	a, b := reflect.ValueOf(Normal(from)), reflect.ValueOf(Normal(to))
	out := []api.SpecChange{}
	for i := range a.NumField() {
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
		if reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			continue
		}
		for _, c := range fieldChanges(name, a.Field(i), b.Field(i)) {
			c.Live = slices.Contains(live, name)
			out = append(out, c)
		}
	}
	return out
}

// fieldChanges compares lists as sets of what a person added or took away,
// which their places in the list would hide.
func fieldChanges(name string, a, b reflect.Value) []api.SpecChange {
	switch {
	case name == "entrypoint" || name == "command":
		return []api.SpecChange{{Field: name, From: text(name, a), To: text(name, b)}}
	case a.Kind() == reflect.Map:
		return mapChanges(name, a, b)
	case a.Kind() == reflect.Slice:
		return listChanges(name, a, b)
	}
	return []api.SpecChange{{Field: name, From: text(name, a), To: text(name, b)}}
}

func mapChanges(name string, a, b reflect.Value) []api.SpecChange {
	from, _ := a.Interface().(map[string]string)
	to, _ := b.Interface().(map[string]string)
	keys := map[string]bool{}
	for k := range from {
		keys[k] = true
	}
	for k := range to {
		keys[k] = true
	}
	var out []api.SpecChange
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		f, inFrom := from[k]
		t, inTo := to[k]
		if inFrom && inTo && f == t {
			continue
		}
		c := api.SpecChange{Field: name + "." + k}
		if inFrom {
			c.From = k + "=" + f
		}
		if inTo {
			c.To = k + "=" + t
		}
		out = append(out, c)
	}
	return out
}

func listChanges(name string, a, b reflect.Value) []api.SpecChange {
	was, is := texts(name, a), texts(name, b)
	var out []api.SpecChange
	gone := map[string]int{} // by key, index in out
	for i, w := range was {
		if slices.Contains(is, w) {
			continue
		}
		gone[key(name, w)] = len(out)
		out = append(out, api.SpecChange{Field: at(name, i, ""), From: w})
	}
	for i, n := range is {
		if slices.Contains(was, n) {
			continue
		}
		if j, ok := gone[key(name, n)]; ok && out[j].To == "" { // the same thing with another value
			out[j].Field, out[j].To = at(name, i, ""), n
			continue
		}
		out = append(out, api.SpecChange{Field: at(name, i, ""), To: n})
	}
	if len(out) == 0 { // their order is different, or how often they are there
		out = append(out, api.SpecChange{Field: name, From: strings.Join(was, ", "), To: strings.Join(is, ", ")})
	}
	return out
}

// key is by what two values of a list are one thing: a variable's name, a
// container's port, where it is mounted.
func key(name, v string) string {
	switch name {
	case "env", "ulimits":
		k, _, _ := strings.Cut(v, "=")
		return k
	case "ports":
		return v[strings.LastIndexByte(v, ':')+1:]
	}
	return v
}

func texts(name string, list reflect.Value) []string {
	var out []string
	for i := range list.Len() {
		out = append(out, text(name, list.Index(i)))
	}
	return out
}

// text writes a value as an option would; "" for the zero one.
func text(name string, v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	switch x := v.Interface().(type) {
	case api.Port:
		return portWord(x, 1)
	case api.Mount:
		w := mountWords(x)
		return w[len(w)-1]
	case api.Device:
		return deviceWord(x)
	case api.Ulimit:
		return ulimitWord(x)
	case api.NetworkJoin:
		return joinWord(x)
	case api.EndpointSpec:
		return endpointWords(x)
	case api.SecretUse:
		return secretWord(x)
	case api.Limits:
		var w words
		w.limits(x)
		return Join(w)
	case api.LogLimits:
		var w words
		w.life(api.RunSpec{Log: x})
		return Join(w)
	case *api.HealthCheck:
		var w words
		w.health(x)
		return Join(w)
	case []string:
		return Join(x)
	case *int:
		return fmt.Sprint(*x)
	case int64:
		if name == "shmSize" {
			return size(x)
		}
		return fmt.Sprint(x)
	}
	if v.Kind() == reflect.Struct {
		b, _ := json.Marshal(v.Interface()) // strings and numbers
		return string(b)
	}
	return fmt.Sprint(v.Interface())
}

// Another gives the spec of a further container like one: without what no two
// can have.
func Another(s api.RunSpec) api.RunSpec {
	s = clone(s)
	s.Name = ""
	s.Endpoint.IP, s.Endpoint.IP6, s.Endpoint.MAC = "", "", ""
	for i := range s.Networks {
		s.Networks[i].IP, s.Networks[i].IP6, s.Networks[i].MAC = "", "", ""
	}
	for i := range s.Ports {
		s.Ports[i].HostPort = 0
	}
	return s
}
