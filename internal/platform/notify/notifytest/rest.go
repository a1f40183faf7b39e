package notifytest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// rest is a provider's API on a loopback port: what all providers that speak
// HTTP share of a fake.
type rest struct {
	inbox

	URL   string
	stop  chan struct{}
	sends func(*http.Request) bool                               // whether a request sends a message, and may meet a fault
	fail  func(rw http.ResponseWriter, r *http.Request, f Fault) // answers Refuse, Forbid, Busy and Throttle
	take  func(rw http.ResponseWriter, r *http.Request, body []byte)
}

func (s *rest) start(t *testing.T) {
	s.stop = make(chan struct{})
	s.URL = serve(t, s.stop, s.serve)
}

func (s *rest) serve(rw http.ResponseWriter, r *http.Request) {
	var f Fault
	if s.sends == nil || s.sends(r) {
		f = s.fault()
	}
	if f == ResetAtAccept {
		reset(rw)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch f {
	case Hang:
		hang(r, s.stop)
	case Refuse, Forbid, Busy, Throttle:
		s.fail(rw, r, f)
	case ResetAfterBody:
		s.take(httptest.NewRecorder(), r, body)
		reset(rw)
	default:
		s.take(rw, r, body)
	}
}

func reply(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(v) // a client that left is part of some tests
}

// obj is JSON as a provider writes it.
type obj = map[string]any

// reference finds the short name of a message at the end of its text.
func reference(text string) string {
	all := regexp.MustCompile(`#([A-Z2-7]{8})\b`).FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// strict decodes body and notes what d's protocol does not know.
func strict(d *Delivery, body []byte, v any) {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		d.Broken = append(d.Broken, "body: "+err.Error())
	}
}

// limit notes a text that is empty or too long, as UTF-16 counts it.
func (d *Delivery) limit(what, text string, most int) {
	if n := len16(text); n == 0 || n > most {
		d.broken("%s has %d characters, want 1 to %d", what, n, most)
	}
}
