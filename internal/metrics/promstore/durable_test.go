package promstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

func TestSyncKeepsUpWithSegments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := &logDir{path: filepath.Join(dir, "wal"), last: -1}
	if err := l.sync(); err != nil || l.last != -1 {
		t.Errorf("no folder yet: got %v, last %d, want nothing to do", err, l.last)
	}
	if err := os.Mkdir(l.path, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"00000003", "00000004", "checkpoint.00000002"} {
		if err := os.WriteFile(filepath.Join(l.path, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.sync(); err != nil || l.last != 4 {
		t.Errorf("got %v, last %d, want 4", err, l.last)
	}
}

func TestFailedFsyncStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := newFlusher(dir)
	if err := f.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	wal := filepath.Join(dir, "wal")
	if err := os.WriteFile(wal, nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	if err := f.wait(t.Context()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	if err := os.Remove(wal); err != nil {
		t.Fatal(err)
	}
	if err := f.wait(t.Context()); err == nil || !errors.Is(err, f.broken()) {
		t.Errorf("after the disk came back: got %v, want the first failure until the next open", err)
	}
}
