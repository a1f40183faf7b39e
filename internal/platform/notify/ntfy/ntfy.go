// Package ntfy publishes messages to topics of an ntfy server, ntfy.sh or one's
// own. What the receiver can do are buttons in the notification, which the
// phone itself posts to the page's address.
package ntfy

import (
	"context"
	"encoding/base64"
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

// Config is how an ntfy server is reached. The zero value is not valid: start from Default.
type Config struct {
	URL          string        `yaml:"url"`   // of the server that bare topics are on
	Token        string        `yaml:"token"` // tk_… or user:password, sent to URL only
	Timeout      time.Duration `yaml:"timeout"`
	AllowPrivate bool          `yaml:"allow_private"`
}

// Default returns the configuration for ntfy.sh without a token.
func Default() Config { return Config{URL: "https://ntfy.sh", Timeout: 10 * time.Second} }

// Validate returns an Invalid error that says which setting is wrong.
func (c Config) Validate() error {
	if err := httpsend.Endpoint("ntfy url", c.URL, c.AllowPrivate || c.Token == ""); err != nil {
		return err
	}
	if err := httpsend.Credential("ntfy token", c.Token); err != nil {
		return err
	}
	return httpsend.Timeout("ntfy", c.Timeout)
}

// The most that is sent: ntfy makes an attachment of a message beyond 4,096
// bytes, and a phone shows no buttons below that.
const (
	MaxBody  = 1800
	maxBytes = 3800
	maxTitle = 200
)

// Channel publishes to ntfy.
type Channel struct {
	cfg    Config
	client *http.Client
	topic  *regexp.Regexp
	now    func() time.Time
}

var _ notify.Channel = (*Channel)(nil)

// New returns a channel; cfg must be valid.
func New(cfg Config, now func() time.Time) *Channel {
	return &Channel{cfg, httpc.New(httpc.Options{Timeout: cfg.Timeout, AllowPrivate: cfg.AllowPrivate}), regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`), now}
}

// Name returns "ntfy".
func (c *Channel) Name() string { return "ntfy" }

// Check accepts a topic, or the URL of one on another server.
func (c *Channel) Check(address string) error {
	_, _, err := c.where(address)
	return err
}

func (c *Channel) where(address string) (server, topic string, err error) {
	if c.topic.MatchString(address) {
		return c.cfg.URL, address, nil
	}
	bad := errs.New(errs.Invalid, "an ntfy address is a topic, like sre-aoi-x7k2, or the URL of one, like https://ntfy.example.com/sre-aoi-x7k2")
	if !httpsend.IsURL(address) {
		return "", "", bad
	}
	u, err := url.Parse(address)
	if err != nil || u.RawQuery != "" {
		return "", "", bad
	}
	topic = u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	if !c.topic.MatchString(topic) {
		return "", "", bad
	}
	return strings.TrimSuffix(strings.TrimSuffix(u.String(), topic), "/"), topic, nil
}

// publication is the body of a publish as JSON.
type publication struct {
	Topic    string   `json:"topic"`
	Title    string   `json:"title"`
	Message  string   `json:"message"`
	Priority int      `json:"priority"`
	Tags     []string `json:"tags,omitempty"`
	Click    string   `json:"click,omitempty"`
	Actions  []action `json:"actions,omitempty"`
	// A later message of the same sequence takes the place of the earlier one.
	SequenceID string `json:"sequence_id"`
}

type action struct {
	Action  string            `json:"action"` // "http" or "view"
	Label   string            `json:"label"`
	URL     string            `json:"url"`
	Method  string            `json:"method,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Clear   bool              `json:"clear,omitempty"`
}

// Send publishes m to address.
func (c *Channel) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	server, topic, err := c.where(address)
	if err != nil {
		return notify.Receipt{}, err
	}
	if err := m.Validate(); err != nil {
		return notify.Receipt{}, err
	}
	body, err := json.Marshal(compose(topic, m))
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("encode ntfy %s: %w", m.ID, err)
	}
	h := http.Header{"Content-Type": {"application/json"}}
	if auth := c.authorization(); auth != "" && server == c.cfg.URL {
		h.Set("Authorization", auth)
	}
	ans, err := httpsend.Post(ctx, c.client, server+"/", h, body)
	if err == nil {
		err = ans.Err(c.now(), problem(ans.Body))
	}
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("ntfy %s: %w", m.ID, err)
	}
	var said struct{ ID, Event string }
	if err := json.Unmarshal(ans.Body, &said); err != nil || said.Event != "message" {
		return notify.Receipt{}, errs.New(errs.Unavailable, "ntfy %s: answer is not ntfy's", m.ID)
	}
	return notify.Receipt{ProviderID: notify.Line(said.ID, 40), Detail: "published"}, nil
}

func (c *Channel) authorization() string {
	switch {
	case c.cfg.Token == "":
		return ""
	case strings.Contains(c.cfg.Token, ":"):
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.cfg.Token))
	}
	return "Bearer " + c.cfg.Token
}

// problem is the number of the server's error; its words may repeat ours.
func problem(body []byte) string {
	var said struct{ Code int }
	if json.Unmarshal(body, &said) != nil || said.Code == 0 {
		return ""
	}
	return fmt.Sprintf("ntfy error %d", said.Code)
}

func compose(topic string, m notify.Message) publication {
	p := publication{Topic: topic, Title: notify.Line(m.Title, maxTitle), SequenceID: notify.UUID(m.ID), Priority: 3}
	switch m.Kind {
	case notify.Page:
		p.Priority, p.Tags = 5, []string{"fire"}
	case notify.Resolved:
		p.Tags = []string{"white_check_mark"}
	case notify.Test:
		p.Tags = []string{"test_tube"}
	case notify.Canary:
		p.Priority = 1
	case notify.Info:
	}
	for _, a := range m.SafeActions() {
		if a.URL != "" && len(p.Actions) < 3 {
			p.Actions = append(p.Actions, action{
				Action: "http", Label: notify.Line(a.Text, 40), URL: a.URL, Method: http.MethodPost, Clear: true,
				Headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
			})
		}
	}
	links := m.SafeLinks()
	if len(links) > 0 {
		p.Click = links[0].URL
	}
	foot := footer(m, links)
	p.Message = fit(notify.Lines(m.Body, MaxBody), maxBytes-len(foot)) + foot
	return p
}

// footer is what stands below the body: links, a question, the short name.
func footer(m notify.Message, links []notify.Link) string {
	var b strings.Builder
	if ask, ok := m.SafeAsk(); ok {
		b.WriteString("\n" + ask.Text)
		links = append(links, ask.Answers...)
	}
	for _, l := range links {
		if line := "\n" + l.Text + ": " + l.URL; b.Len()+len(line) < maxBytes/3 {
			b.WriteString(line)
		}
	}
	if s := notify.Line(m.Severity, 40); s != "" {
		b.WriteString("\n" + s)
	}
	return b.String() + "\n#" + notify.Ref(m.ID)
}

// fit shortens s to n bytes.
func fit(s string, n int) string {
	for runes := n; len(s) > n && runes > 0; runes -= 16 {
		s = notify.Clip(s, runes)
	}
	return s
}
