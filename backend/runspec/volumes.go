package runspec

import (
	"slices"
	"strings"

	"davit/backend/api"
)

// VolumeFits tells whether a volume passes docker's filters: by any of a key's
// values, by all of labels.
func VolumeFits(v api.Volume, filters map[string][]string) (bool, error) {
	for key, values := range filters {
		var fits func(value string) bool
		switch key {
		case "name":
			fits = func(value string) bool { return strings.Contains(v.Name, value) }
		case "label":
			fits = func(value string) bool { return labelled(v.Labels, value) }
		case "label!":
			fits = func(value string) bool { return !labelled(v.Labels, value) }
		case "driver":
			fits = func(value string) bool { return v.Driver == value }
		case "dangling":
			for _, value := range values {
				if !slices.Contains([]string{"true", "false", "1", "0"}, value) {
					return false, invalid("the filter dangling is true or false, not %q", value).WithRef(value)
				}
			}
			fits = func(value string) bool { return (len(v.UsedBy) == 0) == (value == "true" || value == "1") }
		default:
			return false, invalid("there is no filter %q for volumes", key).WithRef(key).
				WithHint("Filters are name, label, dangling and driver.")
		}
		if strings.HasPrefix(key, "label") {
			if slices.ContainsFunc(values, func(value string) bool { return !fits(value) }) {
				return false, nil
			}
		} else if !slices.ContainsFunc(values, fits) {
			return false, nil
		}
	}
	return true, nil
}

func labelled(labels map[string]string, want string) bool {
	key, value, valued := strings.Cut(want, "=")
	got, ok := labels[key]
	return ok && (!valued || got == value)
}
