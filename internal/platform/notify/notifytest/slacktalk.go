package notifytest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// slackTalk is what a workspace keeps beside its messages.
type slackTalk struct {
	mu      sync.Mutex
	sent    []obj // the newest last
	shown   []string
	acked   map[string]bool
	sockets []*websocket.Conn
	n       int
}

func (s *slackTalk) keep(m slackMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	s.sent = append(s.sent, obj{"type": "message", "ts": fmt.Sprintf("1772934600.%06d", s.n), "client_msg_id": m.ClientMsgID, "metadata": m.Metadata, "text": m.Text})
}

// other serves what sends no message; faults do not touch it.
func (s *Slack) other(rw http.ResponseWriter, r *http.Request) bool {
	bearer := func(want string) bool {
		if r.Header.Get("Authorization") == "Bearer "+want {
			return true
		}
		reply(rw, 200, obj{"ok": false, "error": "invalid_auth"})
		return false
	}
	switch r.URL.Path {
	case "/api/apps.connections.open":
		if bearer(s.AppToken) {
			reply(rw, 200, obj{"ok": true, "url": "ws" + strings.TrimPrefix(strings.TrimSuffix(s.API, "/api/"), "http") + "/link?ticket=1"})
		}
	case "/link":
		s.link(rw, r)
	case "/api/conversations.open":
		if bearer(s.Token) {
			reply(rw, 200, obj{"ok": true, "channel": obj{"id": "D024BE91L"}})
		}
	case "/api/conversations.history":
		if bearer(s.Token) {
			s.history(rw, r)
		}
	case "/respond":
		body, _ := io.ReadAll(r.Body)
		s.talk.mu.Lock()
		s.talk.shown = append(s.talk.shown, string(body))
		s.talk.mu.Unlock()
		reply(rw, 200, obj{"ok": true})
	default:
		return false
	}
	return true
}

func (s *Slack) history(rw http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	if !strings.ContainsAny(r.PostForm.Get("channel")[:1], "CDG") {
		reply(rw, 200, obj{"ok": false, "error": "channel_not_found"})
		return
	}
	s.talk.mu.Lock()
	defer s.talk.mu.Unlock()
	out := slices.Clone(s.talk.sent)
	slices.Reverse(out)
	reply(rw, 200, obj{"ok": true, "messages": out, "has_more": false})
}

// link is one socket of Socket Mode.
func (s *Slack) link(rw http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(rw, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }() // the other side may have
	s.talk.mu.Lock()
	err = conn.WriteJSON(obj{"type": "hello", "num_connections": 1})
	s.talk.sockets = append(s.talk.sockets, conn)
	s.talk.mu.Unlock()
	for err == nil {
		var ack struct {
			ID string `json:"envelope_id"`
		}
		if err = conn.ReadJSON(&ack); err == nil {
			s.talk.mu.Lock()
			if s.talk.acked == nil {
				s.talk.acked = map[string]bool{}
			}
			s.talk.acked[ack.ID] = true
			s.talk.mu.Unlock()
		}
	}
	s.talk.mu.Lock()
	s.talk.sockets = slices.DeleteFunc(s.talk.sockets, func(c *websocket.Conn) bool { return c == conn })
	s.talk.mu.Unlock()
}

func (s *Slack) interaction(b Button) obj {
	id, value, _ := strings.Cut(b.Data, " ")
	return obj{
		"type": "block_actions", "team": obj{"id": "T000"}, "user": obj{"id": "U024BE7LH", "username": "aoi"}, "api_app_id": "A1", "trigger_id": "1.2.x",
		"container": obj{"type": "message", "message_ts": "1772934600.000001", "channel_id": "C024BE91L"}, "channel": obj{"id": "C024BE91L"},
		"message":      obj{"text": "fallback", "blocks": []obj{{"type": "header", "block_id": "hinoban-x"}, {"type": "actions", "block_id": "hinoban-act"}}},
		"actions":      []obj{{"type": "button", "action_id": id, "block_id": "hinoban-act", "value": value, "action_ts": "1772934601.0"}},
		"response_url": strings.TrimSuffix(s.API, "api/") + "respond",
	}
}

// TapSocket is somebody tapping a button of an app in Socket Mode: Slack asks for a
// new socket first, waits for it, and wants its envelope back within 3 s.
func (s *Slack) TapSocket(t *testing.T, b Button) {
	t.Helper()
	s.awaitSocket(t)
	s.talk.mu.Lock()
	old := s.talk.sockets[len(s.talk.sockets)-1]
	_ = old.WriteJSON(obj{"type": "disconnect", "reason": "refresh_requested"})
	s.talk.mu.Unlock()
	until(t, 5*time.Second, "the old socket is left", func() bool { return !slices.Contains(s.talk.sockets, old) }, &s.talk.mu)
	s.awaitSocket(t)
	s.talk.mu.Lock()
	s.talk.n++
	id := "envelope-" + strconv.Itoa(s.talk.n)
	err := s.talk.sockets[len(s.talk.sockets)-1].WriteJSON(obj{"type": "interactive", "envelope_id": id, "accepts_response_payload": true, "payload": s.interaction(b)})
	s.talk.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	until(t, 3*time.Second, "the envelope is acknowledged", func() bool { return s.talk.acked[id] }, &s.talk.mu)
	s.changed(t)
}

func (s *Slack) awaitSocket(t *testing.T) {
	t.Helper()
	until(t, 5*time.Second, "a socket is open", func() bool { return len(s.talk.sockets) > 0 }, &s.talk.mu)
}

// TapHook is somebody tapping a button of an app with a request URL.
func (s *Slack) TapHook(front string) func(*testing.T, Button) {
	return func(t *testing.T, b Button) {
		t.Helper()
		call(t, s.hook(front, b, s.Signing, time.Now()))
		s.changed(t)
	}
}

// changed waits until the message says who has it, and has no buttons any more.
func (s *Slack) changed(t *testing.T) {
	t.Helper()
	said := strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;").Replace(Said)
	until(t, 3*time.Second, "the message is changed", func() bool {
		if len(s.talk.shown) == 0 {
			return false
		}
		var m struct {
			Replace bool `json:"replace_original"`
			Blocks  []struct {
				Type string
				Text slackText
			}
		}
		last := s.talk.shown[len(s.talk.shown)-1]
		s.talk.shown = nil
		if json.Unmarshal([]byte(last), &m) != nil || !m.Replace || len(m.Blocks) != 2 || m.Blocks[1].Type != "section" || !strings.Contains(m.Blocks[1].Text.Text, said) {
			t.Errorf("message was changed to %s", last)
		}
		return true
	}, &s.talk.mu)
}

func (s *Slack) hook(front string, b Button, secret string, at time.Time) *http.Request {
	payload, err := json.Marshal(s.interaction(b))
	if err != nil {
		panic(err)
	}
	body := url.Values{"payload": {string(payload)}}.Encode()
	req := outside(front+"/hooks/slack/interactive", []byte(body))
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":" + body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Slack-Request-Timestamp", stamp)
	req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return req
}

// Forge is what somebody sends who does not know the secret, or saw it once.
func (s *Slack) Forge(front string, b Button) []*http.Request {
	none := s.hook(front, b, s.Signing, time.Now())
	none.Header.Del("X-Slack-Signature")
	return []*http.Request{
		s.hook(front, b, "another", time.Now()), s.hook(front, b, s.Signing, time.Now().Add(-301*time.Second)),
		s.hook(front, b, s.Signing, time.Now().Add(time.Hour)), none,
	}
}

// until waits for something that mu guards.
func until(t *testing.T, within time.Duration, what string, ok func() bool, mu *sync.Mutex) {
	t.Helper()
	end := time.NewTimer(within)
	defer end.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		mu.Lock()
		done := ok()
		mu.Unlock()
		if done {
			return
		}
		select {
		case <-end.C:
			t.Fatalf("not after %s: %s", within, what)
		case <-tick.C:
		}
	}
}
