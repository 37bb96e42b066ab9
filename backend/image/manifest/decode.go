package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// decode reads one JSON document into v. encoding/json takes the last of two
// equal keys and does not mind their case; another reader takes the first. A
// document with two readings is refused.
func decode(b []byte, v any) error {
	if err := unique(b); err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// maxDepth bounds the nesting of a document; real ones have six levels.
const maxDepth = 64

type frame struct {
	keys map[string]bool // nil in an array
	key  bool            // the next token is a key
}

func unique(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var stack []frame
	for {
		t, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if delim, ok := t.(json.Delim); ok && (delim == '}' || delim == ']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if n := len(stack); n > 0 && stack[n-1].keys != nil {
			if stack[n-1].key {
				if err := stack[n-1].add(t.(string), n); err != nil {
					return err
				}
				continue
			}
			stack[n-1].key = true
		}
		if delim, ok := t.(json.Delim); ok {
			if len(stack) == maxDepth {
				return fmt.Errorf("nested deeper than %d levels", maxDepth)
			}
			f := frame{}
			if delim == '{' {
				f = frame{keys: map[string]bool{}, key: true}
			}
			stack = append(stack, f)
		}
	}
}

func (f *frame) add(k string, depth int) error {
	f.key = false
	if depth == 1 { // labels further down may differ in case only
		k = strings.ToLower(k)
	}
	if f.keys[k] {
		return fmt.Errorf("the key %q is there twice", shorten(k))
	}
	f.keys[k] = true
	return nil
}
