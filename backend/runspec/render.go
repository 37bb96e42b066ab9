package runspec

import (
	"davit/backend/api"
)

// Render writes a spec in another form.
func Render(s api.RunSpec, form api.SpecForm) (api.Rendered, error) {
	switch form {
	case api.FormRun:
		return api.Rendered{Text: Line(s), File: "run.sh", Lost: []string{}}, nil
	case api.FormCompose:
		return Compose(s)
	case api.FormQuadlet:
		return Quadlet(s)
	case api.FormKube:
		return Kube(s)
	}
	return api.Rendered{}, invalid("there is no form %q of a container", form).
		WithHint("Forms are %s, %s, %s and %s.", api.FormRun, api.FormCompose, api.FormQuadlet, api.FormKube)
}
