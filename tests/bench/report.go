package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"davit/tests/home"
)

// row is all samples of one measurement, by tool.
type row struct {
	What    string               `json:"what"`
	Unit    string               `json:"unit"` // "ms", "MB/s", "MiB"
	Samples map[string][]float64 `json:"samples"`
	Median  map[string]float64   `json:"median"`
	// Ratio is Davit's median divided by the peer's.
	Ratio     map[string]float64        `json:"ratio"`
	Processes map[string][]home.Process `json:"processes,omitempty"` // of a measurement of memory, the last
}

type report struct {
	Versions map[string]string `json:"versions"`
	Rows     []*row            `json:"rows"`
	peers    []string
}

func newReport(tools []tool) *report {
	r := &report{Versions: map[string]string{}}
	for _, t := range tools {
		r.Versions[t.name] = t.version
		r.peers = append(r.peers, t.name)
	}
	return r
}

func (r *report) time(what, tool string, d time.Duration) {
	r.add(what, "ms", tool, float64(d.Microseconds())/1000)
}

func (r *report) rate(what, tool string, bytes int, d time.Duration) {
	r.add(what, "MB/s", tool, float64(bytes)/1e6/d.Seconds())
}

func (r *report) memory(what, tool string, all []home.Process) {
	total := 0
	for _, p := range all {
		total += p.PSS
	}
	w := r.add(what, "MiB", tool, float64(total)/1024)
	if w.Processes == nil {
		w.Processes = map[string][]home.Process{}
	}
	w.Processes[tool] = all
}

func (r *report) add(what, unit, tool string, value float64) *row {
	i := slices.IndexFunc(r.Rows, func(w *row) bool { return w.What == what })
	if i < 0 {
		i = len(r.Rows)
		r.Rows = append(r.Rows, &row{What: what, Unit: unit, Samples: map[string][]float64{}})
	}
	r.Rows[i].Samples[tool] = append(r.Rows[i].Samples[tool], value)
	return r.Rows[i]
}

// settle computes medians and ratios.
func (w *row) settle() {
	w.Median, w.Ratio = map[string]float64{}, map[string]float64{}
	for tool, samples := range w.Samples {
		sorted := slices.Sorted(slices.Values(samples))
		w.Median[tool] = sorted[len(sorted)/2]
	}
	for tool, median := range w.Median {
		if tool != "davit" && median > 0 {
			w.Ratio[tool] = w.Median["davit"] / median
		}
	}
}

func (r *report) print(out io.Writer) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "median")
	for _, p := range r.peers {
		fmt.Fprintf(t, "\t%s", p)
		if p != "davit" {
			fmt.Fprintf(t, "\tdavit/%s", p)
		}
	}
	fmt.Fprintln(t)
	for _, w := range r.Rows {
		w.settle()
		fmt.Fprint(t, w.What)
		for _, p := range r.peers {
			fmt.Fprintf(t, "\t%s", cell(w.Median, p, "%.1f "+w.Unit))
			if p != "davit" {
				fmt.Fprintf(t, "\t%s", cell(w.Ratio, p, "%.2f"))
			}
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	for _, w := range r.Rows {
		for _, p := range r.peers {
			if len(w.Processes[p]) > 0 {
				fmt.Fprintf(out, "%s, %s: %s\n", w.What, p, parts(w.Processes[p]))
			}
		}
	}
}

func cell(values map[string]float64, tool, format string) string {
	v, ok := values[tool]
	if !ok {
		return "–"
	}
	return fmt.Sprintf(format, v)
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
		text := fmt.Sprintf("%s %.1f MiB", role, float64(sums[role])/1024)
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
