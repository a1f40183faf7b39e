package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// recordSize is of one record, which a whole message fits into (RFC 8188).
const recordSize = 4096

// MaxPlain is the most that a message may have before it is encrypted, so that
// the body has the 4,096 bytes that every push service takes (RFC 8291, 4).
const MaxPlain = recordSize - 16 - 4 - 1 - 65 - 16 - 1

// Key makes the key pair that push services know us by (VAPID, RFC 8292) of a
// seed: the same as long as the seed is.
func Key(seed []byte) (*ecdsa.PrivateKey, error) {
	wide, err := hkdf.Key(sha256.New, seed, nil, "hinoban webpush vapid P-256", 48)
	if err != nil {
		return nil, fmt.Errorf("derive push key: %w", err)
	}
	// 48 bytes, so that the remainder is as good as uniform; 1 to n-1.
	n := new(big.Int).Sub(elliptic.P256().Params().N, big.NewInt(1))
	d := new(big.Int).Mod(new(big.Int).SetBytes(wide), n)
	d.Add(d, big.NewInt(1))
	return ecdsa.ParseRawPrivateKey(elliptic.P256(), d.FillBytes(make([]byte, 32)))
}

// PublicKey is what a browser subscribes with: the uncompressed point, in base64url.
func PublicKey(key *ecdsa.PrivateKey) (string, error) {
	raw, err := key.PublicKey.Bytes()
	if err != nil {
		return "", fmt.Errorf("encode push key: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// vapid is the Authorization header for one push service.
func vapid(key *ecdsa.PrivateKey, origin, subject string, until time.Time) (string, error) {
	claims, err := json.Marshal(struct {
		Aud string `json:"aud"`
		Exp int64  `json:"exp"`
		Sub string `json:"sub"`
	}{origin, until.Unix(), subject})
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	enc := base64.RawURLEncoding
	signed := enc.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + enc.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign claims: %w", err)
	}
	public, err := PublicKey(key)
	if err != nil {
		return "", err
	}
	sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return "vapid t=" + signed + "." + enc.EncodeToString(sig) + ", k=" + public, nil
}

// seal encrypts plain for one subscription, with a salt of 16 bytes and a key
// pair that are used once (RFC 8291).
func seal(plain []byte, s Subscription, once *ecdh.PrivateKey, salt []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, errs.New(errs.Invalid, "message of %d bytes, want at most %d", len(plain), MaxPlain)
	}
	theirs, err := ecdh.P256().NewPublicKey(s.P256DH)
	if err != nil {
		return nil, errs.New(errs.Invalid, "subscription's key is no point of P-256")
	}
	shared, err := once.ECDH(theirs)
	if err != nil {
		return nil, errs.New(errs.Invalid, "subscription's key agrees to nothing")
	}
	ours := once.PublicKey().Bytes()
	info := "WebPush: info\x00" + string(s.P256DH) + string(ours)
	secret, err := hkdf.Key(sha256.New, shared, s.Auth, info, 32)
	if err != nil {
		return nil, fmt.Errorf("derive secret: %w", err)
	}
	return record(plain, secret, salt, ours)
}

// record is one record of aes128gcm (RFC 8188), the last of its message.
func record(plain, secret, salt, keyID []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	nonce, err := hkdf.Key(sha256.New, secret, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, fmt.Errorf("derive nonce: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use key: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("use key: %w", err)
	}
	out := append([]byte(nil), salt...)
	out = binary.BigEndian.AppendUint32(out, recordSize)
	out = append(out, byte(len(keyID)))
	out = append(out, keyID...)
	return gcm.Seal(out, nonce, append(append([]byte(nil), plain...), 2), nil), nil
}
