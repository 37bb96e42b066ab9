// Package names reads what is in a directory: names and what the directory
// itself says of their kind, with no allocation and no system call for each.
//
// It is used where directories are of any size and hostile: nothing in them is
// opened, followed or looked at.
package names

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Name is an entry of a directory.
type Name struct {
	Name string
	Kind uint8 // DT_DIR and so on; DT_UNKNOWN where the file system does not say
}

// block is how much of a directory one system call gives.
const block = 64 << 10

// Read gives all names of the directory that fd has open for reading, but "."
// and "..", in its own order, from where the descriptor stands.
func Read(fd int) ([]Name, error) {
	buf := make([]byte, block)
	var all []Name
	for {
		n, err := unix.Getdents(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, os.NewSyscallError("getdents64", err)
		}
		if n == 0 {
			return all, nil
		}
		if all, err = parse(all, buf[:n]); err != nil {
			return nil, err
		}
	}
}

// Where struct linux_dirent64 of getdents(2) has its parts.
const (
	lengthAt = 16 // u16: of the whole record
	kindAt   = 18 // u8
	nameAt   = 19 // to a NUL
)

func parse(all []Name, records []byte) ([]Name, error) {
	text := string(records) // the names are parts of it
	for at := 0; at < len(records); {
		rest := records[at:]
		if len(rest) < nameAt {
			return nil, fmt.Errorf("a directory's record of %d bytes", len(rest))
		}
		length := int(binary.NativeEndian.Uint16(rest[lengthAt:]))
		if length < nameAt || length > len(rest) {
			return nil, fmt.Errorf("a directory's record of %d bytes, where %d are left", length, len(rest))
		}
		end := bytes.IndexByte(rest[nameAt:length], 0)
		if end < 0 {
			end = length - nameAt
		}
		if name := text[at+nameAt : at+nameAt+end]; name != "." && name != ".." {
			all = append(all, Name{name, rest[kindAt]})
		}
		at += length
	}
	return all, nil
}
