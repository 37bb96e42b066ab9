package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"davit/tests/home"
)

const ours = "davit"

// limit is what a figure should stay below, or reach: so many times the peer's
// value, so many of its unit beyond the peer's or, without a peer, so many of
// its unit.
type limit struct {
	Peer   string  `json:"peer,omitempty"` // best: that of the peers which did best
	Most   float64 `json:"most,omitempty"`
	Least  float64 `json:"least,omitempty"` // of what is better when it is more
	Beyond float64 `json:"beyond,omitempty"`
}

// best stands for the peer that did best; what is no peer is bare.
const best = "best peer"

var bare = []string{ours, stack, "loopback", "veth bridge", bareWindow}

// figure is something measured, and what was aimed at.
type figure struct {
	what   string
	limits []limit
}

func ratio(what string, most float64) figure {
	return figure{what, []limit{{Peer: "podman", Most: most}}}
}

// row is all samples of one figure, by tool.
type row struct {
	What    string               `json:"what"`
	Unit    string               `json:"unit"` // "ms", "MB", "Gbit/s", …
	Samples map[string][]float64 `json:"samples"`
	Median  map[string]float64   `json:"median"`
	Least   map[string]float64   `json:"least"`
	// Ratio is the median of Davit's samples, each divided by the peer's of the
	// same round.
	Ratio     map[string]float64        `json:"ratio"`
	Limits    []limit                   `json:"limits,omitempty"`
	Met       []bool                    `json:"met,omitempty"`       // by limit; of a missing peer: false
	Processes map[string][]home.Process `json:"processes,omitempty"` // of a measurement of memory, the last
}

type report struct {
	Versions map[string]string `json:"versions"`
	Lacking  map[string]string `json:"lacking,omitempty"` // peers that could not be measured, and why
	Rows     []*row            `json:"rows"`
}

func newReport(tools []tool) *report {
	r := &report{Versions: map[string]string{}, Lacking: map[string]string{}}
	for _, t := range tools {
		r.Versions[t.name] = t.version
	}
	return r
}

// lacking notes a peer that there is not, and says so at once.
func (r *report) lacking(peer, why string) {
	if r.Lacking[peer] == "" {
		fmt.Fprintf(os.Stderr, "bench: %s is not measured: %s\n", peer, why)
	}
	r.Lacking[peer] = why
}

func (r *report) time(f figure, tool string, d time.Duration) {
	r.add(f, "ms", tool, float64(d.Microseconds())/1000)
}

func (r *report) pss(f figure, tool string, all []home.Process) {
	w := r.add(f, "MB", tool, sum(all))
	if w.Processes == nil {
		w.Processes = map[string][]home.Process{}
	}
	w.Processes[tool] = all
}

// sum adds up the memory of processes, in MB.
func sum(all []home.Process) float64 {
	total := 0
	for _, p := range all {
		total += p.PSS
	}
	return float64(total) * 1024 / 1e6
}

func (r *report) add(f figure, unit, tool string, value float64) *row {
	i := slices.IndexFunc(r.Rows, func(w *row) bool { return w.What == f.what })
	if i < 0 {
		i = len(r.Rows)
		r.Rows = append(r.Rows, &row{What: f.what, Unit: unit, Limits: f.limits, Samples: map[string][]float64{}})
	}
	r.Rows[i].Samples[tool] = append(r.Rows[i].Samples[tool], value)
	return r.Rows[i]
}

func median(samples []float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[len(sorted)/2]
}

// settle computes medians and ratios.
func (w *row) settle() {
	w.Median, w.Least, w.Ratio, w.Met = map[string]float64{}, map[string]float64{}, map[string]float64{}, nil
	for tool, samples := range w.Samples {
		w.Median[tool], w.Least[tool] = median(samples), slices.Min(samples)
		if tool == ours {
			continue
		}
		var pairs []float64
		for i := range min(len(samples), len(w.Samples[ours])) {
			if samples[i] > 0 {
				pairs = append(pairs, w.Samples[ours][i]/samples[i])
			}
		}
		if len(pairs) > 0 {
			w.Ratio[tool] = median(pairs)
		}
	}
	for i, l := range w.Limits {
		is, ok := w.Median[ours], true
		if l.Peer == best {
			l.Peer = w.best(l.Least > 0)
			w.Limits[i] = l
		}
		switch {
		case l.Beyond > 0:
			l.Most = w.Median[l.Peer] + l.Beyond
			_, ok = w.Median[l.Peer]
		case l.Peer != "":
			is, ok = w.Ratio[l.Peer]
		}
		w.Met = append(w.Met, ok && (l.Most == 0 || is <= l.Most) && (l.Least == 0 || is >= l.Least))
	}
}

// best is the peer with the most, or the least; without one it stays unnamed.
func (w *row) best(most bool) string {
	found := best
	for _, tool := range slices.Sorted(maps.Keys(w.Median)) {
		if slices.Contains(bare, tool) {
			continue
		}
		if is := w.Median[tool]; found == best || most && is > w.Median[found] || !most && is < w.Median[found] {
			found = tool
		}
	}
	return found
}

// print makes a table: a line for each thing aimed at, and one for each figure
// without an aim.
func (r *report) print(out io.Writer) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "median\tdavit\tpeer\t\tratio\taim\tmet")
	for _, w := range r.Rows {
		w.settle()
		for i, l := range w.Limits {
			met := map[bool]string{true: "yes", false: "no"}[w.Met[i]]
			if _, ok := w.Median[l.Peer]; l.Peer != "" && !ok {
				met = "not measured"
			}
			peer := l.Peer
			if peer == "" {
				peer = "podman"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", w.What, w.cell(ours), w.peer(peer), l.text(w.Unit), met)
		}
		if len(w.Limits) == 0 {
			fmt.Fprintf(t, "%s\t%s\t%s\t–\t–\n", w.What, w.cell(ours), w.peer("podman"))
		}
		for _, peer := range w.others() {
			fmt.Fprintf(t, "\t\t%s\t–\t–\n", w.peer(peer))
		}
	}
	t.Flush()
	r.printAll(out)
	r.printMemory(out)
	r.printPeers(out)
}

// others are the peers that no limit names.
func (w *row) others() (all []string) {
	for _, tool := range slices.Sorted(maps.Keys(w.Samples)) {
		if tool != ours && tool != "podman" && !slices.ContainsFunc(w.Limits, func(l limit) bool { return l.Peer == tool }) {
			all = append(all, tool)
		}
	}
	return all
}

// printPeers says what was measured, and what could not be.
func (r *report) printPeers(out io.Writer) {
	for _, tool := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(out, "%s: %s\n", tool, r.Versions[tool])
	}
	for _, tool := range slices.Sorted(maps.Keys(r.Lacking)) {
		fmt.Fprintf(out, "%s: not measured: %s\n", tool, r.Lacking[tool])
	}
}

// printAll lists what was measured of more than one peer, side by side.
func (r *report) printAll(out io.Writer) {
	for _, w := range r.Rows {
		if len(w.Median) < 3 {
			continue
		}
		var cells []string
		for _, tool := range slices.Sorted(maps.Keys(w.Median)) {
			cells = append(cells, tool+" "+w.cell(tool))
		}
		fmt.Fprintf(out, "%s: %s\n", w.What, strings.Join(cells, ", "))
	}
}

func (l limit) text(unit string) string {
	sign, is := "≤", l.Most
	if l.Least > 0 {
		sign, is = "≥", l.Least
	}
	if l.Beyond > 0 {
		return fmt.Sprintf("≤ %s + %g %s", l.Peer, l.Beyond, unit)
	}
	if l.Peer == "" {
		return fmt.Sprintf("%s %g %s", sign, is, unit)
	}
	return fmt.Sprintf("%s %g × %s", sign, is, l.Peer)
}

func (w *row) cell(tool string) string {
	v, ok := w.Median[tool]
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%.1f %s", v, w.Unit)
}

func (w *row) peer(tool string) string {
	if _, ok := w.Median[tool]; !ok {
		return "–\t\t–"
	}
	return fmt.Sprintf("%s\t%s\t%.2f", w.cell(tool), tool, w.Ratio[tool])
}

// printMemory says whose memory the sums are.
func (r *report) printMemory(out io.Writer) {
	for _, w := range r.Rows {
		for tool, all := range w.Processes {
			if len(all) > 0 {
				fmt.Fprintf(out, "%s, %s: %s\n", w.What, tool, parts(all))
			}
		}
	}
}

// parts names processes with their memory, those of one role together.
func parts(all []home.Process) string {
	sums, counts, roles := map[string]int{}, map[string]int{}, []string{}
	for _, p := range all {
		if counts[p.Role] == 0 {
			roles = append(roles, p.Role)
		}
		sums[p.Role] += p.PSS
		counts[p.Role]++
	}
	var texts []string
	for _, role := range roles {
		text := fmt.Sprintf("%s %.1f MB", role, float64(sums[role])*1024/1e6)
		if counts[role] > 1 {
			text = fmt.Sprintf("%d × %s", counts[role], text)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

func (r *report) save(dir string) error {
	if dir == "" {
		return nil
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "bench.json"), append(b, '\n'), 0o644)
}
