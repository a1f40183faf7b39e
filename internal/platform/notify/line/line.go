// Package line sends messages through the LINE Messaging API, with buttons that
// come back to our webhook. A retry key makes a repeated message one message.
package line

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

// Config is how LINE is reached. The zero value is not valid: start from Default.
type Config struct {
	Token        string        `yaml:"token"`  // the channel's access token; empty switches the channel off
	Secret       string        `yaml:"secret"` // the channel's secret, which signs what LINE sends us; empty hears nothing
	API          string        `yaml:"api"`
	Timeout      time.Duration `yaml:"timeout"`
	AllowPrivate bool          `yaml:"allow_private"`
}

// Default returns the configuration for api.line.me without a channel.
func Default() Config { return Config{API: "https://api.line.me", Timeout: 10 * time.Second} }

// Validate returns an Invalid error that says which setting is wrong.
func (c Config) Validate() error {
	if err := httpsend.Endpoint("line api", c.API, c.AllowPrivate); err != nil {
		return err
	}
	if err := httpsend.Credential("line token", c.Token); err != nil {
		return err
	}
	if c.Secret != "" && len(c.Secret) < 16 {
		return errs.New(errs.Invalid, "line secret: want the 32 characters of the channel's page")
	}
	return httpsend.Timeout("line", c.Timeout)
}

// The most that is sent.
const (
	MaxBody    = 2000
	maxTitle   = 300
	maxLabel   = 20
	maxURI     = 1000
	maxButtons = 8
	maxLinks   = 8000 // bytes of addresses; a bubble takes 30 KB
)

// Channel pushes to LINE.
type Channel struct {
	cfg    Config
	client *http.Client
	target *regexp.Regexp
	now    func() time.Time
}

var (
	_ notify.Channel = (*Channel)(nil)
	_ notify.Hooked  = (*Channel)(nil)
)

// New returns a channel; cfg must be valid and have a token.
func New(cfg Config, now func() time.Time) *Channel {
	return &Channel{cfg, httpc.New(httpc.Options{Timeout: cfg.Timeout, AllowPrivate: cfg.AllowPrivate}), regexp.MustCompile(`^[UCR][0-9a-f]{32}$`), now}
}

// Name returns "line".
func (c *Channel) Name() string { return "line" }

// Check accepts the id of a user, a group or a room.
func (c *Channel) Check(address string) error {
	if !c.target.MatchString(address) {
		return errs.New(errs.Invalid, "a line address is the id of a user, a group or a room: U, C or R and 32 hexadecimal digits")
	}
	return nil
}

// Send pushes m to address. That LINE has it already is a success.
func (c *Channel) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := notify.Fits(c, address, m); err != nil {
		return notify.Receipt{}, err
	}
	flex := compose(m, c.cfg.Secret != "")
	body, err := json.Marshal(push{To: address, Messages: []any{flex}, Silent: m.Kind == notify.Canary || m.Kind == notify.Info})
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("encode line %s: %w", m.ID, err)
	}
	h := c.header()
	h.Set("X-Line-Retry-Key", notify.UUID(m.ID))
	ans, err := httpsend.Post(ctx, c.client, c.cfg.API+"/v2/bot/message/push", h, body)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("line %s: %w", m.ID, err)
	}
	var said struct {
		Message string `json:"message"`
		Sent    []struct {
			ID string `json:"id"`
		} `json:"sentMessages"`
	}
	known := json.Unmarshal(ans.Body, &said) == nil
	r := notify.Receipt{Detail: "pushed"}
	if len(said.Sent) > 0 {
		r.ProviderID = notify.Line(said.Sent[0].ID, 40)
	}
	if ans.Status == http.StatusConflict && ans.Header.Get("X-Line-Accepted-Request-Id") != "" {
		r.Detail = "was taken before"
		return r, nil
	}
	if err := ans.Err(c.now(), ""); err != nil {
		if strings.Contains(said.Message, "monthly limit") {
			err = errs.New(errs.Denied, "the month's messages are used up: %w", err)
		}
		return notify.Receipt{}, fmt.Errorf("line %s: %w", m.ID, err)
	}
	if !known {
		return notify.Receipt{}, errs.New(errs.Unavailable, "line %s: answer is not LINE's", m.ID)
	}
	return r, nil
}

func (c *Channel) header() http.Header {
	return http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.cfg.Token}}
}

type (
	push struct {
		To       string `json:"to"`
		Messages []any  `json:"messages"`
		Silent   bool   `json:"notificationDisabled,omitempty"`
	}
	flexMessage struct {
		Type     string `json:"type"`
		Alt      string `json:"altText"`
		Contents bubble `json:"contents"`
	}
	bubble struct {
		Type   string `json:"type"`
		Body   box    `json:"body"`
		Footer *box   `json:"footer,omitempty"`
	}
	box struct {
		Type     string `json:"type"`
		Layout   string `json:"layout"`
		Spacing  string `json:"spacing,omitempty"`
		Contents []item `json:"contents"`
	}
	item struct {
		Type   string  `json:"type"` // "text" or "button"
		Text   string  `json:"text,omitempty"`
		Wrap   bool    `json:"wrap,omitempty"`
		Weight string  `json:"weight,omitempty"`
		Size   string  `json:"size,omitempty"`
		Color  string  `json:"color,omitempty"`
		Style  string  `json:"style,omitempty"`
		Action *action `json:"action,omitempty"`
	}
	action struct {
		Type  string `json:"type"` // "postback" or "uri"
		Label string `json:"label"`
		URI   string `json:"uri,omitempty"`
		Data  string `json:"data,omitempty"`
		Shown string `json:"displayText,omitempty"`
	}
	textMessage struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
)

// compose lays m out; LINE reads no markup in texts.
func compose(m notify.Message, hears bool) flexMessage {
	title := notify.Line(m.Title, maxTitle)
	b := bubble{Type: "bubble", Body: box{Type: "box", Layout: "vertical", Spacing: "md"}}
	add := func(i item) { i.Type, i.Wrap = "text", true; b.Body.Contents = append(b.Body.Contents, i) }
	head := item{Text: title, Weight: "bold", Size: "lg"}
	if m.Kind == notify.Page {
		head.Color = "#B3400A"
	}
	add(head)
	if text := notify.Lines(m.Body, MaxBody); text != "" {
		add(item{Text: text, Size: "sm"})
	}
	if ask, ok := m.SafeAsk(); ok && ask.Text != "" {
		add(item{Text: ask.Text, Weight: "bold", Size: "sm"})
	}
	foot := "#" + notify.Ref(m.ID)
	if !m.At.IsZero() {
		foot = m.At.UTC().Format("2006-01-02 15:04:05 UTC") + " · " + foot
	}
	if s := notify.Line(m.Severity, 40); s != "" {
		foot = s + " · " + foot
	}
	add(item{Text: foot, Size: "xs", Color: "#666666"})
	if buttons := buttons(m, hears); len(buttons) > 0 {
		b.Footer = &box{Type: "box", Layout: "vertical", Spacing: "sm", Contents: buttons}
	}
	return flexMessage{Type: "flex", Alt: title, Contents: b}
}

func buttons(m notify.Message, hears bool) []item {
	var out []item
	links := m.SafeLinks()
	if ask, ok := m.SafeAsk(); ok {
		links = append(links[:min(len(links), maxButtons/2)], ask.Answers...)
	}
	for _, a := range m.SafeActions() {
		b := item{Type: "button", Style: "secondary"}
		if len(out) == 0 {
			b.Style = "primary"
		}
		label := notify.Line(a.Text, maxLabel)
		switch {
		case hears && a.Token != "":
			b.Action = &action{Type: "postback", Label: label, Data: data(a), Shown: label}
		case a.URL != "" && len(a.URL) <= maxURI:
			b.Action = &action{Type: "uri", Label: label, URI: a.URL}
		default:
			continue
		}
		out = append(out, b)
	}
	size := 0
	for _, l := range links {
		if size += len(l.URL); len(l.URL) > maxURI || size > maxLinks || len(out) >= maxButtons {
			continue
		}
		out = append(out, item{Type: "button", Style: "link", Action: &action{Type: "uri", Label: notify.Line(l.Text, maxLabel), URI: l.URL}})
	}
	return out
}
