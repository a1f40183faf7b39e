package notifytest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
)

// Twilio is one account of Twilio's API of 2010-04-01 on a loopback port.
type Twilio struct {
	rest

	SID, Token string
	Front      string // "" where it cannot call

	sent struct {
		sync.Mutex

		messages []obj
		n        int
	}
}

// NewTwilio starts an API for the length of t, which calls back to front.
func NewTwilio(t *testing.T, front string) *Twilio {
	s := &Twilio{SID: "AC" + strings.Repeat("0f", 16), Token: "auth-token-0123456789", Front: front}
	s.sends = func(r *http.Request) bool { return r.Method == http.MethodPost }
	s.take, s.fail = s.create, s.refuse
	s.start(t)
	return s
}

func twilioError(rw http.ResponseWriter, status, code int, text string) {
	reply(rw, status, obj{"code": code, "message": text, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code), "status": status})
}

func (s *Twilio) refuse(rw http.ResponseWriter, r *http.Request, f Fault) {
	switch f {
	case Busy:
		twilioError(rw, 503, 20503, "Service unavailable "+r.Header.Get("Authorization"))
	case Throttle:
		rw.Header().Set("Retry-After", "7")
		twilioError(rw, 429, 20429, "Too Many Requests")
	case Forbid:
		twilioError(rw, 401, 20003, "Authenticate "+r.Header.Get("Authorization")+s.Token)
	default:
		twilioError(rw, 400, 21211, "The 'To' number +819012345678 is not a valid phone number.")
	}
}

func (s *Twilio) create(rw http.ResponseWriter, r *http.Request, body []byte) {
	user, pass, _ := r.BasicAuth()
	kind, ok := strings.CutPrefix(r.URL.Path, "/2010-04-01/Accounts/"+s.SID+"/")
	if user != s.SID || pass != s.Token {
		twilioError(rw, 401, 20003, "Authenticate")
		return
	}
	form, err := url.ParseQuery(string(body))
	switch {
	case !ok || err != nil:
		twilioError(rw, 404, 20404, "The requested resource was not found")
	case kind == "Messages.json" && r.Method == http.MethodGet:
		s.list(rw, r)
	case kind == "Messages.json":
		s.text(rw, form)
	case kind == "Calls.json":
		s.call(rw, form)
	default:
		twilioError(rw, 404, 20404, "The requested resource was not found")
	}
}

// list is the newest first, as Twilio's is.
func (s *Twilio) list(rw http.ResponseWriter, r *http.Request) {
	out := []obj{}
	s.sent.Lock()
	for _, m := range slices.Backward(s.sent.messages) {
		if to := r.URL.Query().Get("To"); to == "" || m["to"] == to {
			out = append(out, m)
		}
	}
	s.sent.Unlock()
	reply(rw, 200, obj{"messages": out, "page": 0, "page_size": 50, "next_page_uri": nil})
}

func (s *Twilio) sid(kind string) string {
	s.sent.Lock()
	defer s.sent.Unlock()
	s.sent.n++
	return fmt.Sprintf("%s%032x", kind, s.sent.n)
}

func (s *Twilio) text(rw http.ResponseWriter, form url.Values) {
	body := form.Get("Body")
	d := Delivery{Key: reference(body), Address: form.Get("To"), Text: body}
	d.Title, _, _ = strings.Cut(body, "\n")
	for line := range strings.Lines(body) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "http") {
			d.Links = append(d.Links, line)
		}
	}
	if n := segments(body); n > 2 || n == 0 {
		d.broken("%d segments: %q", n, body)
	}
	if form.Get("From") == "" && form.Get("MessagingServiceSid") == "" {
		d.broken("no sender")
	}
	s.keep(d, false)
	id := s.sid("SM")
	s.sent.Lock()
	s.sent.messages = append(s.sent.messages, obj{"sid": id, "to": form.Get("To"), "body": body, "status": "queued", "date_sent": nil, "direction": "outbound-api", "price": nil, "price_unit": "USD"})
	s.sent.Unlock()
	reply(rw, 201, obj{"sid": id, "status": "queued", "to": form.Get("To"), "error_code": nil})
}

// segments counts anew, so that a mistake of the channel's is not repeated here.
func segments(s string) int {
	seven := !strings.ContainsFunc(s, func(r rune) bool { return r > '~' || r == '`' || r < ' ' && r != '\n' })
	n := len(utf16.Encode([]rune(s)))
	if seven {
		for _, r := range s {
			if strings.ContainsRune("^{}\\[~]|", r) {
				n++
			}
		}
	}
	single, each := 70, 67
	if seven {
		single, each = 160, 153
	}
	if n <= single {
		return min(n, 1)
	}
	return (n + each - 1) / each
}

// twiml is what a phone would say and wait for.
type twiml struct {
	XMLName xml.Name `xml:"Response"`
	Message string   `xml:"Message"`
	Gather  *struct {
		NumDigits int       `xml:"numDigits,attr"`
		Action    string    `xml:"action,attr"`
		Method    string    `xml:"method,attr"`
		Say       []twimlIn `xml:"Say"`
	} `xml:"Gather"`
	Say []twimlIn `xml:"Say"`
}

type twimlIn struct {
	Language string `xml:"language,attr"`
	Text     string `xml:",chardata"`
}

func (s *Twilio) call(rw http.ResponseWriter, form url.Values) {
	d := Delivery{Address: form.Get("To")}
	if back, err := url.Parse(form.Get("StatusCallback")); err == nil {
		d.Key = back.Query().Get("m")
	}
	var x twiml
	if err := xml.Unmarshal([]byte(form.Get("Twiml")), &x); err != nil || len(form.Get("Twiml")) > 4000 {
		d.broken("twiml of %d bytes: %v", len(form.Get("Twiml")), err)
	}
	said := x.Say
	if x.Gather != nil {
		said = x.Gather.Say
		if x.Gather.NumDigits != 1 || x.Gather.Method != http.MethodPost {
			d.broken("gather %+v", x.Gather)
		}
		d.Buttons = []Button{{Text: "対応する", Data: "4 " + x.Gather.Action}, {Text: "できない", Data: "6 " + x.Gather.Action}}
	}
	if len(said) < 2 {
		d.broken("it is said %d times", len(said))
	}
	for i, line := range said {
		if line.Language != "ja-JP" && line.Language != "en-US" {
			d.broken("language %s", line.Language)
		}
		if i == 0 {
			d.Title = line.Text
		}
		d.Text += line.Text
	}
	s.keep(d, false)
	reply(rw, 201, obj{"sid": s.sid("CA"), "status": "queued", "to": form.Get("To"), "direction": "outbound-api"})
}

// Post calls us as Twilio does, with its signature, and returns the answer.
func (s *Twilio) Post(t *testing.T, address string, form url.Values) (status int, body string) {
	t.Helper()
	req := s.request(address, form, s.Token)
	return exchange(t, req)
}

func (s *Twilio) request(address string, form url.Values, token string) *http.Request {
	req := outside(address, []byte(form.Encode()))
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	keys := make([]string, 0, len(form))
	for k := range form {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		mac.Write([]byte(k + form.Get(k)))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return req
}

// Tap is somebody pressing a digit during a call.
func (s *Twilio) Tap(t *testing.T, b Button) {
	t.Helper()
	digit, action, _ := strings.Cut(b.Data, " ")
	form := url.Values{"CallSid": {"CA1"}, "AccountSid": {s.SID}, "To": {"+819012345678"}, "From": {"+815012345678"}, "Direction": {"outbound-api"}, "CallStatus": {"in-progress"}}
	// A wrong digit is answered with the message again, and leads to the same.
	status, body := s.Post(t, action, with(form, "Digits", "9"))
	var again twiml
	if err := xml.Unmarshal([]byte(body), &again); status != 200 || err != nil || again.Gather == nil || len(again.Gather.Say) < 2 {
		t.Fatalf("wrong digit: got %d %s, want the message again", status, body)
	}
	status, body = s.Post(t, again.Gather.Action, with(form, "Digits", digit))
	if xml.Unmarshal([]byte(body), &again) != nil || status != 200 || len(again.Say) != 1 || again.Say[0].Text != Said {
		t.Errorf("digit %s: got %d %s, want %q said", digit, status, body, Said)
	}
}

func with(form url.Values, key, value string) url.Values {
	out := url.Values{key: {value}}
	maps.Copy(out, form)
	return out
}

// Forge is what somebody sends who does not know the token.
func (s *Twilio) Forge(channel string) func(string, Button) []*http.Request {
	return func(front string, b Button) []*http.Request {
		form := url.Values{"From": {"+819012345678"}, "To": {"+819012345678"}, "Body": {"4"}, "MessageSid": {"SM1"}, "MessageStatus": {"delivered"}, "CallSid": {"CA1"}, "CallStatus": {"completed"}, "Digits": {"4"}}
		var out []*http.Request
		paths := []string{front + "/hooks/" + channel + "/status?m=x"}
		if channel == "sms" {
			paths = append(paths, front+"/hooks/sms/reply")
		} else {
			_, action, _ := strings.Cut(b.Data, " ")
			paths = append(paths, action)
		}
		for _, p := range paths {
			wrong := s.request(p, form, "another")
			none := s.request(p, form, s.Token)
			none.Header.Del("X-Twilio-Signature")
			moved := s.request(p, with(form, "extra", "1"), s.Token)
			moved.Body = io.NopCloser(strings.NewReader(form.Encode()))
			moved.ContentLength = int64(len(form.Encode()))
			out = append(out, wrong, none, moved)
		}
		return out
	}
}

// ReportSMS is the callback of a text's status.
func (s *Twilio) ReportSMS(t *testing.T, id string, state string) {
	s.Post(t, s.Front+"/hooks/sms/status?m=reported", url.Values{"MessageSid": {id}, "MessageStatus": {state}, "AccountSid": {s.SID}, "To": {"+819012345678"}, "Price": {"-0.0075"}, "PriceUnit": {"usd"}})
}

// ReportCall is the callback of a call's status.
func (s *Twilio) ReportCall(t *testing.T, id string, state string) {
	s.Post(t, s.Front+"/hooks/voice/status?m=reported", url.Values{"CallSid": {id}, "CallStatus": {state}, "AccountSid": {s.SID}, "CallDuration": {"12"}})
}
