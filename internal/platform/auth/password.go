package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Bounds of a password: runes at least, bytes at most.
const (
	MinPassword = 10
	MaxPassword = 1024
)

// CheckPassword returns an Invalid error that says what is wrong with password.
func CheckPassword(password string) error {
	switch {
	case len(password) > MaxPassword:
		return errs.New(errs.Invalid, "password is longer than %d bytes", MaxPassword)
	case utf8.RuneCountInString(password) < MinPassword:
		return errs.New(errs.Invalid, "password needs at least %d characters", MinPassword)
	}
	return nil
}

// cost is what one argon2id run takes.
type cost struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

const (
	saltSize = 16
	sumSize  = 32
	queue    = 64 // logins that may wait for a turn
)

// hasher runs argon2id, few at a time, so that logins cannot eat the memory.
type hasher struct {
	cost  cost
	turns chan struct{} // running
	line  chan struct{} // running or waiting
	dummy string
}

func newHasher(c cost, parallel int) *hasher {
	zero := phc{cost: c, salt: make([]byte, saltSize), sum: make([]byte, sumSize)}
	return &hasher{cost: c, turns: make(chan struct{}, parallel), line: make(chan struct{}, queue), dummy: zero.String()}
}

// hash returns the PHC string of password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := CheckPassword(password); err != nil {
		return "", err
	}
	p := phc{cost: h.cost, salt: make([]byte, saltSize)}
	if _, err := rand.Read(p.salt); err != nil {
		return "", fmt.Errorf("make salt: %w", err)
	}
	sum, err := h.run(ctx, p, password)
	if err != nil {
		return "", err
	}
	p.sum = sum
	return p.String(), nil
}

// verify reports whether password belongs to stored. With stored "" it takes as
// long as with any other, and says no.
func (h *hasher) verify(ctx context.Context, stored, password string) (bool, error) {
	if len(password) > MaxPassword {
		password = "" // as wrong as any other, and as slow
	}
	known := stored != ""
	if !known {
		stored = h.dummy
	}
	p, err := parsePHC(stored)
	if err != nil {
		return false, err
	}
	sum, err := h.run(ctx, p, password)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, p.sum) == 1 && known, nil
}

// outdated reports whether stored was made with another cost than today's.
func (h *hasher) outdated(stored string) bool {
	p, err := parsePHC(stored)
	return err == nil && p.cost != h.cost
}

func (h *hasher) run(ctx context.Context, p phc, password string) ([]byte, error) {
	select {
	case h.line <- struct{}{}:
	default:
		return nil, errs.New(errs.Unavailable, "too many logins at once: try again in a moment")
	}
	defer func() { <-h.line }()
	select {
	case h.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, errs.New(errs.Unavailable, "wait for a turn: %w", ctx.Err())
	}
	defer func() { <-h.turns }()
	return argon2.IDKey([]byte(password), p.salt, p.cost.time, p.cost.memory, p.cost.threads, sumSize), nil
}

// phc is a parsed $argon2id$ string.
type phc struct {
	cost      cost
	salt, sum []byte
}

// String returns p in the PHC format.
func (p phc) String() string {
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.cost.memory, p.cost.time, p.cost.threads,
		enc.EncodeToString(p.salt), enc.EncodeToString(p.sum))
}

// parsePHC reads what String writes. It refuses costs that would be an attack
// on ourselves.
func parsePHC(s string) (phc, error) {
	bad := errors.New("stored password is not an argon2id string")
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, bad
	}
	var p phc
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &p.cost.memory, &p.cost.time, &p.cost.threads); err != nil {
		return phc{}, bad
	}
	var err1, err2 error
	p.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(f[4])
	p.sum, err2 = base64.RawStdEncoding.Strict().DecodeString(f[5])
	// What is not written as we write it ("m=08", "p=1,x") is not ours.
	if err1 != nil || err2 != nil || !p.sane() || p.String() != s {
		return phc{}, bad
	}
	return p, nil
}

func (p phc) sane() bool {
	c := p.cost
	affordable := c.memory >= 8 && c.memory <= 256<<10 && c.time >= 1 && c.time <= 10 && c.threads >= 1 && c.threads <= 16
	return affordable && len(p.salt) >= 8 && len(p.salt) <= 64 && len(p.sum) == sumSize
}
