package slack

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

const (
	maxSkew  = 300 * time.Second
	answerIn = 2500 * time.Millisecond // Slack shows a failure after 3 s
	tellIn   = 10 * time.Second
)

// Tap is a button that was tapped.
type Tap struct {
	Action, Token string
	User          string // U…
	Response      string // where to change the message, for 30 minutes
	Blocks        []json.RawMessage
	Text          string
}

// ReadTap reads an interaction; ok is false where it is none of ours.
func ReadTap(payload []byte) (t Tap, ok bool) {
	var in struct {
		Type string `json:"type"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
		Actions []struct {
			ActionID string `json:"action_id"`
			Value    string `json:"value"`
		} `json:"actions"`
		ResponseURL string `json:"response_url"`
		Message     struct {
			Text   string            `json:"text"`
			Blocks []json.RawMessage `json:"blocks"`
		} `json:"message"`
	}
	if json.Unmarshal(payload, &in) != nil || in.Type != "block_actions" || len(in.Actions) != 1 {
		return Tap{}, false
	}
	name, found := strings.CutPrefix(in.Actions[0].ActionID, actionPrefix)
	action, _, _ := strings.Cut(name, "-")
	if !found || action != notify.Ack && action != notify.Decline || !notify.CheckToken(in.Actions[0].Value) {
		return Tap{}, false
	}
	return Tap{Action: action, Token: in.Actions[0].Value, User: notify.Line(in.User.ID, 40), Response: in.ResponseURL, Blocks: in.Message.Blocks, Text: in.Message.Text}, true
}

// Hooks hears what Slack posts, where there is a secret to check it with.
func (c *Channel) Hooks(b notify.Back) []notify.Hook {
	if c.cfg.Signing == "" || c.cfg.Token == "" {
		return nil
	}
	return []notify.Hook{{Pattern: "POST /hooks/slack/interactive", Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, ok := httpsend.Body(rw, r)
		if !ok {
			return
		}
		if !signed(c.cfg.Signing, r.Header, body, c.now()) {
			httpsend.Refuse(rw)
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		t, ok := ReadTap([]byte(form.Get("payload")))
		if !ok {
			rw.WriteHeader(http.StatusOK)
			return
		}
		say, taken, err := c.answered(r.Context(), b, t)
		if err != nil {
			httpsend.Fail(rw, err)
			return
		}
		// Slack has its answer first, and then the message is changed.
		rw.Header().Set("Content-Length", "0")
		rw.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(rw).Flush() // else it is sent a moment later
		c.show(r.Context(), t, say, taken)
	})}}
}

func signed(secret string, h http.Header, body []byte, now time.Time) bool {
	stamp := h.Get("X-Slack-Request-Timestamp")
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(at, 0)).Abs() > maxSkew {
		return false
	}
	want := "v0=" + hex.EncodeToString(httpsend.MAC([]byte(secret), []byte("v0:"+stamp+":"+string(body))))
	return hmac.Equal([]byte(want), []byte(h.Get("X-Slack-Signature")))
}

// answered hands t on. err says that it should come again.
func (c *Channel) answered(ctx context.Context, b notify.Back, t Tap) (say string, taken bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	say, err = b.Answered(ctx, notify.Answer{Channel: c.Name(), Action: t.Action, Token: t.Token, Address: t.User})
	switch {
	case err == nil:
		return say, true, nil
	case errs.Permanent(err):
		return httpsend.NotTaken, false, nil
	}
	return "", false, err
}

// show tells the channel who has it, in place of the buttons; or, where the tap
// did not count, only whoever tapped.
func (c *Channel) show(ctx context.Context, t Tap, say string, taken bool) {
	u, err := url.Parse(t.Response)
	if err != nil || u.Scheme != "https" && !c.cfg.AllowPrivate {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellIn)
	defer cancel()
	say = escape(notify.Line(say, 500))
	out := map[string]any{"response_type": "ephemeral", "replace_original": false, "text": say}
	if taken {
		out = map[string]any{"replace_original": true, "text": t.Text, "blocks": without(t.Blocks, say)}
	}
	body, err := json.Marshal(out)
	if err == nil {
		var ans httpsend.Answer
		ans, err = httpsend.Post(ctx, c.client, t.Response, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body)
		if err == nil {
			err = ans.Err(c.now(), "")
		}
	}
	if err != nil {
		// The answer counts whether or not it could be shown.
		c.log.InfoContext(ctx, "slack answer not shown", "err", err)
	}
}

// without is the message with say where the buttons were.
func without(blocks []json.RawMessage, say string) []any {
	said := section("*" + say + "*")
	out := []any{}
	done := false
	for _, raw := range blocks {
		var b struct {
			ID string `json:"block_id"`
		}
		if json.Unmarshal(raw, &b) == nil && b.ID == actionBlock {
			out, done = append(out, said), true
			continue
		}
		out = append(out, raw)
	}
	if !done {
		out = append(out, said)
	}
	return out
}
