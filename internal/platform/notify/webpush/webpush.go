// Package webpush sends messages to the browsers in which a person allowed it,
// on a locked phone too, through the push services of the browsers' makers, who
// cannot read them (RFC 8030, 8291, 8292).
package webpush

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

// Config is how push services are reached. The zero value is not valid: start from Default.
type Config struct {
	Key          *ecdsa.PrivateKey `yaml:"-"`       // see [Key]; a new one ends all subscriptions
	Subject      string            `yaml:"subject"` // who to tell of trouble: https://… or mailto:…
	TTL          time.Duration     `yaml:"ttl"`     // for how long a phone that is off is waited for
	Timeout      time.Duration     `yaml:"timeout"`
	AllowPrivate bool              `yaml:"allow_private"`
}

// Default returns a configuration without a key.
func Default() Config { return Config{TTL: time.Hour, Timeout: 10 * time.Second} }

// Validate returns an Invalid error that says which setting is wrong.
func (c Config) Validate() error {
	if c.Subject != "" && !strings.HasPrefix(c.Subject, "https://") && !strings.HasPrefix(c.Subject, "mailto:") {
		return errs.New(errs.Invalid, "webpush subject: want https://… or mailto:…")
	}
	if c.TTL < time.Minute || c.TTL > 24*time.Hour {
		return errs.New(errs.Invalid, "webpush ttl %s: want 1m to 24h", c.TTL)
	}
	return httpsend.Timeout("webpush", c.Timeout)
}

// Subscription is one browser of a person. Its endpoint is a capability.
type Subscription struct {
	Endpoint string
	P256DH   []byte // the browser's public key, an uncompressed point
	Auth     []byte // 16 bytes
}

// Validate refuses, as Invalid, what no browser would have made.
func (s Subscription) Validate() error {
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") || len(s.Endpoint) > 1000 {
		return errs.New(errs.Invalid, "endpoint: want the URL of a push service")
	}
	if _, err := ecdh.P256().NewPublicKey(s.P256DH); err != nil {
		return errs.New(errs.Invalid, "keys.p256dh: want a point of P-256")
	}
	if len(s.Auth) != 16 {
		return errs.New(errs.Invalid, "keys.auth: want 16 bytes")
	}
	return nil
}

// Subscriptions keeps them.
type Subscriptions interface {
	// ByPerson returns those of a person, at most 20.
	ByPerson(ctx context.Context, person string) ([]Subscription, error)
	// Remove forgets one that its push service has ended.
	Remove(ctx context.Context, endpoint string) error
}

// The most that is sent, in runes.
const (
	MaxBody  = 600
	maxTitle = 120
)

// Channel pushes to browsers.
type Channel struct {
	cfg    Config
	subs   Subscriptions
	client *http.Client
	handle *regexp.Regexp
	now    func() time.Time
}

var _ notify.Channel = (*Channel)(nil)

// New returns a channel; cfg must be valid and have a key.
func New(cfg Config, subs Subscriptions, now func() time.Time) *Channel {
	return &Channel{cfg, subs, httpc.New(httpc.Options{Timeout: cfg.Timeout, AllowPrivate: cfg.AllowPrivate}), regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`), now}
}

// Name returns "webpush".
func (c *Channel) Name() string { return "webpush" }

// Check accepts a person's handle.
func (c *Channel) Check(address string) error {
	if !c.handle.MatchString(address) {
		return errs.New(errs.Invalid, "a webpush address is a person's handle, like aoi")
	}
	return nil
}

// Send pushes m to all browsers of a person: one that takes it is enough. A
// subscription that has ended is removed; a person without one is NotFound.
func (c *Channel) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := notify.Fits(c, address, m); err != nil {
		return notify.Receipt{}, err
	}
	subs, err := c.subs.ByPerson(ctx, address)
	if err != nil {
		return notify.Receipt{}, errs.New(errs.Unavailable, "load push subscriptions: %w", err)
	}
	plain, err := compose(m)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("webpush %s: %w", m.ID, err)
	}
	took := 0
	failed := errs.New(errs.NotFound, "%s allows notifications in no browser", address)
	for _, s := range subs {
		err := c.push(ctx, s, m, plain)
		if err == nil {
			took++
			continue
		}
		if errs.KindOf(err) == errs.NotFound {
			// It is tried again, and ends again, if it could not be removed.
			_ = c.subs.Remove(ctx, s.Endpoint)
		}
		// What passes decides: the whole message is then sent once more.
		if errs.Permanent(failed) {
			failed = err
		}
	}
	if took == 0 {
		return notify.Receipt{}, fmt.Errorf("webpush %s: %w", m.ID, failed)
	}
	return notify.Receipt{ProviderID: topic(m.ID), Detail: "taken for " + strconv.Itoa(took) + " of " + strconv.Itoa(len(subs)) + " browsers"}, nil
}

func (c *Channel) push(ctx context.Context, s Subscription, m notify.Message, plain []byte) error {
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return errs.New(errs.Invalid, "endpoint is no URL")
	}
	once, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return fmt.Errorf("make salt: %w", err)
	}
	body, err := seal(plain, s, once, salt)
	if err != nil {
		return err
	}
	auth, err := vapid(c.cfg.Key, u.Scheme+"://"+u.Host, c.cfg.Subject, c.now().Add(12*time.Hour))
	if err != nil {
		return err
	}
	h := http.Header{
		"Authorization": {auth}, "Content-Encoding": {"aes128gcm"}, "Content-Type": {"application/octet-stream"},
		"Topic": {topic(m.ID)}, "Urgency": {urgency(m.Kind)}, "Ttl": {strconv.Itoa(int(c.cfg.TTL / time.Second))},
	}
	ans, err := httpsend.Post(ctx, c.client, s.Endpoint, h, body)
	if err != nil {
		return err
	}
	return ans.Err(c.now(), "")
}

// topic makes repeats of a message one message while they wait (RFC 8030, 5.4).
func topic(id string) string {
	h := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(h[:24])
}

func urgency(k notify.Kind) string {
	if k == notify.Page || k == notify.Test {
		return "high"
	}
	return "normal"
}

// Payload is what the service worker reads.
type Payload struct {
	ID      string   `json:"id"`
	Kind    string   `json:"kind"`
	Title   string   `json:"title"`
	Body    string   `json:"body,omitempty"`
	Lang    string   `json:"lang,omitempty"`
	URL     string   `json:"url,omitempty"` // where a tap on the text leads
	Actions []Action `json:"actions,omitempty"`
	At      int64    `json:"at,omitempty"` // milliseconds
}

// Action is a button: the worker posts to its URL.
type Action struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	URL  string `json:"url"`
}

// compose fits m into what push services take.
func compose(m notify.Message) ([]byte, error) {
	p := Payload{ID: m.ID, Kind: string(m.Kind), Title: notify.Line(m.Title, maxTitle), Lang: m.Lang}
	if !m.At.IsZero() {
		p.At = m.At.UnixMilli()
	}
	p.Actions = buttons(m)
	if links := m.SafeLinks(); len(links) > 0 && len(links[0].URL) <= 600 {
		p.URL = links[0].URL
	}
	for n := MaxBody; ; n = n * 3 / 4 {
		p.Body = notify.Lines(m.Body, n)
		out, err := json.Marshal(p)
		if err != nil || len(out) <= MaxPlain || n < 20 {
			return out, err
		}
	}
}

// buttons are at most two, which is what browsers show: what the receiver can do,
// or what answers a question.
func buttons(m notify.Message) (out []Action) {
	add := func(id, text, address string) {
		if address != "" && len(address) <= 600 && len(out) < 2 {
			out = append(out, Action{id, notify.Line(text, 30), address})
		}
	}
	for _, a := range m.SafeActions() {
		add(a.ID, a.Text, a.URL)
	}
	if ask, ok := m.SafeAsk(); ok {
		for _, l := range ask.Answers {
			add("open", l.Text, l.URL)
		}
	}
	return out
}

// ParseKey reads a value of a browser's PushSubscription, with or without padding.
func ParseKey(s string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil, errors.New("no base64url")
	}
	return raw, nil
}
