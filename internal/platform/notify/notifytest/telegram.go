package notifytest

import (
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Telegram is the Bot API on a loopback port, with one bot.
type Telegram struct {
	rest

	Token string

	talk struct {
		sync.Mutex

		updates []obj
		next    int64
		told    []string // of callback queries
		bare    []int64  // messages whose buttons were taken away
	}
}

// NewTelegram starts a Bot API for the length of t.
func NewTelegram(t *testing.T) *Telegram {
	s := &Telegram{Token: "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"}
	s.sends = func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/sendMessage") }
	s.take, s.fail = s.serveMethod, s.refuse
	s.talk.next = 700
	s.start(t)
	return s
}

func (s *Telegram) refuse(rw http.ResponseWriter, r *http.Request, f Fault) {
	switch f {
	case Busy:
		rw.WriteHeader(http.StatusBadGateway)
		rw.Write([]byte("<html>502 at " + r.URL.Path + "</html>"))
	case Throttle:
		reply(rw, 429, obj{"ok": false, "error_code": 429, "description": "Too Many Requests: retry after 7", "parameters": obj{"retry_after": 7}})
	case Forbid:
		reply(rw, 403, obj{"ok": false, "error_code": 403, "description": "Forbidden: bot was blocked by the user " + r.URL.Path})
	default:
		reply(rw, 400, obj{"ok": false, "error_code": 400, "description": "Bad Request: chat not found"})
	}
}

func (s *Telegram) serveMethod(rw http.ResponseWriter, r *http.Request, body []byte) {
	method, ok := strings.CutPrefix(r.URL.Path, "/bot"+s.Token+"/")
	if !ok {
		reply(rw, 401, obj{"ok": false, "error_code": 401, "description": "Unauthorized"})
		return
	}
	switch method {
	case "sendMessage":
		s.message(rw, body)
	case "getUpdates":
		s.updates(rw, r, body)
	case "answerCallbackQuery":
		var q struct{ Text string }
		_ = json.Unmarshal(body, &q)
		s.talk.Lock()
		s.talk.told = append(s.talk.told, q.Text)
		s.talk.Unlock()
		reply(rw, 200, obj{"ok": true, "result": true})
	case "editMessageReplyMarkup":
		var q struct {
			MessageID int64 `json:"message_id"`
		}
		_ = json.Unmarshal(body, &q)
		s.talk.Lock()
		s.talk.bare = append(s.talk.bare, q.MessageID)
		s.talk.Unlock()
		reply(rw, 200, obj{"ok": true, "result": obj{"message_id": q.MessageID}})
	default:
		reply(rw, 404, obj{"ok": false, "error_code": 404, "description": "Not Found"})
	}
}

// AwaitTold waits until so many who tapped were told something, and so many
// messages have lost their buttons.
func (s *Telegram) AwaitTold(t *testing.T, told, bare int) {
	t.Helper()
	until(t, 5*time.Second, "those who tapped are told", func() bool { return len(s.talk.told) == told && len(s.talk.bare) == bare }, &s.talk.Mutex)
}

// Tap is somebody tapping a button: the bot is told when it asks.
func (s *Telegram) Tap(_ *testing.T, b Button) {
	s.talk.Lock()
	defer s.talk.Unlock()
	s.talk.next++
	s.talk.updates = append(s.talk.updates, obj{"update_id": s.talk.next, "callback_query": obj{
		"id": strconv.FormatInt(s.talk.next, 10), "from": obj{"id": 987654321, "is_bot": false, "first_name": "Aoi", "language_code": "ja"},
		"message": obj{"message_id": 42, "date": 1772931600, "chat": obj{"id": 123456789, "type": "private"}}, "chat_instance": "x", "data": b.Data,
	}})
}

func (s *Telegram) updates(rw http.ResponseWriter, r *http.Request, body []byte) {
	var q struct{ Offset int64 }
	_ = json.Unmarshal(body, &q)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		out := []obj{}
		s.talk.Lock()
		for _, u := range s.talk.updates {
			if u["update_id"].(int64) >= q.Offset {
				out = append(out, u)
			}
		}
		s.talk.Unlock()
		if len(out) > 0 {
			reply(rw, 200, obj{"ok": true, "result": out})
			return
		}
		select {
		case <-s.stop:
			return
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Telegram) message(rw http.ResponseWriter, body []byte) {
	var m struct {
		ChatID  string          `json:"chat_id"`
		Text    string          `json:"text"`
		Mode    string          `json:"parse_mode"`
		Preview map[string]bool `json:"link_preview_options"`
		Silent  bool            `json:"disable_notification"`
		Reply   *struct {
			ID int64 `json:"message_id"`
		} `json:"reply_parameters"`
		Markup struct {
			Rows [][]struct {
				Text string `json:"text"`
				URL  string `json:"url"`
				Data string `json:"callback_data"`
			} `json:"inline_keyboard"`
		} `json:"reply_markup"`
	}
	d := Delivery{}
	strict(&d, body, &m)
	d.Address = m.ChatID
	if m.Reply == nil { // the word after an answer is no delivery
		text := s.shown(&d, m.Text, m.Mode)
		d.limit("text", text, 4096)
		d.Key = reference(text)
		d.Title, d.Text, _ = strings.Cut(text, "\n\n")
		for _, row := range m.Markup.Rows {
			for _, b := range row {
				if len(b.Data) > 64 || b.Text == "" || (b.Data == "") == (b.URL == "") {
					d.broken("button %+v", b)
				}
				if b.URL != "" {
					d.Links = append(d.Links, b.URL)
				} else {
					d.Buttons = append(d.Buttons, Button{Text: b.Text, Data: b.Data})
				}
			}
		}
		s.keep(d, false)
	}
	reply(rw, 200, obj{"ok": true, "result": obj{"message_id": 42, "date": 1772931600, "chat": obj{"id": 123456789, "type": "private"}, "text": m.Text}})
}

// shown is a text without its markup; what is not in the channel's own template
// came from the message.
func (s *Telegram) shown(d *Delivery, text, mode string) string {
	if mode != "HTML" {
		d.broken("parse mode %q", mode)
	}
	for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(text, -1) {
		if tag != "<b>" && tag != "</b>" {
			d.Injected = append(d.Injected, tag)
		}
	}
	if strings.Count(text, "<b>") != 1 {
		d.broken("%d times <b>", strings.Count(text, "<b>"))
	}
	return html.UnescapeString(strings.NewReplacer("<b>", "", "</b>", "").Replace(text))
}
