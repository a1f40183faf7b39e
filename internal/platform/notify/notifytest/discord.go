package notifytest

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Discord is Discord's API on a loopback port: one webhook and one bot.
type Discord struct {
	rest

	Hook, Token, PublicKey string
	Front                  string
	key                    ed25519.PrivateKey
}

// NewDiscord starts an API for the length of t, which calls back to front.
func NewDiscord(t *testing.T, front string) *Discord {
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &Discord{Token: "bot-token-0123456789", Front: front, key: key, PublicKey: hex.EncodeToString(pub)}
	s.sends = func(r *http.Request) bool { return r.URL.Path != "/users/@me/channels" }
	s.take, s.fail = s.method, s.refuse
	s.start(t)
	s.Hook = s.URL + "/webhooks/1098765432109876543/hookcapability"
	return s
}

func (s *Discord) refuse(rw http.ResponseWriter, r *http.Request, f Fault) {
	secret := r.Header.Get("Authorization") + r.URL.Path
	switch f {
	case Busy:
		reply(rw, 502, obj{"message": "502: Bad Gateway " + secret, "code": 0})
	case Throttle:
		rw.Header().Set("X-Ratelimit-Reset-After", "6.4")
		reply(rw, 429, obj{"message": "You are being rate limited.", "retry_after": 6.4, "global": false})
	case Forbid:
		reply(rw, 403, obj{"message": "Missing Access " + secret, "code": 50001})
	default:
		reply(rw, 404, obj{"message": "Unknown Channel", "code": 10003})
	}
}

type discordMessage struct {
	Content  string
	Mentions map[string][]string `json:"allowed_mentions"`
	Nonce    string
	Enforce  bool `json:"enforce_nonce"`
	Embeds   []struct {
		Title, URL, Description, Timestamp string
		Color                              int
		Footer                             struct{ Text string }
	}
	Components []struct {
		Type       int
		Components []struct {
			Type, Style int
			Label, URL  string
			Data        string `json:"custom_id"`
		}
	}
}

func (s *Discord) method(rw http.ResponseWriter, r *http.Request, body []byte) {
	hook := strings.HasPrefix(r.URL.Path, "/webhooks/")
	if !hook && r.Header.Get("Authorization") != "Bot "+s.Token {
		reply(rw, 401, obj{"message": "401: Unauthorized", "code": 0})
		return
	}
	if r.URL.Path == "/users/@me/channels" {
		reply(rw, 200, obj{"id": "319674150115610528", "type": 1})
		return
	}
	var m discordMessage
	d := Delivery{Address: r.URL.Path}
	strict(&d, body, &m)
	if p, ok := m.Mentions["parse"]; !ok || len(p) > 0 {
		d.Injected = append(d.Injected, "mentions are allowed")
	}
	if hook && (r.URL.Query().Get("wait") != "true" || r.URL.Query().Get("with_components") != "true") {
		d.broken("query %s", r.URL.RawQuery)
	}
	if len(m.Embeds) != 1 {
		d.broken("%d embeds", len(m.Embeds))
		reply(rw, 400, obj{"code": 50006, "message": "Cannot send an empty message"})
		return
	}
	e := m.Embeds[0]
	d.limit("content", m.Content, 2000)
	d.limit("title", e.Title, 256)
	d.limit("texts", e.Title+e.Description+e.Footer.Text, 6000)
	d.limit("description", e.Description+" ", 4097)
	d.Title, d.Text = markdown(&d, e.Title), markdown(&d, e.Description)
	if d.Key = reference(e.Footer.Text); m.Nonce != "" {
		d.Key = m.Nonce
		if len(m.Nonce) > 25 || !m.Enforce {
			d.broken("nonce %q", m.Nonce)
		}
	}
	d.row(m, hook)
	s.keep(d, !hook)
	reply(rw, 200, obj{"id": "1310987654321098765", "channel_id": "1098765432109876543", "content": m.Content})
}

// row reads the buttons.
func (d *Delivery) row(m discordMessage, hook bool) {
	var links []string
	for _, row := range m.Components {
		for _, b := range row.Components {
			d.limit("label", b.Label, 80)
			if len(b.Data) > 100 || len(b.URL) > 512 || (b.Style == 5) != (b.URL != "") || hook && b.Data != "" {
				d.broken("button %+v", b)
			}
			if b.Data != "" {
				d.Buttons = append(d.Buttons, Button{Text: b.Label, Data: b.Data})
			} else {
				links = append(links, b.URL)
			}
		}
	}
	d.Links = append(links, d.Links...)
}

// markdown is what is shown of escaped Markdown; what is not escaped is taken for
// a link of the channel's own, or came from the message.
func markdown(d *Delivery, s string) string {
	s = strings.ReplaceAll(s, "@\u200b", "\x00")
	s = regexp.MustCompile(`\[((?:[^\[\]\\]|\\.)*)\]\((https?://[^()\s]*)\)`).ReplaceAllStringFunc(s, func(l string) string {
		i := strings.LastIndex(l, "](")
		d.Links = append(d.Links, l[i+2:len(l)-1])
		return l[1:i]
	})
	if bad := regexp.MustCompile(`@|(^|[^\\])(\\\\)*[*_~` + "`" + `|<>\[\]]`).FindString(s); bad != "" {
		d.Injected = append(d.Injected, bad)
	}
	return strings.ReplaceAll(regexp.MustCompile(`\\([[:punct:]])`).ReplaceAllString(s, "$1"), "\x00", "@")
}

func (s *Discord) interaction(front string, body obj, at time.Time, key ed25519.PrivateKey) *http.Request {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	req := outside(front+"/hooks/discord", text)
	stamp := strconv.FormatInt(at.Unix(), 10)
	req.Header.Set("X-Signature-Timestamp", stamp)
	req.Header.Set("X-Signature-Ed25519", hex.EncodeToString(ed25519.Sign(key, append([]byte(stamp), text...))))
	return req
}

func tapped(b Button) obj {
	return obj{"type": 3, "id": "1", "token": "t", "member": obj{"user": obj{"id": "80351110224678912", "username": "aoi"}}, "data": obj{"custom_id": b.Data, "component_type": 2}}
}

// Tap is somebody tapping a button; Discord looks first whether we are there.
func (s *Discord) Tap(t *testing.T, b Button) {
	t.Helper()
	if got := call(t, s.interaction(s.Front, obj{"type": 1}, time.Now(), s.key)); strings.TrimSpace(got) != `{"type":1}` {
		t.Errorf("ping: got %s", got)
	}
	var said struct {
		Type int
		Data struct {
			Content    string
			Components []obj
		}
	}
	got := call(t, s.interaction(s.Front, tapped(b), time.Now(), s.key))
	if json.Unmarshal([]byte(got), &said) != nil || said.Type != 7 || said.Data.Components == nil || len(said.Data.Components) > 0 || !strings.Contains(markdown(&Delivery{}, said.Data.Content), Said) {
		t.Errorf("tap: got %s, want the message changed", got)
	}
}

// Forge is what somebody sends who has not Discord's key.
func (s *Discord) Forge(front string, b Button) []*http.Request {
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	none := s.interaction(front, tapped(b), time.Now(), s.key)
	none.Header.Del("X-Signature-Ed25519")
	return []*http.Request{s.interaction(front, tapped(b), time.Now(), other), s.interaction(front, tapped(b), time.Now().Add(-time.Hour), s.key), s.interaction(front, obj{"type": 1}, time.Now(), other), none}
}
