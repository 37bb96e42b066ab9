// Package ring keeps a container's statistics in a file of bounded size: the
// newest sample takes the place of the oldest.
//
// The guard writes, one process at a time; engines read while it does. All
// numbers are little-endian:
//
//	header  8 bytes "DVSTATS1", 4 bytes size of a record, 4 bytes capacity in records
//	record  64 bytes: time in ns since 1970, CPU time in ns, memory, net in, net
//	        out, disk read, disk written in bytes, pids in the last 8
//
// Where the newest record stands is told by the times; one that is half
// written, or damaged, has a time that does not fit and is left out.
package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"davit/backend/api"
)

const (
	magic      = "DVSTATS1"
	headerSize = 16
	recordSize = 64

	// Capacity is a day of samples every ten seconds: 553 KB.
	Capacity = 24 * 60 * 6
)

// Writer appends to one ring.
type Writer struct {
	f    *os.File
	next int64 // record to write
}

// Create opens the ring at path, or makes it. A file that is none is begun anew.
func Create(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("statistics: %w", err)
	}
	w := &Writer{f: f}
	if !valid(f) {
		err = w.begin()
	} else {
		w.next, err = newest(f)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("statistics: %w", err), f.Close())
	}
	return w, nil
}

func (w *Writer) begin() error {
	if err := w.f.Truncate(0); err != nil {
		return err
	}
	h := append([]byte(magic), make([]byte, headerSize-len(magic))...)
	binary.LittleEndian.PutUint32(h[8:], recordSize)
	binary.LittleEndian.PutUint32(h[12:], Capacity)
	_, err := w.f.WriteAt(h, 0)
	return err
}

func valid(f io.ReaderAt) bool {
	var h [headerSize]byte
	_, err := f.ReadAt(h[:], 0)
	return err == nil && string(h[:8]) == magic &&
		binary.LittleEndian.Uint32(h[8:]) == recordSize && binary.LittleEndian.Uint32(h[12:]) == Capacity
}

// newest finds the record after the one with the latest time.
func newest(f io.ReaderAt) (int64, error) {
	all, err := records(f)
	if err != nil {
		return 0, err
	}
	next, latest := int64(0), int64(0)
	for i := range len(all) / recordSize {
		if at := int64(binary.LittleEndian.Uint64(all[i*recordSize:])); at >= latest {
			latest, next = at, int64(i+1)%Capacity
		}
	}
	return next, nil
}

func records(f io.ReaderAt) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(f, headerSize, Capacity*recordSize))
}

// Append writes a sample with one write(2).
func (w *Writer) Append(s api.Stats) error {
	var b [recordSize]byte
	for i, v := range []int64{
		s.Time.UnixNano(), int64(s.CPUTime), s.Memory, s.NetIn, s.NetOut, s.DiskRead, s.DiskWritten, int64(s.Pids),
	} {
		binary.LittleEndian.PutUint64(b[8*i:], uint64(v))
	}
	if _, err := w.f.WriteAt(b[:], headerSize+w.next*recordSize); err != nil {
		return fmt.Errorf("statistics: %w", err)
	}
	w.next = (w.next + 1) % Capacity
	return nil
}

// Close closes the file.
func (w *Writer) Close() error { return w.f.Close() }

// maxGap is the longest pause between two samples of which a use of processors
// is counted: a longer one is another run, or a suspended machine.
const maxGap = time.Minute

// Read gives the samples after since, oldest first. CPU is that since the
// sample before. No file means no samples.
func Read(path string, since time.Time) ([]api.Stats, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return []api.Stats{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("statistics: %w", err)
	}
	defer func() { _ = f.Close() }()
	if !valid(f) {
		return nil, api.Errorf(api.KindCorrupt, "%s is no file of statistics", path).WithRef(path)
	}
	all, err := records(f)
	if err != nil {
		return nil, fmt.Errorf("statistics: %w", err)
	}
	list := make([]api.Stats, 0, len(all)/recordSize)
	for i := range len(all) / recordSize {
		if s, ok := decode(all[i*recordSize:]); ok {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b api.Stats) int { return a.Time.Compare(b.Time) })
	for i := 1; i < len(list); i++ {
		gap, used := list[i].Time.Sub(list[i-1].Time), list[i].CPUTime-list[i-1].CPUTime
		if gap > 0 && gap < maxGap && used > 0 {
			list[i].CPU = 100 * float64(used) / float64(gap)
		}
	}
	first, _ := slices.BinarySearchFunc(list, since, func(s api.Stats, t time.Time) int { return s.Time.Compare(t) })
	return list[first:], nil
}

func decode(b []byte) (api.Stats, bool) {
	var v [recordSize / 8]int64
	for i := range v {
		v[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	s := api.Stats{
		Time: time.Unix(0, v[0]).UTC(), Running: true, CPUTime: time.Duration(v[1]), Memory: v[2],
		NetIn: v[3], NetOut: v[4], DiskRead: v[5], DiskWritten: v[6], Pids: int(v[7]), Source: "ring",
	}
	return s, v[0] > 0 && v[1] >= 0 && v[2] >= 0
}
