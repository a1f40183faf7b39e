package ringfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hinoban/hinoban/internal/slo/burn"
	"github.com/hinoban/hinoban/internal/slo/meter"
)

const t0 = int64(1_772_323_200_000) // a midnight

func open(t *testing.T, dir string) (*Dir, burn.Rows) {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	rows, err := d.Open(0, burn.CoarseTier(burn.FineSpan))
	if err != nil {
		t.Fatal(err)
	}
	return d, rows
}

func cells(n int) []burn.Cell {
	out := make([]burn.Cell, n)
	for i := range out {
		out[i] = burn.Cell{Part: int64(i), Total: -int64(i), Samples: 1 << 40}
	}
	return out
}

func TestRowsAreReadAsWritten(t *testing.T) {
	dir := t.TempDir()
	_, rows := open(t, dir)
	fine := burn.FineTier()
	want := cells(burn.Columns)
	if err := rows.Write(fine, t0, want); err != nil {
		t.Fatal(err)
	}
	if err := rows.WriteColumn(fine, 5, t0, []burn.Cell{{Total: 7}, {Total: 8}}); err != nil {
		t.Fatal(err)
	}
	want[5] = burn.Cell{Total: 7}
	_, rows = open(t, dir)
	got := make([]burn.Cell, burn.Columns)
	if err := rows.Read(fine, t0, got); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("column %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
	column := make([]burn.Cell, 2)
	if err := rows.ReadColumn(fine, 5, t0, column); err != nil || column[0].Total != 7 || column[1].Total != 8 {
		t.Errorf("got %+v, %v", column, err)
	}
}

// What is not there, or is the row of another time, is damage and not zero.
func TestLostRowsAreDamage(t *testing.T) {
	fine := burn.FineTier()
	for what, lose := range map[string]func(file string) error{
		"file":    os.Remove,
		"its end": func(f string) error { return os.Truncate(f, 5000) },
		"a bit": func(f string) error {
			b, err := os.ReadFile(f)
			b[fine.Index(t0)*rowBytes+100] ^= 4
			return errors.Join(err, os.WriteFile(f, b, 0o600))
		},
	} {
		dir := t.TempDir()
		_, rows := open(t, dir)
		if err := rows.Write(fine, t0, cells(burn.Columns)); err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*.ring"))
		if err := lose(files[0]); err != nil {
			t.Fatal(err)
		}
		_, rows = open(t, dir)
		row := make([]burn.Cell, burn.Columns)
		if err := rows.Read(fine, t0, row); !errors.Is(err, burn.ErrDamaged) {
			t.Errorf("%s is lost: got %v", what, err)
		}
		if err := rows.ReadColumn(fine, 1, t0, row[:1]); !errors.Is(err, burn.ErrDamaged) {
			t.Errorf("%s is lost: got %v", what, err)
		}
		// Another column must not hide it.
		if err := rows.WriteColumn(fine, 9, t0, row[:1]); what == "a bit" && !errors.Is(err, burn.ErrDamaged) {
			t.Errorf("%s is lost, and hidden: %v", what, err)
		}
		if err := rows.Clear(); err != nil {
			t.Fatal(err)
		}
		if err := rows.WriteColumn(fine, 9, t0, row[:1]); err != nil {
			t.Errorf("after all is forgotten: %v", err)
		}
	}
	_, rows := open(t, t.TempDir())
	row := cells(burn.Columns)
	if err := rows.Write(fine, t0+fine.Rows*fine.Step, row); err != nil {
		t.Fatal(err)
	}
	if err := rows.Read(fine, t0, row); !errors.Is(err, burn.ErrDamaged) {
		t.Errorf("the row of another time: got %v", err)
	}
}

// Not one byte of a checkpoint can change unseen.
func TestDamagedCheckpointsAreErrors(t *testing.T) {
	d, _ := open(t, t.TempDir())
	if c, err := d.Load(); err != nil || c.Horizon != 0 {
		t.Errorf("none: got %+v, %v", c, err)
	}
	want := meter.Checkpoint{Horizon: t0, Instances: []meter.Instance{{Objective: "o\n", Raw: 3, Cut: -1}}, Idle: []meter.Idle{{Watch: "w", At: 1, V: 0.1}}}
	if err := d.Save(want); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Load(); err != nil || got.Horizon != t0 || got.Instances[0].Objective != "o\n" || got.Idle[0].V != 0.1 {
		t.Errorf("got %+v, %v", got, err)
	}
	b, err := os.ReadFile(d.checkpoint())
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		bad := append([]byte{}, b...)
		bad[i] ^= 1
		for _, harmed := range [][]byte{bad, b[:i]} {
			if err := os.WriteFile(d.checkpoint(), harmed, 0o600); err != nil {
				t.Fatal(err)
			}
			if c, err := d.Load(); err == nil {
				t.Fatalf("byte %d: %q is read as %+v", i, harmed, c)
			}
		}
	}
}

// Whatever a ring's file holds, rows are as they were written or damaged.
func FuzzRing(f *testing.F) {
	f.Add([]byte("x"), int64(0))
	f.Add(make([]byte, 2*rowBytes), int64(1))
	f.Fuzz(func(t *testing.T, b []byte, at int64) {
		dir := t.TempDir()
		_, rows := open(t, dir)
		fine := burn.FineTier()
		edge := t0 + (at%fine.Rows)*fine.Step
		file, err := os.OpenFile(rows.(*ring).f.Name(), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt(b, fine.Index(edge)*rowBytes); err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		got := make([]burn.Cell, burn.Columns)
		if err := rows.Read(fine, edge, got); err == nil && len(b) < rowBytes {
			t.Errorf("%d bytes are a row: %+v", len(b), got)
		}
		if err := rows.ReadColumn(fine, 3, edge, got[:2]); err == nil {
			t.Error("two rows of which one was not written")
		}
	})
}
