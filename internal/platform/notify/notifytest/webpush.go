package notifytest

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
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Push is a push service on a loopback port and one browser that subscribed:
// it checks who sends (RFC 8292) and reads what came (RFC 8291).
type Push struct {
	rest

	Endpoint string
	Key      *ecdh.PrivateKey
	Auth     []byte
	Want     string // the sender's public key, which the browser subscribed with
	Gone     bool   // the browser is no more
}

// NewPush starts a push service for the length of t.
func NewPush(t *testing.T, want string) *Push {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &Push{Key: key, Auth: make([]byte, 16), Want: want}
	if _, err := rand.Read(s.Auth); err != nil {
		t.Fatal(err)
	}
	s.take, s.fail = s.post, s.refuse
	s.start(t)
	s.Endpoint = s.URL + "/push/capability-of-one-browser"
	return s
}

func (s *Push) refuse(rw http.ResponseWriter, r *http.Request, f Fault) {
	if f == Throttle {
		rw.Header().Set("Retry-After", "7")
	}
	reply(rw, map[Fault]int{Refuse: 400, Forbid: 403, Busy: 503, Throttle: 429}[f], obj{"code": 1, "errno": 100, "error": r.Header.Get("Authorization") + r.URL.Path})
}

func (s *Push) post(rw http.ResponseWriter, r *http.Request, body []byte) {
	if s.Gone {
		rw.WriteHeader(http.StatusGone)
		return
	}
	if err := s.sender(r); err != nil {
		reply(rw, 403, obj{"error": err.Error()})
		return
	}
	d := Delivery{Key: r.Header.Get("Topic"), Address: "aoi"}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`).MatchString(d.Key) {
		d.broken("topic %q", d.Key)
	}
	if len(body) > 4096 {
		d.broken("body of %d bytes", len(body))
	}
	if r.Header.Get("Ttl") == "" || r.Header.Get("Content-Encoding") != "aes128gcm" || !slices.Contains([]string{"very-low", "low", "normal", "high"}, r.Header.Get("Urgency")) {
		d.broken("headers %v", r.Header)
	}
	plain, err := s.open(body)
	if err != nil {
		d.broken("message: %v", err)
	}
	var p struct {
		ID, Kind, Title, Body, Lang, URL string
		At                               int64
		Actions                          []struct{ ID, Text, URL string }
	}
	strict(&d, plain, &p)
	d.Title, d.Text = p.Title, p.Body
	for _, a := range p.Actions {
		d.Links = append(d.Links, a.URL)
	}
	if p.URL != "" {
		d.Links = append(d.Links, p.URL)
	}
	s.keep(d, true)
	rw.Header().Set("Location", s.URL+"/message/1")
	rw.WriteHeader(http.StatusCreated)
}

// sender checks the token that says who sends.
func (s *Push) sender(r *http.Request) error {
	m := regexp.MustCompile(`^vapid t=([^.]+)\.([^.]+)\.([^,]+), ?k=(.+)$`).FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return errors.New("no VAPID")
	}
	if s.Want != "" && m[4] != s.Want {
		return errors.New("another sender than the browser subscribed with")
	}
	enc := base64.RawURLEncoding
	point, err := enc.DecodeString(m[4])
	if err != nil {
		return err
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return err
	}
	sig, err := enc.DecodeString(m[3])
	if err != nil || len(sig) != 64 {
		return errors.New("signature is no ES256")
	}
	sum := sha256.Sum256([]byte(m[1] + "." + m[2]))
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return errors.New("signature is wrong")
	}
	return s.claims(m[2])
}

// claims checks for whom and until when a token is.
func (s *Push) claims(part string) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	var claims struct {
		Aud, Sub string
		Exp      int64
	}
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return errors.New("claims are no JSON")
	}
	left := time.Until(time.Unix(claims.Exp, 0))
	if claims.Aud != s.URL || left <= 0 || left > 24*time.Hour || !strings.HasPrefix(claims.Sub, "mailto:") && !strings.HasPrefix(claims.Sub, "https://") {
		return fmt.Errorf("claims %+v", claims)
	}
	return nil
}

// open decrypts as a browser does.
func (s *Push) open(body []byte) ([]byte, error) {
	if len(body) < 16+4+1+65 || body[20] != 65 {
		return nil, errors.New("no header of aes128gcm")
	}
	salt, size, theirs, rest := body[:16], binary.BigEndian.Uint32(body[16:20]), body[21:86], body[86:]
	if len(rest) > int(size) {
		return nil, errors.New("more than one record")
	}
	pub, err := ecdh.P256().NewPublicKey(theirs)
	if err != nil {
		return nil, err
	}
	shared, err := s.Key.ECDH(pub)
	if err != nil {
		return nil, err
	}
	prk, err := hkdf.Extract(sha256.New, shared, s.Auth)
	if err != nil {
		return nil, err
	}
	ikm, err := hkdf.Expand(sha256.New, prk, "WebPush: info\x00"+string(s.Key.PublicKey().Bytes())+string(theirs), 32)
	if err != nil {
		return nil, err
	}
	prk, _ = hkdf.Extract(sha256.New, ikm, salt)
	cek, _ := hkdf.Expand(sha256.New, prk, "Content-Encoding: aes128gcm\x00", 16)
	nonce, _ := hkdf.Expand(sha256.New, prk, "Content-Encoding: nonce\x00", 12)
	block, err := aes.NewCipher(cek)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, rest, nil)
	if err != nil {
		return nil, err
	}
	plain = []byte(strings.TrimRight(string(plain), "\x00"))
	if len(plain) == 0 || plain[len(plain)-1] != 2 {
		return nil, errors.New("no end of the last record")
	}
	return plain[:len(plain)-1], nil
}
