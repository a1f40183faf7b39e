package discord

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

const (
	maxSkew  = 5 * time.Minute
	answerIn = 2500 * time.Millisecond // Discord shows a failure after 3 s
)

// Interaction is what Discord posts.
type Interaction struct {
	Ping          bool
	Action, Token string // "" where it is no button of ours
	User          string
}

// ReadInteraction reads the body of an interaction.
func ReadInteraction(body []byte) (Interaction, error) {
	type user struct {
		ID string `json:"id"`
	}
	var in struct {
		Type int `json:"type"`
		Data struct {
			CustomID string `json:"custom_id"`
		} `json:"data"`
		Member struct {
			User user `json:"user"`
		} `json:"member"`
		User user `json:"user"` // in direct messages
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Interaction{}, errs.New(errs.Invalid, "body is no interaction of Discord's")
	}
	out := Interaction{Ping: in.Type == 1}
	action, token, _ := strings.Cut(in.Data.CustomID, ":")
	if in.Type == 3 && (action == notify.Ack || action == notify.Decline) && notify.CheckToken(token) {
		out.Action, out.Token = action, token
	}
	if id := in.Member.User.ID + in.User.ID; id != "" {
		out.User = "user:" + notify.Line(id, 40)
	}
	return out, nil
}

type response struct {
	Type int      `json:"type"` // 1 pong, 4 message, 6 nothing, 7 changes the message
	Data *message `json:"data,omitempty"`
}

// edited takes a message's buttons away: unlike message it says that none are left.
type edited struct {
	Type int `json:"type"`
	Data struct {
		Content    string              `json:"content"`
		Mentions   map[string][]string `json:"allowed_mentions"`
		Components []row               `json:"components"`
	} `json:"data"`
}

// Hooks hears the application's interactions, where there is a key to check them with.
func (c *Channel) Hooks(b notify.Back) []notify.Hook {
	if len(c.key) == 0 {
		return nil
	}
	return []notify.Hook{{Pattern: "POST /hooks/discord", Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, ok := httpsend.Body(rw, r)
		if !ok {
			return
		}
		if !c.signed(r.Header, body) {
			rw.WriteHeader(http.StatusUnauthorized) // Discord tries this, and wants 401
			return
		}
		in, err := ReadInteraction(body)
		switch {
		case err != nil:
			httpsend.Fail(rw, err)
		case in.Ping:
			httpsend.JSON(rw, response{Type: 1})
		case in.Action == "":
			httpsend.JSON(rw, response{Type: 6})
		default:
			c.answer(r.Context(), rw, b, in)
		}
	})}}
}

func (c *Channel) signed(h http.Header, body []byte) bool {
	stamp := h.Get("X-Signature-Timestamp")
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || c.now().Sub(time.Unix(at, 0)).Abs() > maxSkew {
		return false
	}
	sig, err := hex.DecodeString(h.Get("X-Signature-Ed25519"))
	return err == nil && len(sig) == ed25519.SignatureSize && ed25519.Verify(c.key, append([]byte(stamp), body...), sig)
}

func (c *Channel) answer(ctx context.Context, rw http.ResponseWriter, b notify.Back, in Interaction) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	say, err := b.Answered(ctx, notify.Answer{Channel: c.Name(), Action: in.Action, Token: in.Token, Address: in.User})
	if err != nil {
		// To whoever tapped alone (flag 64); the buttons stay.
		httpsend.JSON(rw, response{Type: 4, Data: &message{Content: httpsend.NotTaken, Mentions: silenced(), Flags: 64}})
		return
	}
	out := edited{Type: 7}
	out.Data.Content, out.Data.Mentions, out.Data.Components = escape(notify.Line(say, 500)), silenced(), []row{}
	httpsend.JSON(rw, out)
}
