// Package ringfile keeps the settled rows and the checkpoint of the streaming
// engine in files: one for each slab, and one small one that says whose columns
// they are. Each row carries a checksum. Nothing in it is precious: whatever is
// lost is counted again from the store of samples.
package ringfile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo/burn"
	"github.com/hinoban/hinoban/internal/slo/meter"
)

const (
	cellBytes = 24
	rowBytes  = burn.Columns*cellBytes + 8 // the edge in minutes since 1970, and the checksum
	chunk     = 256                        // rows read at once
)

// Dir is a folder of rings. It is safe for concurrent use; a ring of it is not.
type Dir struct {
	path string

	mu    sync.Mutex
	rings []*ring
}

var _ meter.Keeper = (*Dir)(nil)

// Open uses the folder at path and makes it where it is missing. The error is
// Unavailable.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, errs.New(errs.Unavailable, "open the rings: %w", err)
	}
	return &Dir{path: path}, nil
}

// Open implements meter.Keeper.
func (d *Dir) Open(n int, coarse burn.Tier) (burn.Rows, error) {
	name := filepath.Join(d.path, fmt.Sprintf("slab-%04d-%d.ring", n, coarse.Rows))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, errs.New(errs.Unavailable, "open a ring: %w", err)
	}
	r := &ring{f: f, row: make([]byte, rowBytes), size: offset(coarse, coarse.Rows)}
	if s, err := f.Stat(); err != nil || s.Size() != r.size { // it is new, or some of it is lost
		if err := r.Clear(); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rings = append(d.rings, r)
	return r, nil
}

// Close closes the files.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var failed []error
	for _, r := range d.rings {
		failed = append(failed, r.f.Close())
	}
	d.rings = nil
	return errors.Join(failed...)
}

func (d *Dir) checkpoint() string { return filepath.Join(d.path, "checkpoint.json") }

// Load implements meter.Keeper. A checkpoint that is damaged is an error, and one
// that is missing is a zero one.
func (d *Dir) Load() (c meter.Checkpoint, err error) {
	b, err := os.ReadFile(d.checkpoint())
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = unsealed(b, &c)
	}
	if err != nil {
		return meter.Checkpoint{}, errs.New(errs.Unavailable, "read the checkpoint: %w", err)
	}
	return c, nil
}

// Save implements meter.Keeper: the rows first, then what refers to them.
func (d *Dir) Save(c meter.Checkpoint) error {
	d.mu.Lock()
	rings := d.rings
	d.mu.Unlock()
	for _, r := range rings {
		if err := r.sync(); err != nil {
			return errs.New(errs.Unavailable, "sync a ring: %w", err)
		}
	}
	b, err := json.Marshal(c)
	if err != nil {
		return errs.New(errs.Internal, "write the checkpoint: %w", err)
	}
	if err := replace(d.checkpoint(), fmt.Appendf(b, "\n%08x\n", checksum(b))); err != nil {
		return errs.New(errs.Unavailable, "write the checkpoint: %w", err)
	}
	return nil
}

// unsealed reads a checkpoint and the checksum below it.
func unsealed(b []byte, c *meter.Checkpoint) error {
	text, sum, _ := bytes.Cut(b, []byte("\n"))
	if string(sum) != fmt.Sprintf("%08x\n", checksum(text)) {
		return errors.New("its checksum is wrong")
	}
	return json.Unmarshal(text, c)
}

// replace writes a file so that it is the old one or the new one, never half.
func replace(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// ring is the file of one slab: its fine rows, then its coarse ones.
type ring struct {
	f     *os.File
	row   []byte
	block []byte
	size  int64

	mu    sync.Mutex // of dirty, which Save asks from another goroutine
	dirty bool
}

func (r *ring) touch() {
	r.mu.Lock()
	r.dirty = true
	r.mu.Unlock()
}

func (r *ring) sync() error {
	r.mu.Lock()
	dirty := r.dirty
	r.dirty = false
	r.mu.Unlock()
	if !dirty {
		return nil
	}
	err := r.f.Sync()
	if err != nil {
		r.touch()
	}
	return err
}

// Clear implements burn.Rows.
func (r *ring) Clear() error {
	r.touch()
	if err := errors.Join(r.f.Truncate(0), r.f.Truncate(r.size)); err != nil {
		return errs.New(errs.Unavailable, "clear a ring: %w", err)
	}
	return nil
}

func offset(t burn.Tier, index int64) int64 {
	if t == burn.FineTier() {
		return index * rowBytes
	}
	return (burn.FineTier().Rows + index) * rowBytes
}

// Read implements burn.Rows.
func (r *ring) Read(t burn.Tier, edge int64, dst []burn.Cell) error {
	if err := readFull(r.f, r.row, offset(t, t.Index(edge))); err != nil {
		return err
	}
	if of, err := edgeOf(r.row); err != nil || of != edge {
		return burn.ErrDamaged
	}
	for i := range dst {
		dst[i] = decode(r.row, i)
	}
	return nil
}

// readFull reads b; what lies behind the end of the file is zero.
func readFull(f *os.File, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return errs.New(errs.Unavailable, "read a ring: %w", err)
	}
	clear(b[n:])
	return nil
}

// edgeOf is the edge of a row, 0 where it was never written. A row whose checksum is
// wrong is damaged.
func edgeOf(row []byte) (int64, error) {
	edge := int64(binary.LittleEndian.Uint32(row[rowBytes-8:])) * burn.Fine
	if checksum(row[:rowBytes-4]) == binary.LittleEndian.Uint32(row[rowBytes-4:]) {
		return edge, nil
	}
	for _, b := range row {
		if b != 0 {
			return 0, burn.ErrDamaged
		}
	}
	return 0, nil
}

func checksum(b []byte) uint32 {
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) // the table is made once
}

func seal(row []byte, edge int64) {
	binary.LittleEndian.PutUint32(row[rowBytes-8:], uint32(edge/burn.Fine))
	binary.LittleEndian.PutUint32(row[rowBytes-4:], checksum(row[:rowBytes-4]))
}

func decode(row []byte, i int) burn.Cell {
	b := row[i*cellBytes:]
	return burn.Cell{
		Part:    int64(binary.LittleEndian.Uint64(b)),
		Total:   int64(binary.LittleEndian.Uint64(b[8:])),
		Samples: int64(binary.LittleEndian.Uint64(b[16:])),
	}
}

func encode(row []byte, i int, c burn.Cell) {
	b := row[i*cellBytes:]
	binary.LittleEndian.PutUint64(b, uint64(c.Part))
	binary.LittleEndian.PutUint64(b[8:], uint64(c.Total))
	binary.LittleEndian.PutUint64(b[16:], uint64(c.Samples))
}

// Write implements burn.Rows.
func (r *ring) Write(t burn.Tier, edge int64, src []burn.Cell) error {
	for i, c := range src {
		encode(r.row, i, c)
	}
	seal(r.row, edge)
	r.touch()
	if _, err := r.f.WriteAt(r.row, offset(t, t.Index(edge))); err != nil {
		return errs.New(errs.Unavailable, "write a ring: %w", err)
	}
	return nil
}

// blocks calls fn with the rows from, from+Step, … in blocks; k is the number of
// the first row of each. Where write is true they are written back.
func (r *ring) blocks(t burn.Tier, from int64, n int, write bool, fn func(k int, row []byte) error) error {
	if r.block == nil {
		r.block = make([]byte, chunk*rowBytes)
	}
	for k := 0; k < n; {
		index := t.Index(from + int64(k)*t.Step)
		some := min(n-k, chunk, int(t.Rows-index))
		b := r.block[:some*rowBytes]
		if err := readFull(r.f, b, offset(t, index)); err != nil {
			return err
		}
		for j := range some {
			if err := fn(k+j, b[j*rowBytes:(j+1)*rowBytes]); err != nil {
				return err
			}
		}
		if write {
			r.touch()
			if _, err := r.f.WriteAt(b, offset(t, index)); err != nil {
				return errs.New(errs.Unavailable, "write a ring: %w", err)
			}
		}
		k += some
	}
	return nil
}

// ReadColumn implements burn.Rows.
func (r *ring) ReadColumn(t burn.Tier, column int, from int64, dst []burn.Cell) error {
	return r.blocks(t, from, len(dst), false, func(k int, row []byte) error {
		if of, err := edgeOf(row); err != nil || of != from+int64(k)*t.Step {
			return burn.ErrDamaged
		}
		dst[k] = decode(row, column)
		return nil
	})
}

// WriteColumn implements burn.Rows. It does not mend a damaged row, for that has lost
// its other columns.
func (r *ring) WriteColumn(t burn.Tier, column int, from int64, src []burn.Cell) error {
	return r.blocks(t, from, len(src), true, func(k int, row []byte) error {
		if _, err := edgeOf(row); err != nil {
			return err
		}
		encode(row, column, src[k])
		seal(row, from+int64(k)*t.Step)
		return nil
	})
}
