package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// family is the beginning of a secret of ours: it tells people and secret
// scanners what they look at.
type family string

const (
	tokenKey   family = "hbt_"
	sessionKey family = "hbs_"
	linkKey    family = "hbw_"
)

const keyBytes = 32

// mint returns a fresh secret of 256 random bits, and its sum to store.
func mint(f family) (key, sum string) {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // never fails; the program ends where there is no randomness
	key = string(f) + base64.RawURLEncoding.EncodeToString(b)
	return key, digest(key)
}

// sumOf returns the sum of key when it is a secret of family f.
func sumOf(f family, key string) (string, bool) {
	body, ok := strings.CutPrefix(key, string(f))
	if !ok || len(body) != base64.RawURLEncoding.EncodedLen(keyBytes) {
		return "", false
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(body); err != nil {
		return "", false
	}
	return digest(key), true
}

func digest(key string) string {
	h := sha256.Sum256([]byte(key))
	return hex.EncodeToString(h[:])
}
