package oncalldb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
)

func TestJournalOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	open := func() *oncalldb.Journal {
		t.Helper()
		j, err := oncalldb.OpenJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	j := open() // never closed: as at a kill
	if err := j.Handed("a", "b"); err != nil {
		t.Fatal(err)
	}
	took := func(id string) string {
		carrier, ok := j.Took(id)
		return fmt.Sprint(carrier, " ", ok)
	}
	if took("a") != " false" {
		t.Error("what this process handed over is not in doubt")
	}
	f, err := os.OpenFile(filepath.Join(dir, "pages-handed"), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("c o"); err != nil { // torn
		t.Fatal(err)
	}
	f.Close()
	j = open()
	for id, want := range map[string]string{"a": "a true", "b": "a true", "c": " false", "": " false"} {
		if got := took(id); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
	if err := j.Handed("d"); err != nil { // behind the torn line
		t.Fatal(err)
	}
	if j = open(); took("d") != "d true" {
		t.Error("a torn line took the next one with it")
	}
	for i := range 60 {
		var ids []string
		for k := range 1000 {
			ids = append(ids, fmt.Sprint(i, "-", k))
		}
		if err := j.Handed(ids...); err != nil {
			t.Fatal(err)
		}
	}
	if j = open(); took("59-999") != "59-0 true" || took("40-0") != "40-0 true" {
		t.Error("turning the file lost what was noted")
	}
}
