package buddy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// MinSecret is how many characters the shared secret has at least.
const MinSecret = 32

// Keys are made of the shared secret, one for each use.
type Keys struct {
	sum    []byte
	box    cipher.AEAD
	bearer string
}

// NewKeys derives the keys. Invalid where the secret is too short.
func NewKeys(secret string) (Keys, error) {
	if len(secret) < MinSecret {
		return Keys{}, errs.New(errs.Invalid, "the buddy's secret has %d characters, want at least %d", len(secret), MinSecret)
	}
	block, err := aes.NewCipher(derive(secret, "plan"))
	if err != nil {
		return Keys{}, fmt.Errorf("use the buddy's secret: %w", err)
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return Keys{}, fmt.Errorf("use the buddy's secret: %w", err)
	}
	return Keys{sum: derive(secret, "sum"), box: box, bearer: "hbb_" + base64.RawURLEncoding.EncodeToString(derive(secret, "bearer"))}, nil
}

func derive(secret, purpose string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("hinoban buddy " + purpose))
	return mac.Sum(nil)
}

// Bearer is what every call brings. It says nothing of the other keys.
func (k Keys) Bearer() string { return k.bearer }

// IsBearer compares in constant time.
func (k Keys) IsBearer(s string) bool { return hmac.Equal([]byte(s), []byte(k.bearer)) }

// signed is a text and its sum. What the text is for is part of the sum, so that
// a heartbeat never passes for a plan.
type signed struct {
	Body []byte `json:"body"`
	Sum  string `json:"sum"`
}

// Use says what a signed text is for.
type Use string

// The uses.
const (
	ForBeat Use = "beat"
	ForPlan Use = "plan"
	ForCall Use = "call"
)

func (k Keys) mac(use Use, body []byte) string {
	mac := hmac.New(sha256.New, k.sum)
	mac.Write([]byte(string(use) + "\n"))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// Sign returns v as JSON with the sum of its exact bytes.
func (k Keys) Sign(use Use, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("sign a %s: %w", use, err)
	}
	return json.Marshal(signed{Body: body, Sum: k.mac(use, body)})
}

// Verify reads into v what [Keys.Sign] made. Denied where the sum is not right;
// v is untouched then.
func (k Keys) Verify(use Use, text []byte, v any) error {
	var s signed
	if err := json.Unmarshal(text, &s); err != nil {
		return errs.New(errs.Denied, "this is no signed %s", use)
	}
	if !hmac.Equal([]byte(s.Sum), []byte(k.mac(use, s.Body))) {
		return errs.New(errs.Denied, "the %s is not signed with our secret, or was changed", use)
	}
	if err := json.Unmarshal(s.Body, v); err != nil {
		return errs.New(errs.Invalid, "read the %s: %w", use, err)
	}
	return nil
}

// BodySum names the exact bytes of a request's body.
func BodySum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
