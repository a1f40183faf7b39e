package notifytest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Line is the LINE Messaging API on a loopback port, with one channel.
type Line struct {
	rest

	Token, Secret string
	Front         string

	talk struct {
		sync.Mutex

		replies []string
		keys    map[string]bool
	}
}

// NewLine starts an API for the length of t, which calls back to front.
func NewLine(t *testing.T, front string) *Line {
	s := &Line{Token: "line-token-0123456789abcdef", Secret: "0123456789abcdef0123456789abcdef", Front: front}
	s.talk.keys = map[string]bool{}
	s.sends = func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/push") }
	s.take, s.fail = s.method, s.refuse
	s.start(t)
	return s
}

func (s *Line) refuse(rw http.ResponseWriter, r *http.Request, f Fault) {
	switch f {
	case Busy:
		reply(rw, 500, obj{"message": "internal error " + r.Header.Get("Authorization")})
	case Throttle:
		rw.Header().Set("Retry-After", "7")
		reply(rw, 429, obj{"message": "The API rate limit has been exceeded. Try again later."})
	case Forbid:
		reply(rw, 401, obj{"message": "Authentication failed due to the following reason: invalid token " + r.Header.Get("Authorization")})
	default:
		reply(rw, 400, obj{"message": "The property, 'to', in the request body is invalid (line: -, column: -)"})
	}
}

// Replies is what those who tapped were told.
func (s *Line) Replies() []string {
	s.talk.Lock()
	defer s.talk.Unlock()
	return s.talk.replies
}

func (s *Line) method(rw http.ResponseWriter, r *http.Request, body []byte) {
	if r.Header.Get("Authorization") != "Bearer "+s.Token {
		s.refuse(rw, r, Forbid)
		return
	}
	switch r.URL.Path {
	case "/v2/bot/message/push":
		s.push(rw, r, body)
	case "/v2/bot/message/reply":
		var m struct {
			ReplyToken string
			Messages   []struct{ Text string }
		}
		if json.Unmarshal(body, &m) != nil || m.ReplyToken != "reply-token" || len(m.Messages) != 1 {
			reply(rw, 400, obj{"message": "Invalid reply token"})
			return
		}
		s.talk.Lock()
		s.talk.replies = append(s.talk.replies, m.Messages[0].Text)
		s.talk.Unlock()
		reply(rw, 200, obj{"sentMessages": []obj{{"id": "2"}}})
	default:
		reply(rw, 404, obj{"message": "Not found"})
	}
}

type lineBox struct {
	Type, Layout, Spacing string
	Contents              []struct {
		Type, Text, Weight, Size, Color, Style string
		Wrap                                   bool
		Action                                 *struct{ Type, Label, URI, Data, DisplayText string }
	}
}

func (s *Line) push(rw http.ResponseWriter, r *http.Request, body []byte) {
	var p struct {
		To       string
		Silent   bool `json:"notificationDisabled"`
		Messages []struct {
			Type, AltText string
			Contents      struct {
				Type         string
				Body, Footer lineBox
			}
		}
	}
	d := Delivery{Key: r.Header.Get("X-Line-Retry-Key")}
	strict(&d, body, &p)
	d.Address = p.To
	if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(d.Key) {
		d.broken("retry key %q is no UUID", d.Key)
	}
	if len(body) > 30<<10 {
		d.broken("bubble of %d bytes", len(body))
	}
	var text []string
	for _, m := range p.Messages {
		d.limit("altText", m.AltText, 1500)
		for i, c := range m.Contents.Body.Contents {
			d.limit("text", c.Text, 5000)
			if i == 0 {
				d.Title = c.Text
				continue
			}
			text = append(text, c.Text)
		}
		for _, c := range m.Contents.Footer.Contents {
			d.tap(c.Action.Type, c.Action.Label, c.Action.URI, c.Action.Data)
		}
	}
	d.Text = strings.Join(text, "\n")
	s.talk.Lock()
	before := s.talk.keys[d.Key]
	s.talk.keys[d.Key] = true
	s.talk.Unlock()
	s.keep(d, true)
	if before {
		rw.Header().Set("X-Line-Accepted-Request-Id", "123e4567-e89b-12d3-a456-426655440001")
		reply(rw, 409, obj{"message": "The retry key is already accepted", "sentMessages": []obj{{"id": "461230966842064897"}}})
		return
	}
	reply(rw, 200, obj{"sentMessages": []obj{{"id": "461230966842064897", "quoteToken": "IStG5h1Tz7b"}}})
}

// tap notes a button.
func (d *Delivery) tap(kind, label, uri, data string) {
	d.limit("label", label, 20)
	switch kind {
	case "uri":
		d.limit("uri", uri, 1000)
		d.Links = append(d.Links, uri)
	case "postback":
		d.limit("data", data, 300)
		d.Buttons = append(d.Buttons, Button{Text: label, Data: data})
	default:
		d.broken("action %s", kind)
	}
}

func (s *Line) hook(front string, b Button, secret string) *http.Request {
	body, err := json.Marshal(obj{"destination": "Uffffffffffffffffffffffffffffffff", "events": []obj{
		{"type": "message", "timestamp": 1772931600000, "source": obj{"type": "user", "userId": "U" + strings.Repeat("a", 32)}, "message": obj{"type": "text", "text": "hello"}},
		{"type": "postback", "mode": "active", "webhookEventId": "01H810YECXQQZ37VAXPF6H9E6T", "deliveryContext": obj{"isRedelivery": false}, "timestamp": 1772931600000, "replyToken": "reply-token", "source": obj{"type": "user", "userId": "U" + strings.Repeat("0a", 16)}, "postback": obj{"data": b.Data}},
	}})
	if err != nil {
		panic(err)
	}
	req := outside(front+"/hooks/line", body)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	req.Header.Set("X-Line-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return req
}

// Tap is somebody tapping a button: LINE calls the webhook.
func (s *Line) Tap(t *testing.T, b Button) { call(t, s.hook(s.Front, b, s.Secret)) }

// Forge is what somebody sends who does not know the secret.
func (s *Line) Forge(front string, b Button) []*http.Request {
	none := s.hook(front, b, s.Secret)
	none.Header.Del("X-Line-Signature")
	changed := s.hook(front, b, s.Secret)
	changed.Body = io.NopCloser(strings.NewReader(`{"events":[]}`))
	changed.ContentLength = 13
	return []*http.Request{s.hook(front, b, "another"), none, changed}
}
