package ascode

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A file that a document refers to is inside the folder, links followed.
func TestReadBesideStaysInside(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "config")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "sub"), 0o700), os.WriteFile(filepath.Join(root, "secret"), []byte("s"), 0o600), os.WriteFile(filepath.Join(dir, "a.csv"), []byte("abc"), 0o600),
		os.Symlink("../a.csv", filepath.Join(dir, "sub", "in")), os.Symlink("../secret", filepath.Join(dir, "out")), os.Symlink(filepath.Join(root, "secret"), filepath.Join(dir, "abs")),
		os.Symlink("..", filepath.Join(dir, "up")), os.Symlink("loop", filepath.Join(dir, "loop")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, inside := range map[string]bool{"a.csv": true, "sub/in": true, "out": false, "abs": false, "up/secret": false, "loop": false} {
		text, err := ReadBeside(os.DirFS(dir), name, 3)
		if inside && (err != nil || text != "abc") || !inside && !errors.Is(err, ErrOutside) {
			t.Errorf("%s: got %q, %v; want it read: %t", name, text, err, inside)
		}
	}
	if _, err := ReadBeside(os.DirFS(dir), "a.csv", 2); err == nil {
		t.Error("a file above the limit is read")
	}
	d := Document{File: "x/y.yaml"}
	for name, want := range map[string]string{"a.csv": "x/a.csv", "../a.csv": "a.csv", "../../a.csv": "", "/etc/passwd": "", `..\a`: ""} {
		if got, err := d.Refer(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
		}
	}
}
