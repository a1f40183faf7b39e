// Package mattermost posts messages to Mattermost: through an incoming webhook,
// whose URL is then the address, or as a bot. Buttons come back to our hook.
package mattermost

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
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

// Config is how Mattermost is reached. The zero value is not valid: start from Default.
type Config struct {
	URL          string        `yaml:"url"`    // of the server, for a bot
	Token        string        `yaml:"token"`  // of the bot; empty leaves only incoming webhooks
	Public       string        `yaml:"public"` // where the server reaches us; empty shows links for buttons
	Key          []byte        `yaml:"-"`      // signs what buttons carry, so that what comes back is ours
	Timeout      time.Duration `yaml:"timeout"`
	AllowPrivate bool          `yaml:"allow_private"`
}

// Default returns a configuration without a bot.
func Default() Config { return Config{Timeout: 10 * time.Second} }

// Validate returns an Invalid error that says which setting is wrong.
func (c Config) Validate() error {
	if c.Token != "" && c.URL == "" {
		return errs.New(errs.Invalid, "mattermost url: a bot needs the server's")
	}
	if c.URL != "" {
		if err := httpsend.Endpoint("mattermost url", c.URL, c.AllowPrivate); err != nil {
			return err
		}
	}
	if err := httpsend.Credential("mattermost token", c.Token); err != nil {
		return err
	}
	if err := httpsend.Public("mattermost public", c.Public); err != nil {
		return err
	}
	if c.Public != "" && len(c.Key) < 16 {
		return errs.New(errs.Invalid, "mattermost key: buttons need at least 16 bytes")
	}
	return httpsend.Timeout("mattermost", c.Timeout)
}

// The most that is sent: a post takes 16,383 characters.
const (
	MaxBody  = 4000
	maxTitle = 300
	maxLinks = 4000
)

// Channel posts to Mattermost.
type Channel struct {
	cfg    Config
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
	return &Channel{cfg, httpc.New(httpc.Options{Timeout: cfg.Timeout, AllowPrivate: cfg.AllowPrivate}), regexp.MustCompile(`^[a-z0-9]{26}$`), now}
}

// Name returns "mattermost".
func (c *Channel) Name() string { return "mattermost" }

// Check accepts the URL of an incoming webhook and, with a bot, a channel's id.
func (c *Channel) Check(address string) error {
	if httpsend.IsURL(address) {
		return nil
	}
	if !c.room.MatchString(address) {
		return errs.New(errs.Invalid, "a mattermost address looks like https://chat.example.com/hooks/… or, with a bot, a channel's id of 26 letters and digits")
	}
	if c.cfg.Token == "" {
		return errs.New(errs.Invalid, "mattermost address %s needs a bot token; without one, use the URL of an incoming webhook", address)
	}
	return nil
}

type (
	props struct {
		Attachments []attachment `json:"attachments"`
	}
	attachment struct {
		Fallback string   `json:"fallback"`
		Color    string   `json:"color,omitempty"`
		Title    string   `json:"title"`
		Text     string   `json:"text"`
		Footer   string   `json:"footer"`
		Actions  []button `json:"actions,omitempty"`
	}
	button struct {
		ID          string      `json:"id"`
		Name        string      `json:"name"`
		Type        string      `json:"type"`
		Style       string      `json:"style,omitempty"`
		Integration integration `json:"integration"`
	}
	integration struct {
		URL     string        `json:"url"`
		Context buttonContext `json:"context"`
	}
	// buttonContext stays on the server and comes back with a tap.
	buttonContext struct {
		Action string `json:"action"`
		Token  string `json:"token"`
		MAC    string `json:"mac"`
	}
	post struct {
		ChannelID string `json:"channel_id"`
		Message   string `json:"message"`
		Props     props  `json:"props"`
		Pending   string `json:"pending_post_id"` // a repeat within half a minute is the same post
	}
	hookPost struct {
		Text        string            `json:"text"`
		Attachments []attachment      `json:"attachments"`
		Props       map[string]string `json:"props"`
	}
)

// Send posts m to address.
func (c *Channel) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := notify.Fits(c, address, m); err != nil {
		return notify.Receipt{}, err
	}
	target, auth := address, ""
	at := c.compose(m)
	title := m.Kind.Mark() + escape(notify.Line(m.Title, maxTitle))
	var in any = hookPost{Text: title, Attachments: []attachment{at}, Props: map[string]string{"hinoban": m.ID}}
	if !httpsend.IsURL(address) {
		target, auth = c.cfg.URL+"/api/v4/posts", "Bearer "+c.cfg.Token
		in = post{ChannelID: address, Message: title, Props: props{[]attachment{at}}, Pending: "hinoban:" + notify.UUID(m.ID)}
	}
	ans, err := c.call(ctx, target, auth, in)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("mattermost %s: %w", m.ID, err)
	}
	if auth == "" {
		return notify.Receipt{Detail: "posted by webhook"}, nil
	}
	var said struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(ans.Body, &said); err != nil || said.ID == "" {
		return notify.Receipt{}, errs.New(errs.Unavailable, "mattermost %s: answer is not Mattermost's", m.ID)
	}
	return notify.Receipt{ProviderID: notify.Line(said.ID, 40), Detail: "posted"}, nil
}

func (c *Channel) call(ctx context.Context, target, auth string, in any) (httpsend.Answer, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return httpsend.Answer{}, fmt.Errorf("encode: %w", err)
	}
	h := http.Header{"Content-Type": {"application/json"}}
	if auth != "" {
		h.Set("Authorization", auth)
	}
	ans, err := httpsend.Post(ctx, c.client, target, h, body)
	if err != nil {
		return ans, err
	}
	return ans, ans.Err(c.now(), problem(ans.Body))
}

// problem is the name of Mattermost's error; its words may repeat ours.
func problem(body []byte) string {
	var said struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(body, &said) != nil || len(said.ID) > 80 || strings.Trim(said.ID, "abcdefghijklmnopqrstuvwxyz_.") != "" {
		return ""
	}
	return said.ID
}

func (c *Channel) compose(m notify.Message) attachment {
	a := attachment{Fallback: notify.Line(m.Title, maxTitle), Title: escape(notify.Line(m.Title, maxTitle)), Text: escape(notify.Lines(m.Body, MaxBody))}
	switch m.Kind {
	case notify.Page:
		a.Color = "#d9541e"
	case notify.Resolved:
		a.Color = "#2e7d32"
	case notify.Test, notify.Info, notify.Canary:
	}
	a.Footer = "#" + notify.Ref(m.ID)
	if s := notify.Line(m.Severity, 40); s != "" {
		a.Footer = s + " · " + a.Footer
	}
	links := m.AllLinks()
	if c.cfg.Public != "" {
		if a.Actions = c.buttons(m); len(a.Actions) > 0 {
			links = m.SafeLinks()
		}
	}
	if ask, ok := m.SafeAsk(); ok {
		a.Text += "\n\n" + escape(ask.Text)
		links = append(links, ask.Answers...)
	}
	size := 0
	for _, l := range links {
		line := "\n[" + escape(l.Text) + "](" + strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E").Replace(l.URL) + ")"
		if size += len(line); size < maxLinks {
			a.Text += line
		}
	}
	return a
}

func (c *Channel) buttons(m notify.Message) []button {
	var out []button
	for _, a := range m.SafeActions() {
		if a.Token == "" {
			continue
		}
		b := button{
			ID: "hinoban" + a.ID, Name: notify.Line(a.Text, 40), Type: "button", Style: "default",
			Integration: integration{c.cfg.Public + "/hooks/mattermost/action", buttonContext{a.ID, a.Token, c.mac(a.ID, a.Token)}},
		}
		if a.ID == notify.Ack {
			b.Style = "primary"
		}
		out = append(out, b)
	}
	return out
}

func (c *Channel) mac(action, token string) string {
	return hex.EncodeToString(httpsend.MAC(c.cfg.Key, []byte("mattermost:"+action+":"+token)))
}

// escape takes the effect of Markdown, and of mentions, from s.
func escape(s string) string {
	return strings.NewReplacer(
		`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, ">", `\>`, "<", `\<`, "#", `\#`, "-", `\-`, "[", `\[`, "]", `\]`, "!", `\!`, "&", `\&`, "@", "@\u200b", ":", `\:`,
	).Replace(s)
}

// Tap is a button that was tapped.
type Tap struct{ Action, Token, MAC, User string }

// ReadTap reads what Mattermost posts.
func ReadTap(body []byte) (Tap, error) {
	var in struct {
		UserID  string        `json:"user_id"`
		Context buttonContext `json:"context"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Tap{}, errs.New(errs.Invalid, "body is no action of Mattermost's")
	}
	return Tap{in.Context.Action, in.Context.Token, in.Context.MAC, notify.Line(in.UserID, 40)}, nil
}

// Hooks hears taps, where the server can reach us. Mattermost signs nothing: the
// context, which it shows to nobody, is what proves that it calls.
func (c *Channel) Hooks(b notify.Back) []notify.Hook {
	if c.cfg.Public == "" {
		return nil
	}
	return []notify.Hook{{Pattern: "POST /hooks/mattermost/action", Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, ok := httpsend.Body(rw, r)
		if !ok {
			return
		}
		t, err := ReadTap(body)
		if err != nil || !hmac.Equal([]byte(t.MAC), []byte(c.mac(t.Action, t.Token))) {
			httpsend.Refuse(rw)
			return
		}
		say, err := b.Answered(r.Context(), notify.Answer{Channel: c.Name(), Action: t.Action, Token: t.Token, Address: t.User})
		if err != nil {
			httpsend.JSON(rw, map[string]string{"ephemeral_text": httpsend.NotTaken})
			return
		}
		httpsend.JSON(rw, map[string]any{"update": map[string]any{"message": escape(notify.Line(say, 500)), "props": map[string]any{}}})
	})}}
}
