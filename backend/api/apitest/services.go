package apitest

import "time"

// service is a program that goes on until it is told to end.
type service struct {
	begin  []string      // said when it starts
	chat   []string      // said over and over, one at a time
	every  time.Duration // between them, at the fake's speed
	end    []string      // said when TERM comes
	stderr bool          // says it there
	fails  int           // exit code after begin; 0: goes on
}

// services are the programs of the images that are not a shell.
var services = map[string]service{
	"nginx": {
		begin: []string{
			"/docker-entrypoint.sh: Configuration complete; ready for start up",
			"2025/11/03 09:14:02 [notice] 1#1: nginx/1.29.3",
			"2025/11/03 09:14:02 [notice] 1#1: start worker processes",
		},
		chat: []string{
			`10.88.0.1 - - "GET / HTTP/1.1" 200 615 "-" "Mozilla/5.0 (X11; Linux x86_64)"`,
			`10.88.0.1 - - "GET /favicon.ico HTTP/1.1" 404 153 "http://127.0.0.1:8080/" "Mozilla/5.0"`,
			`10.88.0.1 - - "GET /style.css HTTP/1.1" 304 0 "http://127.0.0.1:8080/" "Mozilla/5.0"`,
		},
		every: 1700 * time.Millisecond,
		end:   []string{"2025/11/03 09:15:40 [notice] 1#1: signal 15 (SIGTERM) received, exiting"},
	},
	"postgres": {
		begin: []string{
			`LOG:  starting PostgreSQL 18.1 on x86_64-pc-linux-musl`,
			`LOG:  listening on IPv4 address "0.0.0.0", port 5432`,
			`LOG:  database system is ready to accept connections`,
		},
		chat: []string{
			"LOG:  checkpoint starting: time",
			"LOG:  checkpoint complete: wrote 44 buffers (0.3%); 0 WAL file(s) added",
			`ERROR:  relation "orders" does not exist at character 15`,
		},
		every:  4 * time.Second,
		end:    []string{"LOG:  received fast shutdown request", "LOG:  database system is shut down"},
		stderr: true,
	},
	"redis-server": {
		begin: []string{"1:M * Running mode=standalone, port=6379.", "1:M * Ready to accept connections tcp"},
		chat:  []string{"1:M * 100 changes in 300 seconds. Saving...", "1:M * DB saved on disk"},
		every: 6 * time.Second,
		end:   []string{"1:M # Redis is now ready to exit, bye bye..."},
	},
	"sample": {
		begin: []string{"listening on :8080"},
		chat:  []string{"GET / from 10.88.0.1", "GET /favicon.ico from 10.88.0.1"},
		every: 2500 * time.Millisecond,
		end:   []string{"bye"},
	},
	"mysqld": {
		begin: []string{
			"[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified",
			"    You need to specify one of MYSQL_ROOT_PASSWORD, MYSQL_ALLOW_EMPTY_PASSWORD",
		},
		stderr: true,
		fails:  1,
	},
}

func (p *process) serve(s service, out string) int {
	if s.stderr {
		out = "stderr"
	}
	for _, l := range s.begin {
		p.print(out, "%s\n", l)
	}
	if s.fails != 0 {
		return s.fails
	}
	t := time.NewTicker(max(time.Millisecond, time.Duration(float64(s.every)/p.fake.speed)))
	defer t.Stop()
	for i := 0; ; {
		select {
		case <-t.C:
			p.print(out, "%s\n", s.chat[i%len(s.chat)])
			i++
		case <-p.life.Done():
			return 137
		case <-p.wake:
			for name := p.next(); name != ""; name = p.next() {
				if name == "TERM" || name == "QUIT" || name == "INT" {
					for _, l := range s.end {
						p.print(out, "%s\n", l)
					}
					return 0
				}
			}
		}
	}
}
