package handed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
)

func row(n uint64) dispatch.Row {
	return dispatch.Row{Key: dispatch.ToldKey{Group: "{}:{a=\"b\"}", Receiver: "r", Integration: "webhook", Index: 1}, Hash: n, Told: dispatch.Told{Firing: []uint64{n, 1<<64 - 1}, At: time.Unix(1, 5).UTC()}}
}

func open(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func TestWhatWasNotTurnedIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	put := func(n uint64) {
		t.Helper()
		if err := j.Append(row(n)); err != nil {
			t.Fatal(err)
		}
	}
	put(1)
	drop := j.Turn()
	put(2)
	if err := drop(); err != nil {
		t.Fatal(err)
	}
	j.Turn() // its rows never reached the database
	put(3)
	rows := open(t, dir).Rows()
	var got []uint64
	for _, r := range rows {
		got = append(got, r.Hash)
		if r.Told.Firing[1] != 1<<64-1 || r.Key.Index != 1 || !r.Told.At.Equal(time.Unix(1, 5)) {
			t.Errorf("row %+v", r)
		}
	}
	if len(got) != 2 || got[0]+got[1] != 5 {
		t.Errorf("found rows %v, want 2 and 3", got)
	}
	if err := j.Clear(); err != nil {
		t.Fatal(err)
	}
	if rows := open(t, dir).Rows(); len(rows) != 0 {
		t.Errorf("found %d rows after Clear", len(rows))
	}
}

func TestATornLineIsNotRead(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	for n := range uint64(3) {
		if err := j.Append(row(n)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "handed-0")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < 40; cut++ {
		if err := os.WriteFile(path, b[:len(b)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if rows := open(t, dir).Rows(); len(rows) != 2 {
			t.Errorf("cut %d: %d rows, want 2", cut, len(rows))
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("00000000 {}\n")
	f.Add(checksum([]byte(`{"h":1}`)) + " {\"h\":1}\n")
	f.Fuzz(func(_ *testing.T, text string) { read(strings.NewReader(text)) })
}
