package secret_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/secret"
)

func open(t testing.TB, path string) *secret.Sealer {
	t.Helper()
	s, err := secret.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedOpensAfterRestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	for _, plain := range []string{"", "xoxb-token", "火の番", strings.Repeat("x", 1<<16)} {
		sealed, err := open(t, path).Seal(plain, "slack.token")
		if err != nil || (plain != "" && strings.Contains(sealed, plain)) || !secret.Sealed(sealed) {
			t.Fatalf("Seal(%.20q) = %.40q, %v", plain, sealed, err)
		}
		if got, err := open(t, path).Unseal(sealed, "slack.token"); err != nil || got != plain {
			t.Errorf("got %.20q, %v, want %.20q", got, err, plain)
		}
	}
}

func TestUnsealRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "key"))
	other := open(t, filepath.Join(t.TempDir(), "key"))
	sealed, err := s.Seal("plain", "a")
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Seal("plain", "a")
	if err != nil || again == sealed {
		t.Errorf("sealing twice gave %q twice (%v)", sealed, err)
	}
	flipped := sealed[:10] + string(sealed[10]^1) + sealed[11:]
	for name, try := range map[string]func() (string, error){
		"other context": func() (string, error) { return s.Unseal(sealed, "b") },
		"other key":     func() (string, error) { return other.Unseal(sealed, "a") },
		"changed":       func() (string, error) { return s.Unseal(flipped, "a") },
		"short":         func() (string, error) { return s.Unseal(sealed[:9], "a") },
		"plain":         func() (string, error) { return s.Unseal("plain", "a") },
		"other version": func() (string, error) { return s.Unseal("hb2:"+sealed[4:], "a") },
	} {
		got, err := try()
		if errs.KindOf(err) != errs.Invalid || got != "" || strings.Contains(err.Error(), "plain") {
			t.Errorf("%s: got %q, %v, want an Invalid error", name, got, err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := secret.Open(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("got %d files beside the key, want 1 (%v)", len(left), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Open(path); errs.KindOf(err) != errs.Denied {
		t.Errorf("readable key: got %v, want a Denied error", err)
	}
	if err := os.WriteFile(path, []byte("AAAA\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Open(path); errs.KindOf(err) != errs.Invalid {
		t.Errorf("short key: got %v, want an Invalid error", err)
	}
}

func ExampleSealer() {
	dir, err := os.MkdirTemp("", "key")
	if err != nil {
		return
	}
	defer os.RemoveAll(dir)
	s, err := secret.Open(filepath.Join(dir, "secret.key"))
	if err != nil {
		return
	}
	sealed, _ := s.Seal("hunter2", "smtp.password")
	plain, _ := s.Unseal(sealed, "smtp.password")
	fmt.Println(sealed[:4], plain)
	// Output: hb1: hunter2
}

func FuzzUnseal(f *testing.F) {
	s := open(f, filepath.Join(f.TempDir(), "key"))
	good, _ := s.Seal("plain", "c")
	f.Add(good, "c")
	f.Add("hb1:", "")
	f.Add("hb1:AAAA", "c")
	f.Fuzz(func(t *testing.T, sealed, context string) {
		got, err := s.Unseal(sealed, context)
		if err == nil && (sealed != good || context != "c" || got != "plain") {
			t.Errorf("Unseal(%q, %q) = %q: forged", sealed, context, got)
		}
	})
}
