package engine

import (
	"context"
	"time"

	"davit/backend/api"
	"davit/backend/image"
)

// ageChooser reads those of docker's filters for images that go by when they
// were made: before and since (another image), and until (a time).
func ageChooser(ctx context.Context, images Images, filters map[string][]string) (func(api.Image) bool, error) {
	var tests []func(time.Time) bool
	for key, values := range filters {
		for _, v := range values {
			switch key {
			case "before", "since":
				d, err := images.Get(ctx, v)
				if err != nil {
					return nil, err
				}
				later := key == "since"
				tests = append(tests, func(made time.Time) bool { return later && made.After(d.Created) || !later && made.Before(d.Created) })
			case "until":
				at, err := image.Until(v, time.Now())
				if err != nil {
					return nil, err
				}
				tests = append(tests, func(made time.Time) bool { return made.Before(at) })
			}
		}
	}
	return func(i api.Image) bool {
		for _, fits := range tests {
			if !fits(i.Created) {
				return false
			}
		}
		return true
	}, nil
}
