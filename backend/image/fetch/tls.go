package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"

	"davit/backend/api"
)

// tlsConfig reads the certificates for a host where docker and podman keep
// them: DIR/HOST[:PORT]/*.crt are authorities, *.cert with *.key are ours.
func tlsConfig(h Host, dirs []string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: h.Insecure} // the person said so
	for _, d := range dirs {
		d = filepath.Join(d, filepath.Base(h.Name))
		files, err := os.ReadDir(d)
		if err != nil {
			continue // no such directory is the usual case
		}
		for _, f := range files {
			if err := addCertificate(c, d, f.Name()); err != nil {
				return nil, api.Errorf(api.KindHost, "certificate %s: %w", filepath.Join(d, f.Name()), err)
			}
		}
	}
	return c, nil
}

func addCertificate(c *tls.Config, dir, file string) error {
	switch filepath.Ext(file) {
	case ".crt":
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		if c.RootCAs == nil {
			if c.RootCAs, err = x509.SystemCertPool(); err != nil {
				c.RootCAs = x509.NewCertPool()
			}
		}
		c.RootCAs.AppendCertsFromPEM(b)
	case ".cert":
		p := filepath.Join(dir, file)
		pair, err := tls.LoadX509KeyPair(p, strings.TrimSuffix(p, ".cert")+".key")
		if err != nil {
			return err
		}
		c.Certificates = append(c.Certificates, pair)
	}
	return nil
}
