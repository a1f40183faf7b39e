package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// LinkLasts is how long a link judges.
const LinkLasts = 30 * 24 * time.Hour

// Ballot is what a link is good for: one person's verdict on one alert.
type Ballot struct {
	Alert   string `json:"a"`
	Person  string `json:"p"`
	Via     string `json:"v,omitempty"` // the channel that carried it
	Expires int64  `json:"e"`           // seconds since 1970
}

// Signer makes links that need nobody signed in. Whoever holds one may judge
// that alert as that person, and nothing else. It is safe for concurrent use.
type Signer struct{ key []byte }

// NewSigner returns a Signer; key is secret and of at least 32 bytes.
func NewSigner(key []byte) *Signer { return &Signer{key: key} }

const sumBytes = 24 // 192 bits of HMAC-SHA-256

func (s *Signer) sum(body string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte("judge:" + body))
	return mac.Sum(nil)[:sumBytes]
}

// Token returns the text in a link for b.
func (s *Signer) Token(b Ballot) string {
	text, err := json.Marshal(b)
	if err != nil {
		return "" // strings and a number always encode
	}
	body := base64.RawURLEncoding.EncodeToString(text)
	return body + "." + base64.RawURLEncoding.EncodeToString(s.sum(body))
}

// Open returns what token is good for. Denied where it is made up or expired.
func (s *Signer) Open(token string, now time.Time) (b Ballot, err error) {
	body, sum, ok := strings.Cut(token, ".")
	if !ok || len(token) > 1024 {
		return b, errs.New(errs.Denied, "this link was not made here")
	}
	got, err := base64.RawURLEncoding.Strict().DecodeString(sum)
	if err != nil || !hmac.Equal(got, s.sum(body)) {
		return b, errs.New(errs.Denied, "this link was not made here, or its end is missing: open the alert itself and judge it there")
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		return b, errs.New(errs.Denied, "this link was not made here")
	}
	if now.Unix() >= b.Expires {
		return b, errs.New(errs.Denied, "this link was good for 30 days, until %s: open the alert itself and judge it there", time.Unix(b.Expires, 0).UTC().Format("2006-01-02"))
	}
	return b, nil
}
