package notifytest

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"
)

// Slack is a workspace on a loopback port, with one incoming webhook and the
// method chat.postMessage. It refuses what Slack would refuse.
type Slack struct {
	inbox

	API   string // ends in a slash
	Hook  string // the URL of the incoming webhook
	Token string
	stop  chan struct{}
	links *regexp.Regexp

	AppToken, Signing string
	talk              slackTalk
}

// NewSlack starts a workspace for the length of t.
func NewSlack(t *testing.T) *Slack {
	s := &Slack{AppToken: "xapp-not-a-real-token-0123456789", Signing: "8f742231b10e8888abcd99yyyzzz85a5", Token: "xoxb-not-a-real-token-0123456789", stop: make(chan struct{}), links: regexp.MustCompile(`<([^<>]*)>`)}
	base := serve(t, s.stop, s.serve)
	s.API, s.Hook = base+"/api/", base+"/services/T000/B000/hookcapability"
	return s
}

type slackMessage struct {
	Channel     string       `json:"channel"`
	Text        string       `json:"text"`
	Blocks      []slackBlock `json:"blocks"`
	ClientMsgID string       `json:"client_msg_id"`
	Metadata    obj          `json:"metadata"`
}

type slackBlock struct {
	Type     string         `json:"type"`
	BlockID  string         `json:"block_id"`
	Text     *slackText     `json:"text"`
	Elements []slackElement `json:"elements"`
}

// slackElement is a text of a context or a button of actions: Slack calls a
// string and an object by the same name.
type slackElement struct {
	Type     string          `json:"type"`
	Text     json.RawMessage `json:"text"`
	URL      string          `json:"url"`
	ActionID string          `json:"action_id"`
	Value    string          `json:"value"`
}

func (e slackElement) said() string {
	var s string
	if json.Unmarshal(e.Text, &s) == nil {
		return s
	}
	var t slackText
	if json.Unmarshal(e.Text, &t) != nil || t.Type != "plain_text" {
		return ""
	}
	return t.Text
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

func (s *Slack) serve(rw http.ResponseWriter, r *http.Request) {
	if s.other(rw, r) {
		return
	}
	f := s.fault()
	if f == ResetAtAccept {
		reset(rw)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	bot := strings.HasPrefix(r.URL.Path, "/api/")
	switch f {
	case Busy:
		http.Error(rw, "error at "+r.URL.Path+" for "+r.Header.Get("Authorization"), http.StatusServiceUnavailable)
		return
	case Throttle:
		rw.Header().Set("Retry-After", "7")
		rw.WriteHeader(http.StatusTooManyRequests)
		return
	case Hang:
		hang(r, s.stop)
		return
	case Refuse:
		answer(rw, bot, "channel_not_found")
		return
	case Forbid:
		answer(rw, bot, "invalid_auth "+r.URL.Path+r.Header.Get("Authorization"))
		return
	case ResetAfterBody, ResetAtAccept, NoGoodbye:
	}
	s.post(rw, r, body, f)
}

func (s *Slack) post(rw http.ResponseWriter, r *http.Request, body []byte, f Fault) {
	bot := strings.HasPrefix(r.URL.Path, "/api/")
	if bot && r.Header.Get("Authorization") != "Bearer "+s.Token {
		answer(rw, bot, "invalid_auth")
		return
	}
	var m slackMessage
	if err := json.Unmarshal(body, &m); err != nil {
		answer(rw, bot, "invalid_payload")
		return
	}
	d := s.read(m)
	if bot {
		d.Key = m.ClientMsgID
	}
	if len(d.Broken) > 0 {
		s.keep(d, bot)
		answer(rw, bot, "invalid_blocks")
		return
	}
	s.keep(d, bot)
	s.talk.keep(m)
	if f == ResetAfterBody {
		reset(rw)
		return
	}
	answer(rw, bot, "")
}

func answer(rw http.ResponseWriter, bot bool, problem string) {
	switch {
	case bot && problem == "":
		rw.Header().Set("Content-Type", "application/json")
		io.WriteString(rw, `{"ok":true,"channel":"C024BE91L","ts":"1772934600.000100"}`)
	case bot:
		name, said, _ := strings.Cut(problem, " ")
		io.WriteString(rw, fmt.Sprintf(`{"ok":false,"error":%q,"warning":%q}`, name, said))
	case problem == "":
		io.WriteString(rw, "ok")
	case problem == "invalid_blocks":
		http.Error(rw, problem, http.StatusBadRequest)
	case problem == "channel_not_found":
		http.Error(rw, problem, http.StatusNotFound)
	default:
		http.Error(rw, problem, http.StatusForbidden)
	}
}

// read decodes what a reader would see, and notes broken limits.
func (s *Slack) read(m slackMessage) Delivery {
	d := Delivery{Address: m.Channel}
	limit := func(what string, n, most int) {
		if n > most || n == 0 {
			d.Broken = append(d.Broken, fmt.Sprintf("%s has %d, want 1 to %d", what, n, most))
		}
	}
	limit("blocks", len(m.Blocks), 50)
	limit("text", len16(m.Text), 4000)
	var text []string
	for _, b := range m.Blocks {
		if len(b.BlockID) > 255 {
			d.Broken = append(d.Broken, "block_id is too long")
		}
		switch {
		case b.Type == "header" && b.Text != nil && b.Text.Type == "plain_text":
			limit("header", len16(b.Text.Text), 150)
			d.Title, d.Key = b.Text.Text, b.BlockID
		case b.Type == "section" && b.Text != nil && b.Text.Type == "mrkdwn":
			limit("section", len16(b.Text.Text), 3000)
			text = append(text, s.mrkdwn(&d, b.Text.Text))
		case b.Type == "context":
			limit("context", len(b.Elements), 10)
			for _, e := range b.Elements {
				limit("element", len16(e.said()), 2000)
				text = append(text, s.mrkdwn(&d, e.said()))
			}
		case b.Type == "actions":
			limit("actions", len(b.Elements), 25)
			text = append(text, d.buttons(b.Elements, limit)...)
		default:
			d.Broken = append(d.Broken, "block "+b.Type+" is not understood")
		}
	}
	s.mrkdwn(&Delivery{}, m.Text)
	d.Injected = append(d.Injected, s.tokens(m.Text)...)
	d.Text = strings.Join(text, "\n")
	return d
}

// buttons reads the buttons of actions.
func (d *Delivery) buttons(all []slackElement, limit func(string, int, int)) (text []string) {
	for _, e := range all {
		limit("button", len16(e.said()), 75)
		limit("action_id", len(e.ActionID), 255)
		text = append(text, e.said())
		if e.URL != "" {
			d.Links = append(d.Links, e.URL)
			continue
		}
		limit("value", len(e.Value), 2000)
		d.Buttons = append(d.Buttons, Button{Text: e.said(), Data: e.ActionID + " " + e.Value})
	}
	return text
}

// mrkdwn turns Slack's markup into what is read, and notes links and mentions.
func (s *Slack) mrkdwn(d *Delivery, text string) string {
	shown := s.links.ReplaceAllStringFunc(text, func(token string) string {
		target, label, _ := strings.Cut(strings.Trim(token, "<>"), "|")
		switch {
		case strings.HasPrefix(target, "http"):
			d.Links = append(d.Links, html.UnescapeString(target))
		case strings.HasPrefix(target, "!date^"):
		default:
			d.Injected = append(d.Injected, token)
		}
		return label
	})
	return unescape(shown)
}

func (s *Slack) tokens(text string) []string { return s.links.FindAllString(text, -1) }

func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

func len16(s string) int { return len(utf16.Encode([]rune(s))) }
