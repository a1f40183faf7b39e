// Package webhook posts a message as signed JSON to an address of the user's own.
//
// # Wire format
//
// POST with a [Payload] as the body, and the headers
//
//	Idempotency-Key: the message's id, the same on every attempt
//	X-Hinoban-Signature: t=1772931600,v1=hex(HMAC-SHA256(secret, "1772931600." + body))
//
// The signature is there when a secret is configured; a receiver should refuse
// a t that is more than five minutes off. Any 2xx means taken.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

// Config is how webhooks are sent. The zero value is not valid: start from Default.
type Config struct {
	Secret       string        `yaml:"secret"`        // signs; empty sends unsigned
	Timeout      time.Duration `yaml:"timeout"`       // of one attempt
	AllowPrivate bool          `yaml:"allow_private"` // may reach loopback and private addresses
}

// Default returns the configuration of somebody who configured nothing.
func Default() Config { return Config{Timeout: 10 * time.Second} }

const minSecret = 16

// Validate returns an Invalid error that says which setting is wrong.
func (c Config) Validate() error {
	if c.Secret != "" && len(c.Secret) < minSecret {
		return errs.New(errs.Invalid, "webhook secret has %d characters, want at least %d", len(c.Secret), minSecret)
	}
	if c.Timeout < time.Second || c.Timeout > time.Minute {
		return errs.New(errs.Invalid, "webhook timeout %s: want 1s to 1m", c.Timeout)
	}
	return nil
}

// Payload is the body. Fields are only ever added.
type Payload struct {
	Version  int           `json:"version"` // 1
	ID       string        `json:"id"`
	Kind     notify.Kind   `json:"kind"`
	Title    string        `json:"title"`
	Body     string        `json:"body"`
	Severity string        `json:"severity,omitempty"`
	Links    []notify.Link `json:"links"`
	At       time.Time     `json:"at"`
	Lang     string        `json:"lang,omitempty"`
	Ask      *notify.Ask   `json:"ask,omitempty"`
	Actions  []Action      `json:"actions,omitempty"`
}

// Action is what the receiver can do: URL leads to a page that asks once more.
type Action struct {
	ID   string `json:"id"` // "ack" or "decline"
	Text string `json:"text"`
	URL  string `json:"url"`
}

// The most that is sent, in runes.
const (
	MaxTitle = 1024
	MaxBody  = 32 << 10
)

// Channel posts to webhooks.
type Channel struct {
	cfg    Config
	client *http.Client
	now    func() time.Time
}

var _ notify.Channel = (*Channel)(nil)

// New returns a channel; cfg must be valid. now stamps the signatures.
func New(cfg Config, now func() time.Time) *Channel {
	return &Channel{cfg, httpc.New(httpc.Options{Timeout: cfg.Timeout, AllowPrivate: cfg.AllowPrivate}), now}
}

// Name returns "webhook".
func (c *Channel) Name() string { return "webhook" }

// Check accepts http and https URLs without a user or a fragment.
func (c *Channel) Check(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.Fragment != "" || len(address) > 2000 {
		return errs.New(errs.Invalid, "a webhook address looks like https://example.com/hooks/pager")
	}
	return nil
}

// Send posts m to address.
func (c *Channel) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := notify.Fits(c, address, m); err != nil {
		return notify.Receipt{}, err
	}
	body, err := json.Marshal(payload(m))
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("encode webhook %s: %w", m.ID, err)
	}
	now := c.now()
	h := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {m.ID}}
	if c.cfg.Secret != "" {
		h.Set("X-Hinoban-Signature", sign(c.cfg.Secret, now, body))
	}
	ans, err := httpsend.Post(ctx, c.client, address, h, body)
	if err == nil {
		err = ans.Err(now, "")
	}
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("webhook %s: %w", m.ID, err)
	}
	return notify.Receipt{Detail: "answered " + strconv.Itoa(ans.Status)}, nil
}

func payload(m notify.Message) Payload {
	p := Payload{
		Version: 1, ID: m.ID, Kind: m.Kind, Title: notify.Line(m.Title, MaxTitle), Body: notify.Lines(m.Body, MaxBody),
		Severity: notify.Line(m.Severity, 40), Links: m.SafeLinks(), At: m.At.UTC(), Lang: m.Lang,
	}
	if p.Links == nil {
		p.Links = []notify.Link{}
	}
	if ask, ok := m.SafeAsk(); ok {
		p.Ask = &ask
	}
	for _, a := range m.SafeActions() {
		if a.URL != "" {
			p.Actions = append(p.Actions, Action{ID: a.ID, Text: a.Text, URL: a.URL})
		}
	}
	return p
}

func sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
