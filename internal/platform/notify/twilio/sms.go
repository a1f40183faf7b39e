package twilio

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

// MaxText is the most characters of a text: two segments, when all are GSM-7.
const MaxText = 2 * 153

// SMS sends texts.
type SMS struct{ account }

var (
	_ notify.Channel = (*SMS)(nil)
	_ notify.Hooked  = (*SMS)(nil)
	_ notify.Finder  = (*SMS)(nil)
)

// NewSMS returns the channel "sms"; cfg must be valid and have an account.
func NewSMS(cfg Config, now func() time.Time) *SMS { return &SMS{newAccount("sms", cfg, now)} }

// Send texts m to a number.
func (s *SMS) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := s.Check(address); err != nil {
		return notify.Receipt{}, err
	}
	if err := m.Validate(); err != nil {
		return notify.Receipt{}, err
	}
	form := url.Values{"To": {address}, "Body": {text(m, s.cfg.Public != "")}}
	if strings.HasPrefix(s.cfg.From, "MG") {
		form.Set("MessagingServiceSid", s.cfg.From)
	} else {
		form.Set("From", s.cfg.From)
	}
	if back := s.hook("status", url.Values{"m": {m.ID}}); back != "" {
		form.Set("StatusCallback", back)
	}
	r, err := s.create(ctx, "Messages", form)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("sms %s: %w", m.ID, err)
	}
	return r, nil
}

// Find looks for m's short name among the latest texts to a number. It does not
// ask for a date: a text that is still queued has none.
func (s *SMS) Find(ctx context.Context, address string, m notify.Message) (notify.Receipt, bool, error) {
	if err := s.Check(address); err != nil {
		return notify.Receipt{}, false, err
	}
	ans, err := httpsend.Get(ctx, s.client, s.resource("Messages")+"?"+url.Values{"To": {address}, "PageSize": {"50"}}.Encode(), s.header())
	if err == nil {
		err = s.judge(ans)
	}
	if err != nil {
		return notify.Receipt{}, false, fmt.Errorf("look for sms %s: %w", m.ID, err)
	}
	var said struct {
		Messages []struct {
			created

			Body string `json:"body"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(ans.Body, &said); err != nil {
		return notify.Receipt{}, false, errs.New(errs.Unavailable, "look for sms %s: answer is not Twilio's", m.ID)
	}
	for _, got := range said.Messages {
		if state, _ := stateOf(got.Status); state != notify.Undelivered && strings.HasSuffix(got.Body, "#"+notify.Ref(m.ID)) {
			return notify.Receipt{ProviderID: notify.Line(got.SID, 40), Detail: notify.Line(got.Status, 40)}, true, nil
		}
	}
	return notify.Receipt{}, false, nil
}

// Hooks hears what became of texts, and what is texted back. The second path is
// what a number's messaging webhook is set to.
func (s *SMS) Hooks(b notify.Back) []notify.Hook {
	return []notify.Hook{
		{Pattern: "POST /hooks/sms/status", Handler: s.report(b, func(f url.Values) (string, string) { return f.Get("MessageSid"), f.Get("MessageStatus") })},
		{Pattern: "POST /hooks/sms/reply", Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			form, ok := s.signed(rw, r)
			if !ok {
				return
			}
			action := Word(form.Get("Body"))
			from := form.Get("From")
			if action == "" || s.Check(from) != nil {
				respond(rw, response{})
				return
			}
			say, err := b.Answered(r.Context(), notify.Answer{Channel: s.name, Action: action, Address: from})
			if err != nil && !errs.Permanent(err) {
				httpsend.Fail(rw, err)
				return
			}
			if err != nil {
				say = httpsend.NotTaken
			}
			respond(rw, response{Message: notify.Line(say, 120)})
		})},
	}
}

// Word returns the action that a text begins with, or "".
func Word(text string) string {
	text = strings.ToLower(strings.TrimSpace(notify.Line(text, 100)))
	for _, w := range []string{"了解", "対応"} {
		if strings.HasPrefix(text, w) {
			return notify.Ack
		}
	}
	for _, w := range []string{"無理", "不可", "できない"} {
		if strings.HasPrefix(text, w) {
			return notify.Decline
		}
	}
	word := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,.!:;、。", r) })
	if len(word) == 0 {
		return ""
	}
	switch word[0] {
	case "4", "\uff14", "ack", "ok", "yes":
		return notify.Ack
	case "6", "\uff16", "no", "decline", "nack":
		return notify.Decline
	}
	return ""
}

// response is TwiML. Its texts are escaped by the encoder.
type response struct {
	XMLName xml.Name `xml:"Response"`
	Message string   `xml:"Message,omitempty"`
	Gather  *gather  `xml:"Gather"`
	Say     []say    `xml:"Say"`
}

func respond(rw http.ResponseWriter, v response) {
	body, err := xml.Marshal(v)
	if err != nil {
		rw.WriteHeader(http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/xml; charset=utf-8")
	rw.Write(append([]byte(xml.Header), body...))
}

// text is at most two segments: as much of the title as there is room for, then
// the page's address, how to answer, and the short name.
func text(m notify.Message, replies bool) string {
	var tail strings.Builder
	links := m.AllLinks()
	if len(links) > 0 && Segments("…\n"+links[0].URL+"\n"+hint(m, replies)+"#"+notify.Ref(m.ID)+"火") <= 2 {
		tail.WriteString("\n" + links[0].URL)
	}
	tail.WriteString("\n" + hint(m, replies) + "#" + notify.Ref(m.ID))
	title := notify.Line(m.Title, MaxText)
	if s := notify.Line(m.Severity, 20); s != "" && m.Kind == notify.Page {
		title = notify.Line("["+s+"] "+m.Title, MaxText)
	}
	for n := MaxText; n > 0; n-- {
		if out := notify.Clip(title, n) + tail.String(); Segments(out) <= 2 {
			return out
		}
	}
	return notify.Clip(title, 20) + "\n#" + notify.Ref(m.ID)
}

func hint(m notify.Message, replies bool) string {
	switch {
	case !replies || len(m.SafeActions()) == 0:
		return ""
	case m.Lang == "ja":
		return "返信 4:対応 6:不可 "
	}
	return "Reply 4 ack, 6 no. "
}

// The basic characters of GSM 03.38, and those that cost two.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑܧ¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmTwice = "^{}\\[~]|€\f"
)

// Segments counts the messages that a text is carried and paid as: of 160 or 153
// GSM-7 characters or, where one is none of these, of 70 or 67 UTF-16 units.
func Segments(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			n++
		case strings.ContainsRune(gsmTwice, r):
			n += 2
		default:
			return parts(len(utf16.Encode([]rune(s))), 70, 67)
		}
	}
	return parts(n, 160, 153)
}

func parts(n, single, each int) int {
	if n <= single {
		return 1
	}
	return (n + each - 1) / each
}
