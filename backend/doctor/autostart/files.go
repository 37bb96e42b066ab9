package autostart

import "strings"

// unitText is the unit. The keeper asks for a scope of its own, so that
// stopping this unit ends no container; where it gets none, KillMode spares it.
func (h Host) unitText() string {
	return `# Written by Davit; "davit autostart disable" removes it.
[Unit]
Description=Davit's containers

[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=process
ExecStart=` + unitQuote(h.Davit) + ` autostart run

[Install]
WantedBy=default.target
`
}

// desktopText is the file for desktops, in the form of the XDG autostart
// specification.
func (h Host) desktopText() string {
	return `[Desktop Entry]
Type=Application
Name=Davit's containers
Comment=Written by Davit; "davit autostart disable" removes it.
Exec=` + execQuote(h.Davit) + ` autostart run
NoDisplay=true
Terminal=false
`
}

// unitQuote quotes an argument as systemd.service(5) says.
func unitQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`).Replace(s) + `"`
}

// execQuote quotes an argument of Exec= as the desktop entry specification
// says: once for the argument, then each backslash once more for the string.
func execQuote(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`).Replace(s)
	s = strings.NewReplacer(`\`, `\\`, `%`, `%%`).Replace(s)
	return `"` + s + `"`
}
