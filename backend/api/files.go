package api

import (
	"context"
	"io"
	"strings"
	"time"
)

// Files are the verbs on the files of containers, running or not, and of
// volumes. Paths are resolved as the container itself would: absolute links
// lead nowhere but into its own tree, and nothing in it is ever executed or
// loaded. What is in the tree may change at any moment.
type Files interface {
	// Files lists a directory page by page: directories first, then by name.
	Files(ctx context.Context, q DirQuery) (DirPage, error)
	// FileInfo tells about one file. A path that does not exist answers
	// KindNotFound; one below something that is no directory does, too.
	FileInfo(ctx context.Context, q InfoQuery) (FileInfo, error)
	// ReadFile writes (a part of) a regular file's content to w.
	ReadFile(ctx context.Context, q ReadQuery, w io.Writer) error
	// WriteFile replaces a file's content with what r has, or makes the file:
	// all of it or nothing. Owner and mode stay. KindConflict where the file is
	// another than s.Version says.
	WriteFile(ctx context.Context, s WriteSpec, r io.Reader) (FileInfo, error)
	// MakeDir makes a directory; KindConflict where something is there.
	MakeDir(ctx context.Context, at FilePath) (FileInfo, error)
	// MoveFile gives a file another path in the same tree; KindConflict where
	// something is there.
	MoveFile(ctx context.Context, at FilePath, to string) error
	// DeleteFile removes a file, or a directory with all that is in it. Mounts
	// are not entered (KindConflict).
	DeleteFile(ctx context.Context, at FilePath) error
	// ChangeFile sets permissions and owner.
	ChangeFile(ctx context.Context, s FileChange) error
	// GetArchive writes a file or directory to w as a tar.
	GetArchive(ctx context.Context, q ArchiveQuery, w io.Writer) error
	// PutArchive unpacks a tar into a directory that exists.
	PutArchive(ctx context.Context, s ArchiveSpec, r io.Reader) (Unpacked, error)
	// Shells tells what there is to open a terminal with.
	Shells(ctx context.Context, ref string) (Shells, error)
}

// FilePath is a path in a container or a volume; one of both is given.
type FilePath struct {
	Container string `json:"container,omitempty"` // a ref
	// Snapshot is a snapshot's id or name, with Container: the files are those
	// that the container had then, without its volumes. They can be read;
	// what changes files answers KindInvalid.
	Snapshot string `json:"snapshot,omitempty"`
	Volume   string `json:"volume,omitempty"` // its name
	Path     string `json:"path"`             // from the root of the tree; a relative one, too
}

// DirQuery asks for a page of a directory.
type DirQuery struct {
	At     FilePath `json:"at"`
	Offset int      `json:"offset,omitempty"` // entries to leave out
	Limit  int      `json:"limit,omitempty"`  // 0: 1,000; at most 10,000
}

// DirPage is a page of a directory.
type DirPage struct {
	Path    string     `json:"path"`  // without links
	Total   int        `json:"total"` // entries of the directory
	Entries []FileInfo `json:"entries"`
	// Marked tells that Mark is known here: below a volume, or what the kernel
	// shows, there is nothing to compare with.
	Marked bool `json:"marked"`
	// Deleted are the names that the image has here and the container has not.
	Deleted []string `json:"deleted"`
}

// FileInfo is one file.
type FileInfo struct {
	Name     string    `json:"name"`
	Path     string    `json:"path"` // absolute, as asked for
	Mode     string    `json:"mode"` // "-rwxr-xr-x"
	Perm     uint32    `json:"perm"` // the twelve bits of chmod
	UID      int       `json:"uid"`  // in the container
	GID      int       `json:"gid"`
	User     string    `json:"user,omitempty"` // of the uid, as the tree's own passwd names it
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Dir      bool      `json:"dir,omitempty"`
	Link     string    `json:"link,omitempty"` // target of a symbolic link
	// Real is the path without links, where the query followed them.
	Real string `json:"real,omitempty"`
	// Mark is what became of it since the image: "added", "modified", or "".
	Mark string `json:"mark,omitempty"`
	// Version changes whenever the file does: see WriteSpec.
	Version string `json:"version,omitempty"`
}

// InfoQuery asks for one file.
type InfoQuery struct {
	At     FilePath `json:"at"`
	Follow bool     `json:"follow,omitempty"` // a link tells of what it leads to
}

// ReadQuery asks for a file's content; links are followed.
type ReadQuery struct {
	At     FilePath `json:"at"`
	Offset int64    `json:"offset,omitempty"`
	Limit  int64    `json:"limit,omitempty"` // bytes; 0: all that there is
}

// WriteSpec is which file to write; links are followed.
type WriteSpec struct {
	At FilePath `json:"at"`
	// Version is the file's that was edited; "": whatever is there, or nothing.
	Version string `json:"version,omitempty"`
}

// FileChange is what to change of a file; a link itself, not what it leads to.
type FileChange struct {
	At   FilePath `json:"at"`
	Perm *uint32  `json:"perm,omitempty"` // the twelve bits of chmod
	UID  *int     `json:"uid,omitempty"`
	GID  *int     `json:"gid,omitempty"`
	Deep bool     `json:"deep,omitempty"` // all that is below, too
}

// ArchiveQuery is what to pack.
type ArchiveQuery struct {
	At     FilePath `json:"at"`
	Follow bool     `json:"follow,omitempty"` // a link is packed as what it leads to
	// Name is what the file is called in the archive; "": as it is called,
	// ".": the content of a directory without itself.
	Name string `json:"name,omitempty"`
	// Only are names in the directory At: these are packed, and it is not. None:
	// all of it. One that is not there answers KindNotFound.
	Only []string `json:"only,omitempty"`
}

// CheckOnly refuses what is no name in a directory; KindInvalid.
func (q ArchiveQuery) CheckOnly() error {
	for _, name := range q.Only {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return Errorf(KindInvalid, "%q is no name of a file in %q", name, q.At.Path)
		}
	}
	return nil
}

// ArchiveSpec is where to unpack.
type ArchiveSpec struct {
	At    FilePath `json:"at"`
	Owner bool     `json:"owner,omitempty"` // keep the archive's uids and gids; else root's
}

// Unpacked is what came out of an archive.
type Unpacked struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Skipped are entries that cannot be had here, such as devices; at most 100.
	Skipped []string `json:"skipped"`
}

// Shells is what a container offers for a terminal.
type Shells struct {
	Shells []string `json:"shells"` // absolute paths, the best first
	Users  []string `json:"users"`  // of its passwd file, at most 200
}
