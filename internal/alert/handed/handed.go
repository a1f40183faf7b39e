// Package handed is a journal of messages that receivers have taken and the
// database does not know of yet. A line is written in microseconds and outlives
// the process, so that a crash does not repeat the message; the database makes
// it safe against the loss of power a moment later.
package handed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

var _ dispatch.Journal = (*Journal)(nil)

// Journal is two files in turn: one is written, the other was and is emptied
// when the database has its lines. It is safe for concurrent use.
type Journal struct {
	mu    sync.Mutex
	files [2]*os.File
	at    int
	rows  []dispatch.Row // found at the start
}

// line is one row; each stands alone with its checksum.
type line struct {
	Key  dispatch.ToldKey `json:"k"`
	Hash uint64           `json:"h"`
	Told dispatch.Told    `json:"t"`
}

// Open reads what the last process left in dir and opens the files. A line that
// is torn, and all after it, count as not written.
func Open(dir string) (*Journal, error) {
	j := &Journal{}
	for i := range j.files {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("handed-%d", i)), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, errors.Join(errs.New(errs.Unavailable, "open journal: %w", err), j.Close())
		}
		j.files[i] = f
		j.rows = append(j.rows, read(f)...)
	}
	return j, nil
}

func read(r io.Reader) (out []dispatch.Row) {
	b := bufio.NewReader(r)
	for {
		text, err := b.ReadBytes('\n')
		if err != nil {
			return out
		}
		sum, body, ok := bytes.Cut(bytes.TrimSuffix(text, []byte("\n")), []byte(" "))
		var l line
		if !ok || string(sum) != checksum(body) || json.Unmarshal(body, &l) != nil {
			return out
		}
		out = append(out, dispatch.Row{Key: l.Key, Hash: l.Hash, Told: l.Told})
	}
}

func checksum(b []byte) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE(b)) }

// Rows implements dispatch.Journal.
func (j *Journal) Rows() []dispatch.Row { return j.rows }

// Append implements dispatch.Journal.
func (j *Journal) Append(r dispatch.Row) error {
	body, err := json.Marshal(line{r.Key, r.Hash, r.Told})
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.files[j.at].WriteString(checksum(body) + " " + string(body) + "\n"); err != nil {
		return errs.New(errs.Unavailable, "write journal: %w", err)
	}
	return nil
}

// Turn implements dispatch.Journal.
func (j *Journal) Turn() func() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	old := j.files[j.at]
	j.at = 1 - j.at
	return func() error { return old.Truncate(0) }
}

// Clear empties both files.
func (j *Journal) Clear() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rows = nil
	return errors.Join(j.files[0].Truncate(0), j.files[1].Truncate(0))
}

// Close closes the files.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []error
	for i, f := range j.files {
		if f != nil {
			all = append(all, f.Close())
			j.files[i] = nil
		}
	}
	return errors.Join(all...)
}
