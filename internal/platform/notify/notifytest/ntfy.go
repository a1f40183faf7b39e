package notifytest

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// Ntfy is an ntfy server on a loopback port with one topic that wants its token.
type Ntfy struct {
	rest

	Token string // "" takes everybody's
}

// NewNtfy starts a server for the length of t.
func NewNtfy(t *testing.T, token string) *Ntfy {
	s := &Ntfy{Token: token}
	s.take, s.fail = s.publish, s.refuse
	s.start(t)
	return s
}

// Their errors, as ntfy writes them.
func (s *Ntfy) refuse(rw http.ResponseWriter, r *http.Request, f Fault) {
	switch f {
	case Busy:
		reply(rw, 500, obj{"code": 50001, "http": 500, "error": "internal server error " + r.Header.Get("Authorization")})
	case Throttle:
		rw.Header().Set("Retry-After", "7")
		reply(rw, 429, obj{"code": 42901, "http": 429, "error": "limit reached: too many requests", "link": "https://ntfy.sh/docs/publish/#limitations"})
	case Forbid:
		reply(rw, 403, obj{"code": 40301, "http": 403, "error": "forbidden " + s.Token + r.Header.Get("Authorization")})
	default:
		reply(rw, 400, obj{"code": 40009, "http": 400, "error": "invalid request: topic invalid"})
	}
}

func (s *Ntfy) allowed(header string) bool {
	return s.Token == "" || header == "Bearer "+s.Token || header == "Basic "+base64.StdEncoding.EncodeToString([]byte(s.Token))
}

func (s *Ntfy) publish(rw http.ResponseWriter, r *http.Request, body []byte) {
	var p struct {
		Topic, Title, Message, Click string
		Priority                     int
		Tags                         []string
		Actions                      []struct {
			Action, Label, URL, Method string
			Headers                    map[string]string
			Clear                      bool
		}
		SequenceID string `json:"sequence_id"`
	}
	d := Delivery{}
	strict(&d, body, &p)
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		d.broken("%s %s is no publish as JSON", r.Method, r.URL.Path)
	}
	if !s.allowed(r.Header.Get("Authorization")) {
		s.refuse(rw, r, Forbid)
		return
	}
	if p.Priority < 1 || p.Priority > 5 {
		d.broken("priority %d", p.Priority)
	}
	if len(p.Message) > 4096 {
		d.broken("message of %d bytes becomes an attachment", len(p.Message))
	}
	if len(p.Actions) > 3 {
		d.broken("%d actions, want 3 at most", len(p.Actions))
	}
	if !regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`).MatchString(p.SequenceID) {
		d.broken("sequence id %q", p.SequenceID)
	}
	d.Key, d.Address, d.Title, d.Text = p.SequenceID, p.Topic, p.Title, p.Message
	for _, a := range p.Actions {
		if a.Action != "http" || a.Method != http.MethodPost || !a.Clear || a.Label == "" {
			d.broken("action %+v posts nothing", a)
		}
		d.Links = append(d.Links, a.URL)
	}
	if p.Click != "" {
		d.Links = append(d.Links, p.Click)
	}
	d.Links = append(d.Links, tails(p.Message)...)
	s.keep(d, true) // a phone replaces a message of the same sequence
	reply(rw, 200, obj{"id": "nFv7nUQ1vGm4", "time": 1772931600, "expires": 1772974800, "event": "message", "topic": p.Topic, "message": p.Message})
}

// tails are the URLs at the ends of lines.
func tails(text string) (out []string) {
	for line := range strings.Lines(text) {
		if _, link, ok := strings.Cut(strings.TrimSpace(line), ": http"); ok {
			out = append(out, "http"+link)
		}
	}
	return out
}
