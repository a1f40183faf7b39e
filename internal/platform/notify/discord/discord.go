// Package discord posts messages to Discord: through a webhook, whose URL is
// then the address, or as a bot, whose buttons come back to our hook.
package discord

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

// Config is how Discord is reached. The zero value is not valid: start from Default.
type Config struct {
	Token        string        `yaml:"token"`      // of a bot; empty leaves only webhooks
	PublicKey    string        `yaml:"public_key"` // of the application, in hexadecimal; empty hears nothing
	API          string        `yaml:"api"`
	Timeout      time.Duration `yaml:"timeout"`
	AllowPrivate bool          `yaml:"allow_private"`
}

// Default returns the configuration for discord.com without a bot.
func Default() Config {
	return Config{API: "https://discord.com/api/v10", Timeout: 10 * time.Second}
}

// Validate returns an Invalid error that says which setting is wrong.
func (c Config) Validate() error {
	if err := httpsend.Endpoint("discord api", c.API, c.AllowPrivate); err != nil {
		return err
	}
	if err := httpsend.Credential("discord token", c.Token); err != nil {
		return err
	}
	if raw, err := hex.DecodeString(c.PublicKey); c.PublicKey != "" && (err != nil || len(raw) != ed25519.PublicKeySize) {
		return errs.New(errs.Invalid, "discord public key: want the 64 hexadecimal digits of the application's page")
	}
	return httpsend.Timeout("discord", c.Timeout)
}

// The most that is sent: an embed takes 4,096 characters, all its texts 6,000.
const (
	MaxBody  = 1700 // each may need a backslash
	maxTitle = 120
	maxShown = 3000 // of the body, with its backslashes
	maxDesc  = 4000 // with links
	maxLabel = 80
	maxURL   = 512 // of a button
)

// Channel posts to Discord.
type Channel struct {
	cfg    Config
	key    ed25519.PublicKey
	client *http.Client
	room   *regexp.Regexp
	now    func() time.Time
}

var (
	_ notify.Channel = (*Channel)(nil)
	_ notify.Hooked  = (*Channel)(nil)
)

// New returns a channel; cfg must be valid.
func New(cfg Config, now func() time.Time) *Channel {
	key, _ := hex.DecodeString(cfg.PublicKey) // Validate has seen it
	return &Channel{cfg, key, httpc.New(httpc.Options{Timeout: cfg.Timeout, AllowPrivate: cfg.AllowPrivate}), regexp.MustCompile(`^(user:)?[1-9][0-9]{5,20}$`), now}
}

// Name returns "discord".
func (c *Channel) Name() string { return "discord" }

// Check accepts the URL of a webhook and, with a bot, a channel's or a user's number.
func (c *Channel) Check(address string) error {
	if httpsend.IsURL(address) {
		return nil
	}
	if !c.room.MatchString(address) {
		return errs.New(errs.Invalid, "a discord address looks like https://discord.com/api/webhooks/…, 1098765432109876543 (a channel) or user:1098765432109876543")
	}
	if c.cfg.Token == "" {
		return errs.New(errs.Invalid, "discord address %s needs a bot token; without one, use the URL of a webhook", address)
	}
	return nil
}

// Send posts m to address.
func (c *Channel) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := notify.Fits(c, address, m); err != nil {
		return notify.Receipt{}, err
	}
	r, err := c.post(ctx, address, m)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("discord %s: %w", m.ID, err)
	}
	return r, nil
}

func (c *Channel) post(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	out := compose(m, !httpsend.IsURL(address) && len(c.key) > 0)
	var said struct {
		ID        string `json:"id"`
		ChannelID string `json:"channel_id"`
	}
	if httpsend.IsURL(address) {
		u, err := url.Parse(address)
		if err != nil {
			return notify.Receipt{}, errs.New(errs.Invalid, "address is no URL")
		}
		q := u.Query()
		q.Set("wait", "true")            // else it is taken unseen
		q.Set("with_components", "true") // else buttons are dropped
		u.RawQuery = q.Encode()
		if err := c.call(ctx, u.String(), "", out, &said); err != nil {
			return notify.Receipt{}, err
		}
		return notify.Receipt{ProviderID: notify.Line(said.ID, 40), Detail: "posted by webhook"}, nil
	}
	if user, ok := strings.CutPrefix(address, "user:"); ok {
		var dm struct {
			ID string `json:"id"`
		}
		if err := c.call(ctx, c.cfg.API+"/users/@me/channels", "Bot "+c.cfg.Token, map[string]string{"recipient_id": user}, &dm); err != nil {
			return notify.Receipt{}, err
		}
		address = dm.ID
	}
	h := sha256.Sum256([]byte(m.ID))
	out.Nonce, out.Enforce = hex.EncodeToString(h[:12]), true // a repeat within minutes is the same message
	if err := c.call(ctx, c.cfg.API+"/channels/"+url.PathEscape(address)+"/messages", "Bot "+c.cfg.Token, out, &said); err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{ProviderID: notify.Line(said.ChannelID+":"+said.ID, 80), Detail: "posted"}, nil
}

// call posts in to target and reads the answer.
func (c *Channel) call(ctx context.Context, target, auth string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	h := http.Header{"Content-Type": {"application/json"}}
	if auth != "" {
		h.Set("Authorization", auth)
	}
	ans, err := httpsend.Post(ctx, c.client, target, h, body)
	if err != nil {
		return err
	}
	if ans.Status >= 300 {
		var said struct {
			Code       int     `json:"code"`
			RetryAfter float64 `json:"retry_after"`
		}
		detail := ""
		if json.Unmarshal(ans.Body, &said) == nil && said.Code > 0 {
			detail = fmt.Sprintf("discord error %d", said.Code)
		}
		return ans.After(said.RetryAfter).Err(c.now(), detail)
	}
	if err := json.Unmarshal(ans.Body, out); err != nil {
		return errs.New(errs.Unavailable, "answer is not Discord's")
	}
	return nil
}

type (
	message struct {
		Content    string              `json:"content"`
		Embeds     []embed             `json:"embeds,omitempty"`
		Mentions   map[string][]string `json:"allowed_mentions"`
		Components []row               `json:"components,omitempty"`
		Nonce      string              `json:"nonce,omitempty"`
		Enforce    bool                `json:"enforce_nonce,omitempty"`
		Flags      int                 `json:"flags,omitempty"`
	}
	embed struct {
		Title       string `json:"title"`
		URL         string `json:"url,omitempty"`
		Description string `json:"description,omitempty"`
		Color       int    `json:"color,omitempty"`
		Timestamp   string `json:"timestamp,omitempty"`
		Footer      footer `json:"footer"`
	}
	footer struct {
		Text string `json:"text"`
	}
	row struct {
		Type       int      `json:"type"` // 1
		Components []button `json:"components"`
	}
	button struct {
		Type  int    `json:"type"`  // 2
		Style int    `json:"style"` // 1 primary, 2 secondary, 5 link
		Label string `json:"label"`
		Data  string `json:"custom_id,omitempty"`
		URL   string `json:"url,omitempty"`
	}
)

// silenced lets nobody be called by what a message says.
func silenced() map[string][]string { return map[string][]string{"parse": {}} }

func compose(m notify.Message, hears bool) message {
	e := embed{Title: escape(notify.Line(m.Title, maxTitle)), Footer: footer{"#" + notify.Ref(m.ID)}}
	switch m.Kind {
	case notify.Page:
		e.Color = 0xd9541e
	case notify.Resolved:
		e.Color = 0x2e7d32
	case notify.Test, notify.Info, notify.Canary:
	}
	if !m.At.IsZero() {
		e.Timestamp = m.At.UTC().Format(time.RFC3339)
	}
	if s := notify.Line(m.Severity, 40); s != "" {
		e.Footer.Text = s + " · " + e.Footer.Text
	}
	e.Description = escape(notify.Lines(m.Body, MaxBody))
	for n := MaxBody; notify.Len16(e.Description) > maxShown; n -= 100 {
		e.Description = escape(notify.Clip(notify.Lines(m.Body, MaxBody), n))
	}
	links := m.SafeLinks()
	if !hears {
		links = m.AllLinks() // where a webhook may show no buttons these are left
	}
	if ask, ok := m.SafeAsk(); ok {
		e.Description += "\n\n" + escape(ask.Text)
		links = append(links, ask.Answers...)
	}
	for _, l := range links {
		line := "\n[" + escape(l.Text) + "](" + strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E").Replace(l.URL) + ")"
		if notify.Len16(e.Description+line) < maxDesc {
			e.Description += line
		}
	}
	return message{Content: content(m), Embeds: []embed{e}, Mentions: silenced(), Components: buttons(m, hears)}
}

// content is what a phone's lock screen shows.
func content(m notify.Message) string {
	return m.Kind.Mark() + escape(notify.Line(m.Title, maxTitle))
}

func buttons(m notify.Message, hears bool) []row {
	var out []button
	for _, a := range m.SafeActions() {
		b := button{Type: 2, Style: 2, Label: notify.Line(a.Text, maxLabel)}
		switch {
		case hears && a.Token != "":
			if b.Data = a.ID + ":" + a.Token; len(out) == 0 {
				b.Style = 1
			}
		case a.URL != "" && len(a.URL) <= maxURL:
			b.Style, b.URL = 5, a.URL
		default:
			continue
		}
		out = append(out, b)
	}
	if len(out) == 0 {
		return nil
	}
	return []row{{Type: 1, Components: out}}
}

// escape takes the effect of Discord's Markdown, and of mentions, from s.
func escape(s string) string {
	return strings.NewReplacer(
		`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, ">", `\>`, "<", `\<`, "#", `\#`, "-", `\-`, "[", `\[`, "]", `\]`, "@", "@\u200b", ":", `\:`,
	).Replace(s)
}
