// Package telegram sends messages as a Telegram bot, and hears what is tapped
// by asking for it, so that nothing needs to reach us.
package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

// Config is how Telegram is reached. The zero value is not valid: start from Default.
type Config struct {
	Token        string        `yaml:"token"` // of the bot; empty switches the channel off
	API          string        `yaml:"api"`
	Timeout      time.Duration `yaml:"timeout"` // of one attempt
	Poll         time.Duration `yaml:"poll"`    // for how long one question for taps stays open
	AllowPrivate bool          `yaml:"allow_private"`
}

// Default returns the configuration for api.telegram.org without a bot.
func Default() Config {
	return Config{API: "https://api.telegram.org", Timeout: 10 * time.Second, Poll: 50 * time.Second}
}

// Validate returns an Invalid error that says which setting is wrong.
func (c Config) Validate() error {
	if err := httpsend.Endpoint("telegram api", c.API, c.AllowPrivate); err != nil {
		return err
	}
	if c.Token != "" && !regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]{10,100}$`).MatchString(c.Token) {
		return errs.New(errs.Invalid, "telegram token: want what BotFather gave, like 110201543:AAHdqTcv…")
	}
	if c.Poll < 0 || c.Poll > time.Minute {
		return errs.New(errs.Invalid, "telegram poll %s: want at most 1m", c.Poll)
	}
	return httpsend.Timeout("telegram", c.Timeout)
}

// The most that is sent: Telegram takes 4,096 characters after markup.
const (
	MaxBody  = 2500
	maxTitle = 300
	maxText  = 4000
	maxRows  = 8
)

// Channel sends as a bot.
type Channel struct {
	cfg    Config
	client *http.Client
	long   *http.Client // outlives a poll
	chat   *regexp.Regexp
	log    *slog.Logger
	now    func() time.Time
}

var (
	_ notify.Channel  = (*Channel)(nil)
	_ notify.Listener = (*Channel)(nil)
)

// New returns a channel; cfg must be valid and have a token.
func New(cfg Config, log *slog.Logger, now func() time.Time) *Channel {
	return &Channel{
		cfg: cfg, log: log, now: now, chat: regexp.MustCompile(`^(-?[1-9][0-9]{0,18}|@[A-Za-z][A-Za-z0-9_]{3,31})$`),
		client: httpc.New(httpc.Options{Timeout: cfg.Timeout, AllowPrivate: cfg.AllowPrivate}),
		long:   httpc.New(httpc.Options{Timeout: cfg.Timeout + cfg.Poll, AllowPrivate: cfg.AllowPrivate}),
	}
}

// Name returns "telegram".
func (c *Channel) Name() string { return "telegram" }

// Check accepts the id of a chat and the name of a public channel.
func (c *Channel) Check(address string) error {
	if !c.chat.MatchString(address) {
		return errs.New(errs.Invalid, "a telegram address is the number of a chat, like 123456789 or -1001234567890, or a channel, like @example_alerts")
	}
	return nil
}

type (
	message struct {
		ChatID  string       `json:"chat_id"`
		Text    string       `json:"text"`
		Mode    string       `json:"parse_mode,omitempty"`
		Preview noPreview    `json:"link_preview_options"`
		Silent  bool         `json:"disable_notification,omitempty"`
		Markup  *keyboard    `json:"reply_markup,omitempty"`
		ReplyTo *replyTarget `json:"reply_parameters,omitempty"`
	}
	noPreview struct {
		Disabled bool `json:"is_disabled"`
	}
	replyTarget struct {
		MessageID int64 `json:"message_id"`
	}
	keyboard struct {
		Rows [][]button `json:"inline_keyboard"`
	}
	button struct {
		Text string `json:"text"`
		URL  string `json:"url,omitempty"`
		Data string `json:"callback_data,omitempty"`
	}
)

// Send sends m to address.
func (c *Channel) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := notify.Fits(c, address, m); err != nil {
		return notify.Receipt{}, err
	}
	var said struct {
		MessageID int64 `json:"message_id"`
		Chat      struct {
			ID int64 `json:"id"`
		} `json:"chat"`
	}
	out := message{
		ChatID: address, Text: compose(m), Mode: "HTML", Preview: noPreview{true}, Markup: buttons(m),
		Silent: m.Kind == notify.Canary || m.Kind == notify.Info,
	}
	if err := c.call(ctx, c.client, "sendMessage", out, &said); err != nil {
		return notify.Receipt{}, fmt.Errorf("telegram %s: %w", m.ID, err)
	}
	return notify.Receipt{ProviderID: fmt.Sprintf("%d:%d", said.Chat.ID, said.MessageID), Detail: "sent"}, nil
}

// call calls a method of the Bot API, whose answers all have one frame. The
// token is in the address, which no error shows.
func (c *Channel) call(ctx context.Context, client *http.Client, method string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	ans, err := httpsend.Post(ctx, client, c.cfg.API+"/bot"+c.cfg.Token+"/"+method, http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return err
	}
	var frame struct {
		OK          bool            `json:"ok"`
		Result      json.RawMessage `json:"result"`
		ErrorCode   int             `json:"error_code"`
		Description string          `json:"description"`
		Parameters  struct {
			RetryAfter float64 `json:"retry_after"`
		} `json:"parameters"`
	}
	if err := json.Unmarshal(ans.Body, &frame); err != nil {
		if err := ans.Err(c.now(), ""); err != nil {
			return err
		}
		return errs.New(errs.Unavailable, "answer is not Telegram's")
	}
	if frame.OK {
		if err := json.Unmarshal(frame.Result, out); err != nil {
			return errs.New(errs.Unavailable, "answer is not Telegram's")
		}
		return nil
	}
	return judge(ans.After(frame.Parameters.RetryAfter), frame.ErrorCode, frame.Description, c.now())
}

// judge knows the few descriptions that say more than their number.
func judge(ans httpsend.Answer, code int, description string, now time.Time) error {
	if code >= 300 {
		ans.Status = code
	}
	if ans.Status < 300 {
		ans.Status = http.StatusBadGateway
	}
	known := ""
	for _, d := range []string{
		"chat not found", "bot was blocked by the user", "bot was kicked", "user is deactivated", "not enough rights", "message is too long",
		"can't parse entities", "group chat was upgraded", "bot can't initiate conversation", "terminated by other getUpdates", "query is too old",
	} {
		if strings.Contains(description, d) {
			known = d
		}
	}
	err := ans.Err(now, known)
	if known == "chat not found" {
		return errs.New(errs.NotFound, "%w", err)
	}
	return err
}

func compose(m notify.Message) string {
	title, body := notify.Line(m.Title, maxTitle), notify.Lines(m.Body, MaxBody)
	foot := footer(m)
	room := maxText - notify.Len16(title) - notify.Len16(foot)
	for n := MaxBody; notify.Len16(body) > room && n > 0; n -= 100 {
		body = notify.Clip(body, n)
	}
	text := "<b>" + m.Kind.Mark() + html.EscapeString(title) + "</b>"
	if body != "" {
		text += "\n\n" + html.EscapeString(body)
	}
	return text + "\n\n" + html.EscapeString(foot)
}

func footer(m notify.Message) string {
	foot := "#" + notify.Ref(m.ID)
	if !m.At.IsZero() {
		foot = m.At.UTC().Format("2006-01-02 15:04:05 UTC") + " · " + foot
	}
	if s := notify.Line(m.Severity, 40); s != "" {
		foot = s + " · " + foot
	}
	if ask, ok := m.SafeAsk(); ok && ask.Text != "" {
		foot = ask.Text + "\n" + foot
	}
	return foot
}

// buttons are what the receiver can do, in one row, and a row for each link.
func buttons(m notify.Message) *keyboard {
	var k keyboard
	var first []button
	for _, a := range m.SafeActions() {
		b := button{Text: a.Text, URL: a.URL}
		if a.Token != "" {
			b = button{Text: a.Text, Data: data(a)}
		}
		first = append(first, b)
	}
	if len(first) > 0 {
		k.Rows = append(k.Rows, first)
	}
	links := m.SafeLinks()
	if ask, ok := m.SafeAsk(); ok {
		links = append(links[:min(len(links), maxRows)], ask.Answers...)
	}
	size := 0
	for _, l := range links {
		// Telegram bounds a keyboard at 10 KB.
		if size += len(l.URL) + len(l.Text); len(k.Rows) < 2*maxRows && size < 6000 {
			k.Rows = append(k.Rows, []button{{Text: l.Text, URL: l.URL}})
		}
	}
	if len(k.Rows) == 0 {
		return nil
	}
	return &k
}

// data is at most 62 of the 64 bytes that a button carries.
func data(a notify.Action) string {
	if a.ID == notify.Decline {
		return "d:" + a.Token
	}
	return "a:" + a.Token
}

// tapped is the reverse of data.
func tapped(s string) (action, token string, ok bool) {
	kind, token, _ := strings.Cut(s, ":")
	switch {
	case !notify.CheckToken(token):
	case kind == "a":
		return notify.Ack, token, true
	case kind == "d":
		return notify.Decline, token, true
	}
	return "", "", false
}
