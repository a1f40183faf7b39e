// Package slack posts messages to Slack: through an incoming webhook, whose
// URL is then the address, or as a bot with chat.postMessage, where the
// address is a channel or a member.
package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

// Config is how Slack is reached. The zero value is not valid: start from Default.
type Config struct {
	Token        string        `yaml:"token"`          // a bot's xoxb-…; empty leaves only incoming webhooks
	AppToken     string        `yaml:"app_token"`      // xapp-…: what is tapped comes over a socket of ours
	Signing      string        `yaml:"signing_secret"` // what is tapped is posted to us, signed with this
	API          string        `yaml:"api"`            // where the methods are
	Timeout      time.Duration `yaml:"timeout"`        // of one attempt
	AllowPrivate bool          `yaml:"allow_private"`  // for a compatible server inside the network
}

// Default returns the configuration for slack.com without a bot.
func Default() Config { return Config{API: "https://slack.com/api/", Timeout: 10 * time.Second} }

// Validate returns an Invalid error that says which setting is wrong.
func (c Config) Validate() error {
	u, err := url.Parse(c.API)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || !strings.HasSuffix(u.Path, "/") {
		return errs.New(errs.Invalid, "slack api: want a URL that ends in a slash, like https://slack.com/api/")
	}
	if c.Token != "" && u.Scheme != "https" && !c.AllowPrivate {
		return errs.New(errs.Invalid, "slack api: a token is sent only over https")
	}
	if (c.AppToken != "" || c.Signing != "") && c.Token == "" {
		return errs.New(errs.Invalid, "slack app token and signing secret need a bot token")
	}
	if err := httpsend.Credential("slack token", c.Token+c.AppToken+c.Signing); err != nil {
		return err
	}
	return httpsend.Timeout("slack", c.Timeout)
}

// Channel posts to Slack.
type Channel struct {
	cfg    Config
	client *http.Client
	room   *regexp.Regexp
	log    *slog.Logger
	now    func() time.Time
}

var (
	_ notify.Channel  = (*Channel)(nil)
	_ notify.Hooked   = (*Channel)(nil)
	_ notify.Listener = (*Channel)(nil)
	_ notify.Finder   = (*Channel)(nil)
)

// New returns a channel; cfg must be valid. now reads dates in Slack's answers.
func New(cfg Config, log *slog.Logger, now func() time.Time) *Channel {
	return &Channel{
		cfg: cfg, log: log,
		client: httpc.New(httpc.Options{Timeout: cfg.Timeout, AllowPrivate: cfg.AllowPrivate}),
		room:   regexp.MustCompile(`^(#?[\p{Ll}\p{Lo}\p{Lm}\p{N}_-]{1,80}|[CDGUW][A-Z0-9]{5,20})$`),
		now:    now,
	}
}

// Name returns "slack".
func (c *Channel) Name() string { return "slack" }

// Check accepts the URL of an incoming webhook and, with a bot token, a
// channel's name or the id of a channel or a member.
func (c *Channel) Check(address string) error {
	if hook(address) {
		return nil
	}
	if !c.room.MatchString(address) {
		return errs.New(errs.Invalid, "a slack address looks like #alerts, C024BE91L, U024BE7LH or https://hooks.slack.com/services/…")
	}
	if c.cfg.Token == "" {
		return errs.New(errs.Invalid, "slack address %s needs a bot token; without one, use the URL of an incoming webhook", address)
	}
	return nil
}

func hook(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http") && len(address) <= 500
}

// Send posts m to address.
func (c *Channel) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := notify.Fits(c, address, m); err != nil {
		return notify.Receipt{}, err
	}
	post := c.postMessage
	if hook(address) {
		post = c.postHook
	}
	r, err := post(ctx, address, m)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("slack %s: %w", m.ID, err)
	}
	return r, nil
}

func (c *Channel) postHook(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	no := false
	body, err := json.Marshal(slackgo.WebhookMessage{Text: fallback(m), Blocks: &slackgo.Blocks{BlockSet: blocks(m, false)}, UnfurlLinks: &no, UnfurlMedia: &no})
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("encode: %w", err)
	}
	ans, err := httpsend.Post(ctx, c.client, address, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body)
	if err != nil {
		return notify.Receipt{}, err
	}
	name := errorName(string(ans.Body))
	if err := ans.Err(c.now(), name); err != nil {
		// A hook that was removed answers 403 or 404; an unknown name decides nothing.
		if kind, ok := kindOf(name); ok {
			return notify.Receipt{}, errs.New(kind, "%w", err)
		}
		return notify.Receipt{}, err
	}
	return notify.Receipt{Detail: "posted by webhook"}, nil
}

// posting is chat.postMessage's body. slack-go's options cannot carry
// client_msg_id, which lets Slack drop a repeated message.
type posting struct {
	Channel     string                `json:"channel"`
	Text        string                `json:"text"`
	Blocks      []slackgo.Block       `json:"blocks"`
	ClientMsgID string                `json:"client_msg_id"`
	Metadata    slackgo.SlackMetadata `json:"metadata"`
	UnfurlLinks bool                  `json:"unfurl_links"`
	UnfurlMedia bool                  `json:"unfurl_media"`
}

func (c *Channel) postMessage(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	body, err := json.Marshal(posting{
		Channel: address, Text: fallback(m), Blocks: blocks(m, c.hears()), ClientMsgID: notify.UUID(m.ID),
		Metadata: slackgo.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"id": m.ID, "kind": string(m.Kind)}},
	})
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("encode: %w", err)
	}
	var said struct {
		Channel string `json:"channel"`
		TS      string `json:"ts"`
	}
	if err := c.call(ctx, c.cfg.Token, "chat.postMessage", body, &said); err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{ProviderID: notify.Line(said.Channel+":"+said.TS, 80), Detail: "posted"}, nil
}

// call calls one of Slack's methods.
func (c *Channel) call(ctx context.Context, token, method string, body []byte, out any) error {
	kind := "application/json; charset=utf-8"
	if len(body) > 0 && body[0] != '{' {
		kind = "application/x-www-form-urlencoded" // methods that read take no JSON
	}
	ans, err := httpsend.Post(ctx, c.client, c.cfg.API+method, http.Header{"Content-Type": {kind}, "Authorization": {"Bearer " + token}}, body)
	if err == nil {
		err = ans.Err(c.now(), "")
	}
	if err != nil {
		return err
	}
	var said slackgo.SlackResponse
	if err := json.Unmarshal(ans.Body, &said); err != nil {
		return errs.New(errs.Unavailable, "answer is not Slack's")
	}
	if !said.Ok {
		return refusal(errorName(said.Error), ans.Wait(c.now()))
	}
	if err := json.Unmarshal(ans.Body, out); err != nil {
		return errs.New(errs.Unavailable, "answer is not Slack's")
	}
	return nil
}

// hears reports whether what is tapped comes back to us.
func (c *Channel) hears() bool {
	return c.cfg.Token != "" && (c.cfg.AppToken != "" || c.cfg.Signing != "")
}

func refusal(name string, wait time.Duration) error {
	kind, ok := kindOf(name)
	if !ok {
		// A name we do not know may be new: trying again can only repeat it,
		// giving up could lose a page.
		kind = errs.Unavailable
	}
	if kind == errs.Unavailable && wait > 0 {
		return errs.New(kind, "refused with %s: %w", name, &notify.WaitError{After: wait})
	}
	return errs.New(kind, "refused with %s", name)
}

// errorName returns s when it looks like one of Slack's error names, so that
// nothing else of an answer reaches a log.
func errorName(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 64 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "an unknown error"
	}
	return s
}

func kindOf(name string) (errs.Kind, bool) {
	switch name {
	case "ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error", "service_unavailable",
		"request_timeout", "team_added_to_org", "rollup_error", "accesslimited":
		return errs.Unavailable, true
	case "not_authed", "invalid_auth", "token_revoked", "token_expired", "account_inactive", "missing_scope", "no_permission",
		"not_allowed_token_type", "org_login_required", "access_denied", "ekm_access_denied", "not_in_channel", "restricted_action",
		"restricted_action_read_only_channel", "restricted_action_thread_only_channel", "restricted_action_non_threadable_channel",
		"team_access_not_granted", "action_prohibited", "posting_to_general_channel_denied", "invalid_token", "two_factor_setup_required":
		return errs.Denied, true
	case "channel_not_found", "user_not_found", "is_archived", "channel_is_archived", "messages_tab_disabled", "no_service",
		"no_service_id", "no_team", "no_active_hooks", "team_disabled", "cannot_dm_bot", "duplicate_channel_not_found":
		return errs.NotFound, true
	case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "too_many_attachments", "invalid_arguments",
		"invalid_payload", "invalid_json", "json_not_object", "invalid_arg_name", "invalid_charset", "metadata_too_large",
		"invalid_metadata_format", "invalid_metadata_schema", "deprecated_endpoint", "method_deprecated", "unknown_method":
		return errs.Invalid, true
	}
	return errs.Internal, false
}
