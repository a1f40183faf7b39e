package oncalldb

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Journal is a file of the messages that providers have taken and the database may
// not know of yet. A line is written in microseconds and outlives the process, so
// that a crash does not repeat the message; the database makes it safe against the
// loss of power a moment later. It is safe for concurrent use.
type Journal struct {
	mu    sync.Mutex
	path  string
	file  *os.File
	lines int
	known map[string]string // what was found at the start: the carrier of each
}

// maxLines is after how many lines a new file is begun. What the old one has was
// settled long before.
const maxLines = 50_000

// OpenJournal opens the journal in a folder. A line that is torn counts as not
// written.
func OpenJournal(dir string) (*Journal, error) {
	j := &Journal{path: filepath.Join(dir, "pages-handed"), known: map[string]string{}}
	for _, name := range []string{j.path + ".old", j.path} {
		if err := j.read(name); err != nil {
			return nil, err
		}
	}
	var err error
	if j.file, err = os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, errs.New(errs.Unavailable, "open journal: %w", err)
	}
	if _, err := j.file.WriteString("\n"); err != nil { // behind a torn line
		return nil, errs.New(errs.Unavailable, "write journal: %w", err)
	}
	return j, nil
}

func (j *Journal) read(name string) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return errs.New(errs.Unavailable, "read journal: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil // its end, or a torn line
		}
		id, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if carrier, by := strings.CutPrefix(rest, "by "); ok && by {
			j.known[id] = carrier
		} else if rest == "ok" {
			j.known[id] = id
		}
		j.lines++
	}
}

// Handed implements oncall.Journal.
func (j *Journal) Handed(ids ...string) error {
	var b strings.Builder
	for i, id := range ids {
		if i == 0 {
			b.WriteString(id + " ok\n")
		} else {
			b.WriteString(id + " by " + ids[0] + "\n")
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lines += len(ids); j.lines > maxLines {
		if err := j.turn(); err != nil {
			return err
		}
	}
	if _, err := j.file.WriteString(b.String()); err != nil {
		return errs.New(errs.Unavailable, "write journal: %w", err)
	}
	return nil
}

func (j *Journal) turn() error {
	err := j.file.Close()
	if rerr := os.Rename(j.path, j.path+".old"); rerr != nil {
		err = errors.Join(err, rerr)
	}
	var oerr error
	if j.file, oerr = os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); oerr != nil {
		return errs.New(errs.Unavailable, "open journal: %w", errors.Join(err, oerr))
	}
	j.lines = 0
	if err != nil {
		return fmt.Errorf("turn journal: %w", err)
	}
	return nil
}

// Took implements oncall.Journal.
func (j *Journal) Took(id string) (carrier string, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	carrier, ok = j.known[id]
	return carrier, ok
}

// Close closes the file.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}
