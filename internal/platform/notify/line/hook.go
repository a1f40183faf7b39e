package line

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

// data is what a button carries, of at most 300 characters.
func data(a notify.Action) string { return a.ID + ":" + a.Token }

// Tap is a button that was tapped.
type Tap struct {
	Action, Token string
	User          string // U…, or "" where LINE does not say
	Reply         string // the token to reply with
}

// Taps reads the taps of a webhook's body; events of other kinds are left out.
func Taps(body []byte) ([]Tap, error) {
	var in struct {
		Events []struct {
			Type       string `json:"type"`
			ReplyToken string `json:"replyToken"`
			Source     struct {
				UserID string `json:"userId"`
			} `json:"source"`
			Postback struct {
				Data string `json:"data"`
			} `json:"postback"`
		} `json:"events"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, errs.New(errs.Invalid, "body is no webhook of LINE's")
	}
	var out []Tap
	for _, e := range in.Events {
		action, token, _ := strings.Cut(e.Postback.Data, ":")
		if e.Type == "postback" && (action == notify.Ack || action == notify.Decline) && notify.CheckToken(token) {
			out = append(out, Tap{action, token, notify.Line(e.Source.UserID, 40), e.ReplyToken})
		}
	}
	return out, nil
}

// Hooks hears the channel's webhook, where there is a secret to check it with.
func (c *Channel) Hooks(b notify.Back) []notify.Hook {
	if c.cfg.Secret == "" {
		return nil
	}
	return []notify.Hook{{Pattern: "POST /hooks/line", Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, ok := httpsend.Body(rw, r)
		if !ok {
			return
		}
		sent, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Line-Signature"))
		if err != nil || !hmac.Equal(sent, httpsend.MAC([]byte(c.cfg.Secret), body)) {
			httpsend.Refuse(rw)
			return
		}
		taps, err := Taps(body)
		if err != nil {
			httpsend.Fail(rw, err)
			return
		}
		for _, t := range taps {
			if err := c.hear(r.Context(), b, t); err != nil {
				httpsend.Fail(rw, err) // LINE delivers again what got no 200
				return
			}
		}
		rw.WriteHeader(http.StatusOK)
	})}}
}

func (c *Channel) hear(ctx context.Context, b notify.Back, t Tap) error {
	say, err := b.Answered(ctx, notify.Answer{Channel: c.Name(), Action: t.Action, Token: t.Token, Address: t.User})
	if err != nil {
		if !errs.Permanent(err) {
			return err
		}
		say = httpsend.NotTaken
	}
	body, err := json.Marshal(struct {
		ReplyToken string        `json:"replyToken"`
		Messages   []textMessage `json:"messages"`
	}{t.Reply, []textMessage{{"text", notify.Lines(say, 500)}}})
	if err != nil {
		return err
	}
	// The answer counts whether or not its giver could be told: a reply token
	// lives for a minute only, and for one use.
	_, _ = httpsend.Post(ctx, c.client, c.cfg.API+"/v2/bot/message/reply", c.header(), body)
	return nil
}
