package engine

import (
	"context"
	"os"
	"path/filepath"

	"davit/backend/guard"
	"davit/backend/image"
	"davit/backend/image/registries"
	"davit/backend/userns/keeper"
)

// realGuard asks the guard of this user, and has the keeper start it where
// none answers. The engine itself was started by the keeper, so there is one.
func realGuard(c Config) Guard {
	return guard.NewClient(c.Dirs, func(ctx context.Context) error {
		k, err := keeper.Dial(ctx, c.Dirs)
		if err != nil {
			return err
		}
		defer k.Close()
		_, err = k.Spawn(ctx, keeper.Spawn{Name: "guard", Args: []string{c.GuardBinary, "guard"}, Keep: true})
		return err
	})
}

func realImages(c Config) (Images, error) {
	if err := c.Dirs.Make(); err != nil {
		return nil, err
	}
	return image.Open(image.Config{
		ImagesDir: c.Dirs.Images(), LayersDir: c.Dirs.Layers(), Log: c.Log,
		Registries: registriesConf(),
	})
}

// registriesConf is where the person has registries.conf, and podman's aliases.
func registriesConf() registries.Conf {
	c := registries.Locate(os.Getenv)
	c.Aliases = aliasFile()
	return c
}

// aliasFile is where podman keeps the short names that this person has chosen.
// The library would look where root's are: here, the person is root.
func aliasFile() string {
	cache := os.Getenv("XDG_CACHE_HOME")
	if !filepath.IsAbs(cache) {
		cache = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	return filepath.Join(cache, "containers", "short-name-aliases.conf")
}
