package manifest

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHealthcheckOfAnImage(t *testing.T) {
	config := func(check string) string {
		return `{"os":"linux","architecture":"amd64","config":{` + check + `},"rootfs":{"type":"layers","diff_ids":[]}}`
	}
	c, err := ReadConfig([]byte(config(`"Healthcheck":{"Test":["CMD","curl","-f"],"Interval":5000000000,"Timeout":-1,"StartPeriod":10,"Retries":-4}`)))
	if err != nil {
		t.Fatal(err)
	}
	h := c.API().HealthCheck
	if h == nil || !slices.Equal(h.Test, []string{"CMD", "curl", "-f"}) || h.Interval != 5*time.Second {
		t.Fatalf("%+v", h)
	}
	if h.Timeout != 0 || h.StartPeriod != 0 || h.Retries != 0 {
		t.Errorf("nonsense was kept: %+v", h)
	}
	for text, none := range map[string]bool{``: true, `"Healthcheck":{}`: true, `"Healthcheck":{"Test":["NONE"]}`: false} {
		c, err := ReadConfig([]byte(config(text)))
		if err != nil {
			t.Fatal(err)
		}
		if h := c.API().HealthCheck; (h == nil) != none || h != nil && !h.None {
			t.Errorf("%s: %+v", strings.TrimSpace(text), h)
		}
	}
}
