package runspec

import (
	"crypto/rand"
	"strings"

	"davit/backend/api"
)

// known are the variables that well-known images want, by repository. Those
// that are official may come from any registry: mirrors keep the name.
var known = map[string][]api.AskedVariable{
	"postgres": {
		{Name: "POSTGRES_PASSWORD", Required: true, Secret: true, Or: []string{"POSTGRES_PASSWORD_FILE", "POSTGRES_HOST_AUTH_METHOD"}, Why: "The password of the database's owner. The image does not start without it."},
		{Name: "POSTGRES_USER", Value: "postgres", Why: "The database's owner."},
		{Name: "POSTGRES_DB", Value: "postgres", Why: "The database that is made at the first start."},
	},
	"mysql": {
		{Name: "MYSQL_ROOT_PASSWORD", Required: true, Secret: true, Or: []string{"MYSQL_ROOT_PASSWORD_FILE", "MYSQL_ALLOW_EMPTY_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD"}, Why: "The password of the database's root. The image does not start without it."},
		{Name: "MYSQL_DATABASE", Why: "A database that is made at the first start."},
	},
	"mariadb": {
		{Name: "MARIADB_ROOT_PASSWORD", Required: true, Secret: true, Or: []string{"MARIADB_ROOT_PASSWORD_FILE", "MARIADB_ROOT_PASSWORD_HASH", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "MARIADB_RANDOM_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD", "MYSQL_ALLOW_EMPTY_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD"}, Why: "The password of the database's root. The image does not start without it."},
		{Name: "MARIADB_DATABASE", Why: "A database that is made at the first start."},
	},
	"mongo": {
		{Name: "MONGO_INITDB_ROOT_USERNAME", Value: "root", Why: "The database's administrator. Without one, everybody who reaches the port may do everything."},
		{Name: "MONGO_INITDB_ROOT_PASSWORD", Secret: true, Why: "The administrator's password."},
	},
	"couchdb": {
		{Name: "COUCHDB_USER", Required: true, Value: "admin", Why: "The administrator. CouchDB 3 does not start without one."},
		{Name: "COUCHDB_PASSWORD", Required: true, Secret: true, Why: "The administrator's password."},
	},
	"neo4j": {{Name: "NEO4J_AUTH", Why: "neo4j/ and a password of at least eight characters; none for no password. Without it, the first login asks for a new one."}},
	"influxdb": {
		{Name: "DOCKER_INFLUXDB_INIT_MODE", Value: "setup", Why: "Sets the database up at the first start with what follows."},
		{Name: "DOCKER_INFLUXDB_INIT_USERNAME", Value: "admin", Why: "The first user."},
		{Name: "DOCKER_INFLUXDB_INIT_PASSWORD", Secret: true, Why: "The first user's password."},
		{Name: "DOCKER_INFLUXDB_INIT_ORG", Value: "home", Why: "The first organisation."},
		{Name: "DOCKER_INFLUXDB_INIT_BUCKET", Value: "data", Why: "The first bucket."},
	},
	"rabbitmq": {
		{Name: "RABBITMQ_DEFAULT_USER", Value: "guest", Why: "The first user. guest may log in from inside the container only."},
		{Name: "RABBITMQ_DEFAULT_PASS", Secret: true, Why: "The first user's password."},
	},
	"elasticsearch": {
		{Name: "discovery.type", Value: "single-node", Required: true, Why: "One node alone; a cluster is waited for otherwise."},
		{Name: "ELASTIC_PASSWORD", Secret: true, Why: "The password of the user elastic."},
	},
	"clickhouse": {{Name: "CLICKHOUSE_PASSWORD", Secret: true, Why: "The password of the user default, who can log in from inside the container only without one."}},
	"wordpress": {
		{Name: "WORDPRESS_DB_HOST", Required: true, Value: "db", Why: "The container of its database, on the same network."},
		{Name: "WORDPRESS_DB_USER", Required: true, Value: "wordpress", Why: "The database's user."},
		{Name: "WORDPRESS_DB_PASSWORD", Required: true, Secret: true, Why: "The password that the database knows."},
		{Name: "WORDPRESS_DB_NAME", Value: "wordpress", Why: "The database."},
	},
	"mediawiki": {}, "redis": {}, "nginx": {}, "httpd": {},
	"minio/minio": {
		{Name: "MINIO_ROOT_USER", Value: "admin", Why: "The administrator; minioadmin otherwise, which everybody knows."},
		{Name: "MINIO_ROOT_PASSWORD", Secret: true, Why: "The administrator's password, of at least eight characters."},
	},
	"keycloak/keycloak": {
		{Name: "KC_BOOTSTRAP_ADMIN_USERNAME", Required: true, Value: "admin", Why: "The first administrator."},
		{Name: "KC_BOOTSTRAP_ADMIN_PASSWORD", Required: true, Secret: true, Why: "The first administrator's password."},
	},
	"grafana/grafana":              {{Name: "GF_SECURITY_ADMIN_PASSWORD", Secret: true, Why: "The password of the user admin; it is admin otherwise."}},
	"dpage/pgadmin4":               {{Name: "PGADMIN_DEFAULT_EMAIL", Required: true, Why: "The address that you log in with."}, {Name: "PGADMIN_DEFAULT_PASSWORD", Required: true, Secret: true, Why: "The password for it."}},
	"mssql/server":                 {{Name: "ACCEPT_EULA", Required: true, Why: "Y accepts Microsoft's licence: https://go.microsoft.com/fwlink/?LinkId=746388"}, {Name: "MSSQL_SA_PASSWORD", Required: true, Secret: true, Or: []string{"SA_PASSWORD"}, Why: "The administrator's password: eight characters or more, of three kinds."}},
	"getmeili/meilisearch":         {{Name: "MEILI_MASTER_KEY", Secret: true, Why: "The key that all others are made with; without it, everybody may do everything."}},
	"vaultwarden/server":           {{Name: "ADMIN_TOKEN", Secret: true, Why: "The password of the page /admin, which is switched off without it."}},
	"mongo-express":                {{Name: "ME_CONFIG_BASICAUTH_PASSWORD", Secret: true, Why: "The password of its page; it is pass otherwise."}},
	"linuxserver/code-server":      {{Name: "PASSWORD", Secret: true, Why: "The password of its page, which has none otherwise."}},
	"bitnami/postgresql":           {{Name: "POSTGRESQL_PASSWORD", Required: true, Secret: true, Or: []string{"ALLOW_EMPTY_PASSWORD", "POSTGRESQL_PASSWORD_FILE", "POSTGRES_PASSWORD"}, Why: "The password of the database's owner. The image does not start without it."}},
	"bitnami/mariadb":              {{Name: "MARIADB_ROOT_PASSWORD", Required: true, Secret: true, Or: []string{"ALLOW_EMPTY_PASSWORD"}, Why: "The password of the database's root. The image does not start without it."}},
	"bitnami/redis":                {{Name: "REDIS_PASSWORD", Required: true, Secret: true, Or: []string{"ALLOW_EMPTY_PASSWORD"}, Why: "The password. The image does not start without it."}},
	"clickhouse/clickhouse-server": {{Name: "CLICKHOUSE_PASSWORD", Secret: true, Why: "The password of the user default, who can log in from inside the container only without one."}},
	"elasticsearch/elasticsearch":  {{Name: "discovery.type", Value: "single-node", Required: true, Why: "One node alone; a cluster is waited for otherwise."}, {Name: "ELASTIC_PASSWORD", Secret: true, Why: "The password of the user elastic."}},
	"opensearchproject/opensearch": {{Name: "discovery.type", Value: "single-node", Required: true, Why: "One node alone; a cluster is waited for otherwise."}, {Name: "OPENSEARCH_INITIAL_ADMIN_PASSWORD", Required: true, Secret: true, Why: "The password of the user admin. The image does not start without it."}},
	"percona":                      {{Name: "MYSQL_ROOT_PASSWORD", Required: true, Secret: true, Or: []string{"MYSQL_ALLOW_EMPTY_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD"}, Why: "The password of the database's root. The image does not start without it."}},
	"surrealdb/surrealdb":          {{Name: "SURREAL_PASS", Secret: true, Why: "The password of root."}, {Name: "SURREAL_USER", Value: "root", Why: "The first user."}},
	"directus/directus":            {{Name: "ADMIN_EMAIL", Why: "The address that you log in with."}, {Name: "ADMIN_PASSWORD", Secret: true, Why: "The password for it."}, {Name: "SECRET", Secret: true, Why: "Signs the sessions."}},
	"linuxserver/mariadb":          {{Name: "MYSQL_ROOT_PASSWORD", Required: true, Secret: true, Why: "The password of the database's root."}},
	"nextcloud":                    {{Name: "NEXTCLOUD_ADMIN_USER", Value: "admin", Why: "The first administrator; the first page asks for one otherwise."}, {Name: "NEXTCLOUD_ADMIN_PASSWORD", Secret: true, Why: "The administrator's password."}},
	"ghost":                        {{Name: "url", Value: "http://localhost:2368", Why: "The address that the pages are reached at."}, {Name: "NODE_ENV", Value: "development", Why: "With production, a MySQL database is wanted."}},
	"drupal":                       {},
	"requarks/wiki":                {{Name: "DB_TYPE", Required: true, Value: "postgres", Why: "The kind of its database."}, {Name: "DB_HOST", Required: true, Value: "db", Why: "The container of its database, on the same network."}, {Name: "DB_PASS", Required: true, Secret: true, Why: "The password that the database knows."}},
	"timescale/timescaledb":        nil,
	"pgvector/pgvector":            nil,
	"postgis/postgis":              nil,
	"supabase/postgres":            nil,
	"tensorchord/pgvecto-rs":       nil,
	"timescale/timescaledb-ha":     nil,
	"kartoza/postgis":              nil,
	"imresamu/postgis":             nil,
	"paradedb/paradedb":            nil,
	"citusdata/citus":              nil,
}

// Asked are the variables that an image wants, by its complete name; passwords
// are made up.
func Asked(image string) []api.AskedVariable {
	asked, ok := known[repository(image)]
	if ok && asked == nil { // made from the official one
		asked = known["postgres"]
	}
	out := make([]api.AskedVariable, len(asked))
	for i, a := range asked {
		if a.Or == nil {
			a.Or = []string{}
		}
		if a.Secret && a.Value == "" {
			a.Value = password()
		}
		out[i] = a
	}
	return out
}

// repository is an image's name without registry, "library/", tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	first, rest, ok := strings.Cut(image, "/")
	if ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		image = rest
	}
	return strings.TrimPrefix(image, "library/")
}

// password makes one of 24 letters and digits, some 140 bits, that also those
// take who want a capital, a small letter and a digit.
func password() string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
	for {
		b := make([]byte, 24)
		_, _ = rand.Read(b) // never fails, says crypto/rand
		kinds := [3]bool{}
		for i, c := range b {
			c = letters[int(c)%len(letters)]
			b[i] = c
			kinds[0] = kinds[0] || c <= '9'
			kinds[1] = kinds[1] || c >= 'A' && c <= 'Z'
			kinds[2] = kinds[2] || c >= 'a'
		}
		if kinds == [3]bool{true, true, true} {
			return string(b)
		}
	}
}

// VolumeName proposes the name of the volume that an image wants at target:
// "postgres-data" for /var/lib/postgresql/data.
func VolumeName(image, target string) string {
	clean := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' || r == '-') {
				return r
			}
			return '-'
		}, s)
	}
	name := repository(image)
	name = strings.Trim(clean(name[strings.LastIndexByte(name, '/')+1:]), "-._")
	last := strings.Trim(clean(target[strings.LastIndexByte(strings.TrimSuffix(target, "/"), '/')+1:]), "-._")
	switch {
	case name == "":
		name = "volume"
	case last == "" || last == name:
		last = "data"
	}
	if name += "-" + last; len(name) > 120 {
		name = name[:120]
	}
	return name
}
