package twilio

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

// MaxSpoken is the most of a message that is read out, in runes.
const MaxSpoken = 160

const maxTurns = 5 // that a wrong digit is answered with the message again

// Voice calls people.
type Voice struct{ account }

var (
	_ notify.Channel = (*Voice)(nil)
	_ notify.Hooked  = (*Voice)(nil)
)

// NewVoice returns the channel "voice"; cfg must be valid and have an account
// with a number.
func NewVoice(cfg Config, now func() time.Time) *Voice { return &Voice{newAccount("voice", cfg, now)} }

type (
	gather struct {
		Digits  int    `xml:"numDigits,attr"`
		Timeout int    `xml:"timeout,attr"`
		Method  string `xml:"method,attr"`
		Action  string `xml:"action,attr"`
		Say     []say  `xml:"Say"`
	}
	say struct {
		Lang string `xml:"language,attr"`
		Text string `xml:",chardata"`
	}
)

// spoken is a call's whole state. It travels in the address that the digits are
// posted to, which Twilio signs.
type spoken struct {
	text, lang   string
	ack, decline string // tokens
	turn         int
}

// Send calls a number and reads m out.
func (v *Voice) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := v.Check(address); err != nil {
		return notify.Receipt{}, err
	}
	if err := m.Validate(); err != nil {
		return notify.Receipt{}, err
	}
	s := spoken{text: notify.Line(m.Title, MaxSpoken), lang: m.Lang}
	for _, a := range m.SafeActions() {
		switch {
		case a.ID == notify.Ack && s.ack == "":
			s.ack = a.Token
		case a.ID == notify.Decline && s.decline == "":
			s.decline = a.Token
		}
	}
	doc, err := xml.Marshal(v.script(s))
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("write call %s: %w", m.ID, err)
	}
	form := url.Values{"To": {address}, "From": {v.cfg.From}, "Twiml": {string(doc)}, "Timeout": {"30"}}
	if back := v.hook("status", url.Values{"m": {m.ID}}); back != "" {
		form["StatusCallback"], form["StatusCallbackMethod"] = []string{back}, []string{http.MethodPost}
		form["StatusCallbackEvent"] = []string{"initiated", "ringing", "answered", "completed"}
	}
	r, err := v.create(ctx, "Calls", form)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("call %s: %w", m.ID, err)
	}
	return r, nil
}

// script says the message twice and, where a digit can come back, waits for one.
func (v *Voice) script(s spoken) response {
	lines := []say{{voiceOf(s.lang), s.text}}
	back := v.hook("digits", url.Values{"s": {s.text}, "l": {s.lang}, "a": {s.ack}, "d": {s.decline}, "n": {fmt.Sprint(s.turn)}})
	if back == "" || s.ack == "" && s.decline == "" || s.turn >= maxTurns {
		return response{Say: append(lines, lines...)}
	}
	lines = append(lines, say{voiceOf(s.lang), prompt(s)})
	return response{Gather: &gather{Digits: 1, Timeout: 10, Method: http.MethodPost, Action: back, Say: append(lines, lines...)}}
}

func voiceOf(lang string) string {
	if lang == "ja" {
		return "ja-JP"
	}
	return "en-US"
}

func prompt(s spoken) string {
	switch {
	case s.lang == "ja" && s.decline == "":
		return "対応する場合は4を押してください。"
	case s.lang == "ja":
		return "対応する場合は4、対応できない場合は6を押してください。"
	case s.decline == "":
		return "Press 4 to acknowledge."
	}
	return "Press 4 to acknowledge, or 6 if you are not available."
}

// Hooks hears digits, and what became of calls.
func (v *Voice) Hooks(b notify.Back) []notify.Hook {
	return []notify.Hook{
		{Pattern: "POST /hooks/voice/status", Handler: v.report(b, func(f url.Values) (string, string) { return f.Get("CallSid"), f.Get("CallStatus") })},
		{Pattern: "POST /hooks/voice/digits", Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			form, ok := v.signed(rw, r)
			if !ok {
				return
			}
			s := state(r.URL.Query())
			a := notify.Answer{Channel: v.name, Address: called(form)}
			switch strings.TrimSpace(form.Get("Digits")) {
			case "4":
				a.Action, a.Token = notify.Ack, s.ack
			case "6":
				a.Action, a.Token = notify.Decline, s.decline
			}
			if a.Token == "" {
				s.turn++
				respond(rw, v.script(s))
				return
			}
			text, err := b.Answered(r.Context(), a)
			if err != nil && !errs.Permanent(err) {
				httpsend.Fail(rw, err)
				return
			}
			if err != nil {
				text = httpsend.NotTaken
			}
			respond(rw, response{Say: []say{{voiceOf(s.lang), notify.Line(text, MaxSpoken)}}})
		})},
	}
}

func state(q url.Values) spoken {
	s := spoken{text: notify.Line(q.Get("s"), MaxSpoken), lang: q.Get("l"), turn: maxTurns}
	if n := q.Get("n"); len(n) == 1 && n[0] >= '0' && n[0] <= '9' {
		s.turn = int(n[0] - '0')
	}
	if t := q.Get("a"); notify.CheckToken(t) {
		s.ack = t
	}
	if t := q.Get("d"); notify.CheckToken(t) {
		s.decline = t
	}
	return s
}

// called is the number at the other end: To, since it was we who called.
func called(form url.Values) string {
	if strings.HasPrefix(form.Get("Direction"), "inbound") {
		return form.Get("From")
	}
	return form.Get("To")
}
