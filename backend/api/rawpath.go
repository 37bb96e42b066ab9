package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Names of files are bytes, and JSON's strings are text. What is no UTF-8
// travels as Python's surrogateescape has it: the byte 0xFF as "\udcff", half of
// a pair of surrogates, which is in no text. JavaScript keeps such halves.

// RawPath is a string on the wire whose bytes need not be UTF-8.
type RawPath string

// MarshalJSON implements json.Marshaler.
func (s RawPath) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(s)) {
		return json.Marshal(string(s))
	}
	var b bytes.Buffer
	b.WriteByte('"')
	for rest := string(s); rest != ""; {
		n := 0
		for n < len(rest) {
			r, size := utf8.DecodeRuneInString(rest[n:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			n += size
		}
		text, err := json.Marshal(rest[:n])
		if err != nil {
			return nil, err
		}
		b.Write(text[1 : len(text)-1])
		if n < len(rest) {
			fmt.Fprintf(&b, `\udc%02x`, rest[n])
			n++
		}
		rest = rest[n:]
	}
	b.WriteByte('"')
	return b.Bytes(), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *RawPath) UnmarshalJSON(given []byte) error {
	if !bytes.Contains(bytes.ToLower(given), []byte(`\udc`)) {
		return json.Unmarshal(given, (*string)(s))
	}
	var b strings.Builder
	piece := []byte{'"'}
	flush := func() error {
		var text string
		err := json.Unmarshal(append(piece, '"'), &text)
		b.WriteString(text)
		piece = piece[:1]
		return err
	}
	high := false // the unit before is the first half of a pair
	for i := 1; i < len(given)-1; {
		unit, n := escapeAt(given[i : len(given)-1])
		if unit >= 0xdc80 && unit <= 0xdcff && !high {
			if err := flush(); err != nil {
				return err
			}
			b.WriteByte(byte(unit))
		} else {
			piece = append(piece, given[i:i+n]...)
		}
		high = unit >= 0xd800 && unit <= 0xdbff
		i += n
	}
	if err := flush(); err != nil {
		return err
	}
	*s = RawPath(b.String())
	return nil
}

// escapeAt gives the unit that a \u stands for, -1 for anything else, and the
// length of what is there.
func escapeAt(b []byte) (unit, n int) {
	if b[0] != '\\' || len(b) < 2 {
		return -1, 1
	}
	if b[1] != 'u' || len(b) < 6 {
		return -1, 2
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1, 2
	}
	return int(v), 6
}

type plainFilePath FilePath

// MarshalJSON implements json.Marshaler.
func (p FilePath) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainFilePath
		Path RawPath `json:"path"`
	}{plainFilePath(p), RawPath(p.Path)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *FilePath) UnmarshalJSON(b []byte) error {
	var v struct {
		plainFilePath
		Path RawPath `json:"path"`
	}
	err := json.Unmarshal(b, &v)
	*p = FilePath(v.plainFilePath)
	p.Path = string(v.Path)
	return err
}

type plainFileInfo FileInfo

type rawFileInfo struct {
	plainFileInfo
	Name RawPath `json:"name"`
	Path RawPath `json:"path"`
	Link RawPath `json:"link,omitempty"`
	Real RawPath `json:"real,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (f FileInfo) MarshalJSON() ([]byte, error) {
	if f.text() {
		return json.Marshal(plainFileInfo(f))
	}
	return json.Marshal(rawFileInfo{plainFileInfo(f), RawPath(f.Name), RawPath(f.Path), RawPath(f.Link), RawPath(f.Real)})
}

func (f FileInfo) text() bool {
	return utf8.ValidString(f.Name) && utf8.ValidString(f.Path) && utf8.ValidString(f.Link) && utf8.ValidString(f.Real)
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *FileInfo) UnmarshalJSON(b []byte) error {
	if !bytes.Contains(b, []byte(`\u`)) {
		return json.Unmarshal(b, (*plainFileInfo)(f))
	}
	var v rawFileInfo
	err := json.Unmarshal(b, &v)
	*f = FileInfo(v.plainFileInfo)
	f.Name, f.Path, f.Link, f.Real = string(v.Name), string(v.Path), string(v.Link), string(v.Real)
	return err
}

type plainDirPage DirPage

// textDirPage is one whose names all are text: directories have many, and each
// method that the encoder calls costs it a look at what it gives.
type textDirPage struct {
	plainDirPage
	Entries []plainFileInfo `json:"entries"`
}

type rawDirPage struct {
	plainDirPage
	Path    RawPath   `json:"path"`
	Deleted []RawPath `json:"deleted"`
}

// MarshalJSON implements json.Marshaler.
func (p DirPage) MarshalJSON() ([]byte, error) {
	if p.text() {
		v := textDirPage{plainDirPage(p), make([]plainFileInfo, len(p.Entries))}
		for i, e := range p.Entries {
			v.Entries[i] = plainFileInfo(e)
		}
		return json.Marshal(v)
	}
	v := rawDirPage{plainDirPage(p), RawPath(p.Path), []RawPath{}}
	for _, d := range p.Deleted {
		v.Deleted = append(v.Deleted, RawPath(d))
	}
	return json.Marshal(v)
}

func (p DirPage) text() bool {
	for _, e := range p.Entries {
		if !e.text() {
			return false
		}
	}
	for _, d := range p.Deleted {
		if !utf8.ValidString(d) {
			return false
		}
	}
	return utf8.ValidString(p.Path)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *DirPage) UnmarshalJSON(b []byte) error {
	if !bytes.Contains(b, []byte(`\u`)) {
		var v textDirPage
		err := json.Unmarshal(b, &v)
		*p = DirPage(v.plainDirPage)
		p.Entries = make([]FileInfo, len(v.Entries))
		for i, e := range v.Entries {
			p.Entries[i] = FileInfo(e)
		}
		return err
	}
	var v rawDirPage
	err := json.Unmarshal(b, &v)
	*p = DirPage(v.plainDirPage)
	p.Path, p.Deleted = string(v.Path), []string{}
	for _, d := range v.Deleted {
		p.Deleted = append(p.Deleted, string(d))
	}
	return err
}

type plainArchiveQuery ArchiveQuery

type rawArchiveQuery struct {
	plainArchiveQuery
	Name RawPath   `json:"name,omitempty"`
	Only []RawPath `json:"only,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (q ArchiveQuery) MarshalJSON() ([]byte, error) {
	v := rawArchiveQuery{plainArchiveQuery(q), RawPath(q.Name), nil}
	for _, name := range q.Only {
		v.Only = append(v.Only, RawPath(name))
	}
	return json.Marshal(v)
}

// UnmarshalJSON implements json.Unmarshaler.
func (q *ArchiveQuery) UnmarshalJSON(b []byte) error {
	var v rawArchiveQuery
	err := json.Unmarshal(b, &v)
	*q = ArchiveQuery(v.plainArchiveQuery)
	q.Name = string(v.Name)
	for _, name := range v.Only {
		q.Only = append(q.Only, string(name))
	}
	return err
}
