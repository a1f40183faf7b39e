// Package secret seals what must not lie readable in the database: tokens and
// passwords of the services we call. The key is a file beside the database;
// whoever has both can read everything, so backups should keep them apart.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

const (
	prefix  = "hb1:" // AES-256-GCM, random nonce in front, base64url
	keySize = 32
)

// Sealer seals and unseals with one key. It is safe for concurrent use.
type Sealer struct {
	aead cipher.AEAD
	key  []byte
}

// Derive returns a key of 32 bytes for one purpose, such as "alert.judge". It is
// the same as long as the sealer's key is, and says nothing of it or of the keys
// for other purposes (HMAC-SHA-256 as a pseudorandom function, RFC 2104).
func (s *Sealer) Derive(purpose string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte("derive:" + purpose))
	return mac.Sum(nil)
}

// Open reads the key at path, and makes it on the first call. It refuses, as
// Denied, a key that others than its owner may read.
func Open(path string) (*Sealer, error) {
	key, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("make key %s: %w", path, err)
		}
		key, err = read(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use key %s: %w", path, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("use key %s: %w", path, err)
	}
	return &Sealer{aead: aead, key: key}, nil
}

// Seal returns plain in a form that may lie anywhere. The context, such as
// "webhook.secret/7", is not in it: Unseal wants the same one, so that a sealed
// value moved to another place does not open there. The same plain text never
// looks the same twice.
func (s *Sealer) Seal(plain, context string) (string, error) {
	box := s.aead.Seal(nil, nil, []byte(plain), bind(context))
	return prefix + base64.RawURLEncoding.EncodeToString(box), nil
}

// Unseal returns what Seal was given, or an Invalid error when sealed was made
// with another key or context, or was changed.
func (s *Sealer) Unseal(sealed, context string) (string, error) {
	body, ok := strings.CutPrefix(sealed, prefix)
	if !ok {
		return "", errs.New(errs.Invalid, "unseal %s: not a sealed value", context)
	}
	box, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return "", errs.New(errs.Invalid, "unseal %s: not a sealed value", context)
	}
	plain, err := s.aead.Open(nil, nil, box, bind(context))
	if err != nil {
		return "", errs.New(errs.Invalid, "unseal %s: wrong key, wrong place, or changed", context)
	}
	return string(plain), nil
}

// Sealed reports whether s looks like a sealed value.
func Sealed(s string) bool { return strings.HasPrefix(s, prefix) }

func bind(context string) []byte { return []byte(prefix + context) }

func read(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errs.New(errs.Denied, "not a regular file")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, errs.New(errs.Denied, "others may read it (mode %o): chmod 600, and consider it known", info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return nil, errs.New(errs.Invalid, "not a key: want %d bytes in base64", keySize)
	}
	return key, nil
}

// create writes a new key so that path never holds half of one; when another
// process is faster, its key stays.
func create(path string) error {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".key-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // its name is of no use, its file lives on as path
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
