package ascode

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// besideMark begins the names under which [Set.Files] keeps what is no document:
// files that documents refer to.
const besideMark = "beside:"

// Beside returns the text of a file that documents refer to, and whether it is
// at hand.
func (s *Set) Beside(name string) (string, bool) {
	text, ok := s.Files[besideMark+name]
	return text, ok
}

// Names are the paths of all files at hand, documents and those beside them,
// sorted.
func (s *Set) Names() []string {
	var out []string
	for n := range s.Files {
		out = append(out, strings.TrimPrefix(n, besideMark))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// WithBeside returns s with files (path to text) that documents refer to.
func (s *Set) WithBeside(files map[string]string) *Set {
	if len(files) == 0 {
		return s
	}
	out := *s
	out.Files = maps.Clone(s.Files)
	for n, text := range files {
		out.Files[besideMark+n] = text
	}
	return &out
}

// ErrOutside says that a path leads out of the folder.
var ErrOutside = errors.New("the path leads out of the folder")

// Refer returns the path in the folder that a document means by name: beside
// itself. [ErrOutside] where it leads out.
func (d Document) Refer(name string) (string, error) {
	p := path.Join(path.Dir(d.File), name)
	if path.IsAbs(name) || strings.Contains(name, `\`) || !fs.ValidPath(p) {
		return "", ErrOutside
	}
	return p, nil
}

// ReadBeside reads a file of the folder that a document refers to, of at most
// limit bytes. A link that leads out of the folder is [ErrOutside].
func ReadBeside(fsys fs.FS, name string, limit int64) (string, error) {
	if err := inside(fsys, name, 8); err != nil {
		return "", err
	}
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("the file is larger than %d bytes", limit)
	}
	return string(text), err
}

// inside follows the links of a path, at most hops of them.
func inside(fsys fs.FS, name string, hops int) error {
	links, ok := fsys.(fs.ReadLinkFS)
	if !ok {
		return nil
	}
	if !fs.ValidPath(name) || hops == 0 {
		return ErrOutside
	}
	parts := strings.Split(name, "/")
	for i := range parts {
		at := path.Join(parts[:i+1]...)
		info, err := links.Lstat(at)
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		to, err := links.ReadLink(at)
		if err != nil {
			return err
		}
		if path.IsAbs(to) {
			return ErrOutside
		}
		return inside(fsys, path.Join(path.Dir(at), to, path.Join(parts[i+1:]...)), hops-1)
	}
	return nil
}
