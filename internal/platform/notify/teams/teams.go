// Package teams posts messages to Microsoft Teams as adaptive cards, through a
// webhook of Workflows or an incoming webhook, whose URL is the address.
package teams

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

// Config is how Teams is reached. The zero value is not valid: start from Default.
type Config struct {
	Timeout      time.Duration `yaml:"timeout"`
	AllowPrivate bool          `yaml:"allow_private"`
}

// Default returns the configuration of somebody who configured nothing.
func Default() Config { return Config{Timeout: 15 * time.Second} }

// Validate returns an Invalid error that says which setting is wrong.
func (c Config) Validate() error { return httpsend.Timeout("teams", c.Timeout) }

// The most that is sent: Teams takes 28 KB, and JSON may make six bytes of one.
const (
	MaxBody    = 4000
	maxTitle   = 300
	maxBytes   = 26 << 10
	maxButtons = 6 // more hide behind a menu
)

// Channel posts to Teams.
type Channel struct {
	cfg    Config
	client *http.Client
	now    func() time.Time
}

var _ notify.Channel = (*Channel)(nil)

// New returns a channel; cfg must be valid.
func New(cfg Config, now func() time.Time) *Channel {
	return &Channel{cfg, httpc.New(httpc.Options{Timeout: cfg.Timeout, AllowPrivate: cfg.AllowPrivate}), now}
}

// Name returns "teams".
func (c *Channel) Name() string { return "teams" }

// Check accepts the URL of a webhook.
func (c *Channel) Check(address string) error {
	if !httpsend.IsURL(address) {
		return errs.New(errs.Invalid, "a teams address is the URL of a Workflows webhook, like https://prod-00.japaneast.logic.azure.com/workflows/…")
	}
	return nil
}

// Send posts m to address.
func (c *Channel) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := notify.Fits(c, address, m); err != nil {
		return notify.Receipt{}, err
	}
	body, err := compose(m)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("encode teams %s: %w", m.ID, err)
	}
	ans, err := httpsend.Post(ctx, c.client, address, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body)
	if err == nil {
		err = c.judge(ans)
	}
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("teams %s: %w", m.ID, err)
	}
	return notify.Receipt{Detail: "answered " + strconv.Itoa(ans.Status)}, nil
}

// judge looks into a success too: an incoming webhook says 200 and tells of its
// failure in words.
func (c *Channel) judge(ans httpsend.Answer) error {
	if err := ans.Err(c.now(), ""); err != nil {
		return err
	}
	found := regexp.MustCompile(`returned HTTP error (\d{3})`).FindSubmatch(ans.Body)
	if found == nil {
		if bytes.Contains(ans.Body, []byte("delivery failed")) {
			return errs.New(errs.Unavailable, "answered 200 and that the delivery failed")
		}
		return nil
	}
	ans.Status, _ = strconv.Atoi(string(found[1])) // three digits
	if ans.Status < 300 {
		ans.Status = http.StatusBadGateway
	}
	return ans.Err(c.now(), "inside a 200")
}

type (
	envelope struct {
		Type        string       `json:"type"`
		Attachments []attachment `json:"attachments"`
	}
	attachment struct {
		ContentType string  `json:"contentType"`
		ContentURL  *string `json:"contentUrl"`
		Content     card    `json:"content"`
	}
	card struct {
		Schema  string            `json:"$schema"`
		Type    string            `json:"type"`
		Version string            `json:"version"`
		Lang    string            `json:"lang,omitempty"`
		Body    []block           `json:"body"`
		Actions []openURL         `json:"actions,omitempty"`
		Teams   map[string]string `json:"msteams"`
	}
	// block is a RichTextBlock: unlike a TextBlock it reads no Markdown.
	block struct {
		Type    string `json:"type"`
		ID      string `json:"id,omitempty"`
		Inlines []run  `json:"inlines"`
	}
	run struct {
		Type   string `json:"type"`
		Text   string `json:"text"`
		Size   string `json:"size,omitempty"`
		Weight string `json:"weight,omitempty"`
		Color  string `json:"color,omitempty"`
		Subtle bool   `json:"isSubtle,omitempty"`
	}
	openURL struct {
		Type  string `json:"type"`
		Title string `json:"title"`
		URL   string `json:"url"`
		Style string `json:"style,omitempty"`
	}
)

func compose(m notify.Message) ([]byte, error) {
	for n := MaxBody; ; n /= 2 {
		body, err := json.Marshal(envelope{Type: "message", Attachments: []attachment{{
			ContentType: "application/vnd.microsoft.card.adaptive", Content: lay(m, n),
		}}})
		if err != nil || len(body) <= maxBytes || n < 100 {
			return body, err
		}
	}
}

func lay(m notify.Message, most int) card {
	c := card{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4", Lang: m.Lang,
		Teams: map[string]string{"width": "Full"},
	}
	title := run{Type: "TextRun", Text: notify.Line(m.Title, maxTitle), Size: "Large", Weight: "Bolder"}
	switch m.Kind {
	case notify.Page:
		title.Color = "Attention"
	case notify.Resolved:
		title.Color = "Good"
	case notify.Test, notify.Info, notify.Canary:
	}
	c.Body = append(c.Body, block{Type: "RichTextBlock", ID: "hinoban-" + m.ID, Inlines: []run{title}})
	if text := notify.Lines(m.Body, most); text != "" {
		c.Body = append(c.Body, block{Type: "RichTextBlock", Inlines: []run{{Type: "TextRun", Text: text}}})
	}
	links := m.AllLinks()
	if ask, ok := m.SafeAsk(); ok {
		if ask.Text != "" {
			c.Body = append(c.Body, block{Type: "RichTextBlock", Inlines: []run{{Type: "TextRun", Text: ask.Text, Weight: "Bolder"}}})
		}
		links = append(links, ask.Answers...)
	}
	size := 0
	for i, l := range links {
		if size += len(l.URL); len(c.Actions) == maxButtons || size > maxBytes/3 {
			break
		}
		o := openURL{Type: "Action.OpenUrl", Title: l.Text, URL: l.URL}
		if i == 0 && len(m.Actions) > 0 {
			o.Style = "positive"
		}
		c.Actions = append(c.Actions, o)
	}
	foot := "#" + notify.Ref(m.ID)
	if !m.At.IsZero() {
		foot = m.At.UTC().Format("2006-01-02 15:04:05 UTC") + " · " + foot
	}
	if s := notify.Line(m.Severity, 40); s != "" {
		foot = s + " · " + foot
	}
	c.Body = append(c.Body, block{Type: "RichTextBlock", Inlines: []run{{Type: "TextRun", Text: foot, Size: "Small", Subtle: true}}})
	return c
}
