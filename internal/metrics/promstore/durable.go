package promstore

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// flusher puts commits on disk: it fsyncs the segments of the write-ahead log
// (wal) and of the log of late samples (wbl), which the TSDB writes but does
// not sync. One fsync serves every commit that ended before it began.
type flusher struct {
	logs []*logDir
	turn sync.Mutex // one fsync at a time
	err  atomic.Pointer[error]

	mu   sync.Mutex
	next *round // that who comes now joins; nil when nobody waits
}

type round struct {
	done chan struct{}
	err  error
}

type logDir struct {
	path string
	last int   // the segment that was the newest at the last fsync
	size int64 // and how long it was: a log only ever grows
}

func newFlusher(dir string) *flusher {
	return &flusher{logs: []*logDir{
		{path: filepath.Join(dir, "wal"), last: -1},
		{path: filepath.Join(dir, "wbl"), last: -1},
	}}
}

// broken returns why nothing can be made durable any more, or nil.
func (f *flusher) broken() error {
	if p := f.err.Load(); p != nil {
		return *p
	}
	return nil
}

// wait returns when all that was committed before the call is on disk. After
// one failed fsync the kernel may have dropped the pages and say "done" to the
// next, so a failure stays until the store is opened again.
func (f *flusher) wait(ctx context.Context) error {
	if err := f.broken(); err != nil {
		return err
	}
	f.mu.Lock()
	r, lead := f.next, false
	if r == nil {
		r, lead = &round{done: make(chan struct{})}, true
		f.next = r
	}
	f.mu.Unlock()
	if lead {
		f.run(r)
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return errs.New(errs.Unavailable, "wait for the disk: %w", context.Cause(ctx))
	}
}

func (f *flusher) run(r *round) {
	f.turn.Lock()
	defer f.turn.Unlock()
	f.mu.Lock()
	f.next = nil // who commits from here on may be too late for this fsync
	f.mu.Unlock()
	for _, l := range f.logs {
		if err := l.sync(); err != nil {
			r.err = errs.New(errs.Unavailable, "samples are not safe on disk, restart when it works again: %w", err)
			f.err.CompareAndSwap(nil, &r.err)
			break
		}
	}
	close(r.done)
}

// sync fsyncs the segments that may have been written since the last call, and
// the folder when there is a new one.
func (l *logDir) sync() error {
	names, err := segments(l.path)
	if err != nil {
		return err
	}
	newest := l.last
	for _, n := range names { // in order: the newest is the last
		if n.index < l.last {
			continue
		}
		clean := int64(-1)
		if n.index == l.last {
			clean = l.size
		}
		size, err := syncGrown(filepath.Join(l.path, n.name), clean)
		if errors.Is(err, fs.ErrNotExist) {
			// It was folded into a checkpoint or a block, and those were synced
			// before it was removed.
			continue
		}
		if err != nil {
			return err
		}
		newest, l.size = n.index, size
	}
	if newest != l.last {
		if err := syncFile(l.path); err != nil {
			return err
		}
		l.last = newest
	}
	return nil
}

// syncGrown syncs a file unless it is still clean bytes long, and returns how
// long it was before.
func syncGrown(path string, clean int64) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // opened to read: nothing is lost with its error
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if st.Size() == clean {
		return clean, nil
	}
	return st.Size(), f.Sync()
}

type segment struct {
	name  string
	index int
}

func segments(dir string) ([]segment, error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close() //nolint:errcheck // opened to read
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var out []segment
	for _, n := range names {
		if i, err := strconv.Atoi(n); err == nil {
			out = append(out, segment{n, i})
		}
	}
	slices.SortFunc(out, func(a, b segment) int { return cmp.Compare(a.index, b.index) })
	return out, nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
