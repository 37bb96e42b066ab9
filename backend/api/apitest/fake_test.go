package apitest_test

import (
	"strings"
	"testing"

	"davit/backend/api"
	"davit/backend/api/apitest"
)

func TestFake(t *testing.T) {
	apitest.Suite(t, func(t *testing.T) apitest.Setup { return apitest.FakeSetup(t) })
}

func TestScenarios(t *testing.T) {
	for scenario, want := range map[apitest.Scenario]int{apitest.Empty: 0, apitest.Full: 10, apitest.Many: 500} {
		f := apitest.New(apitest.Options{Scenario: scenario, Speed: 1000})
		list, err := f.Containers(t.Context(), api.ContainerFilter{All: true})
		if err != nil || len(list) != want {
			t.Errorf("%s: %d containers, %v, want %d", scenario, len(list), err, want)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRefused(t *testing.T) {
	f := apitest.New(apitest.Options{Scenario: apitest.Refused})
	defer f.Close()
	if _, err := f.Images(t.Context(), api.ImageFilter{}); api.KindOf(err) != api.KindHost {
		t.Errorf("%v, want %s", err, api.KindHost)
	}
	i, err := f.Info(t.Context())
	if err != nil || len(i.Limited) == 0 {
		t.Errorf("%+v, %v", i, err)
	}
	checks, err := f.Doctor(t.Context())
	if err != nil || checks[0].State != api.CheckFailed {
		t.Errorf("%+v, %v", checks, err)
	}
}

func TestSeed(t *testing.T) {
	ids := func(seed uint64) string {
		f := apitest.New(apitest.Options{Scenario: apitest.Full, Seed: seed})
		defer f.Close()
		list, err := f.Containers(t.Context(), api.ContainerFilter{All: true})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, c := range list {
			b.WriteString(c.ID)
		}
		return b.String()
	}
	if first, again := ids(1), ids(1); first != again {
		t.Error("the same seed gives other ids")
	}
	if ids(1) == ids(2) {
		t.Error("another seed gives the same ids")
	}
}
