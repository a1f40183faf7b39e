package notifytest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Mattermost is a server on a loopback port: one bot, one incoming webhook.
type Mattermost struct {
	rest

	Hook, Token string
}

// NewMattermost starts a server for the length of t.
func NewMattermost(t *testing.T) *Mattermost {
	s := &Mattermost{Token: "bot-token-0123456789abcdef"}
	s.take, s.fail = s.method, s.refuse
	s.start(t)
	s.Hook = s.URL + "/hooks/hookcapability0123456789"
	return s
}

func (s *Mattermost) refuse(rw http.ResponseWriter, r *http.Request, f Fault) {
	secret := r.Header.Get("Authorization") + r.URL.Path
	say := func(status int, id string) {
		reply(rw, status, obj{"id": id, "message": "no " + secret, "detailed_error": secret, "request_id": "x", "status_code": status})
	}
	switch f {
	case Busy:
		say(500, "store.sql_post.save.app_error")
	case Throttle:
		rw.Header().Set("Retry-After", "7")
		http.Error(rw, "limit exceeded", http.StatusTooManyRequests)
	case Forbid:
		say(403, "api.context.permissions.app_error")
	default:
		say(404, "app.channel.get.existing.app_error")
	}
}

type mattermostAttachment struct {
	Fallback, Color, Title, Text, Footer string
	Actions                              []struct {
		ID, Name, Type, Style string
		Integration           struct {
			URL     string
			Context json.RawMessage
		}
	}
}

func (s *Mattermost) method(rw http.ResponseWriter, r *http.Request, body []byte) {
	var m struct {
		ChannelID   string `json:"channel_id"`
		Message     string
		Text        string
		Attachments []mattermostAttachment
		Props       struct {
			Attachments []mattermostAttachment
			Hinoban     string
		}
		Pending string `json:"pending_post_id"`
	}
	bot := r.URL.Path == "/api/v4/posts"
	if bot && r.Header.Get("Authorization") != "Bearer "+s.Token {
		s.refuse(rw, r, Forbid)
		return
	}
	d := Delivery{Address: m.ChannelID}
	strict(&d, body, &m)
	all := slices.Concat(m.Attachments, m.Props.Attachments)
	d.limit("message", m.Message+m.Text, 16383)
	markdown(&d, m.Message+m.Text)
	if len(all) != 1 || all[0].Fallback == "" {
		d.broken("%d attachments", len(all))
		all = append(all, mattermostAttachment{})
	}
	d.limit("text", all[0].Text+" ", 16383)
	d.Title, d.Text, d.Key = markdown(&d, all[0].Title), markdown(&d, all[0].Text), m.Props.Hinoban
	if bot {
		d.Key = m.Pending
	}
	for _, a := range all[0].Actions {
		if strings.Trim(a.ID, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" || a.Type != "button" { // Mattermost drops other ids
			d.broken("action %+v", a)
		}
		d.Buttons = append(d.Buttons, Button{Text: a.Name, Data: a.Integration.URL + " " + string(a.Integration.Context)})
	}
	s.keep(d, bot)
	if bot {
		reply(rw, 201, obj{"id": "post0123456789abcdefghijkl", "channel_id": m.ChannelID})
		return
	}
	rw.Write([]byte("ok"))
}

func mattermostTap(address, context string) *http.Request {
	body, err := json.Marshal(obj{"user_id": "user0123456789abcdefghijkl", "user_name": "aoi", "channel_id": "c", "post_id": "p", "trigger_id": "t", "type": "button", "data_source": "", "context": json.RawMessage(context)})
	if err != nil {
		panic(err)
	}
	req := outside(address, body)
	return req
}

// Tap is somebody tapping a button.
func (s *Mattermost) Tap(t *testing.T, b Button) {
	t.Helper()
	address, context, _ := strings.Cut(b.Data, " ")
	var said struct{ Update struct{ Message string } }
	got := call(t, mattermostTap(address, context))
	if json.Unmarshal([]byte(got), &said) != nil || markdown(&Delivery{}, said.Update.Message) != Said {
		t.Errorf("tap: got %s, want the post changed", got)
	}
}

// Forge is what somebody sends who never saw a button's context.
func (s *Mattermost) Forge(front string, b Button) []*http.Request {
	address, context, _ := strings.Cut(b.Data, " ")
	return []*http.Request{
		mattermostTap(address, `{"action":"ack","token":"guess","mac":""}`), mattermostTap(address, `{}`),
		mattermostTap(front+"/hooks/mattermost/action", strings.Replace(context, `"ack"`, `"decline"`, 1)),
	}
}
