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
	if j.Took("a") {
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
	if !j.Took("a") || !j.Took("b") || j.Took("c") || j.Took("") {
		t.Error("got other messages than those that were noted")
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
	if j = open(); !j.Took("59-999") || !j.Took("40-0") {
		t.Error("turning the file lost what was noted")
	}
}
