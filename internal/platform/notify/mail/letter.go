package mail

import (
	"html"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// The most that is sent, in runes.
const (
	MaxTitle = 200
	MaxBody  = 32 << 10
)

func (c *Channel) letter(address string, m notify.Message) (*gomail.Msg, error) {
	title, text, links := notify.Line(m.Title, MaxTitle), notify.Lines(m.Body, MaxBody), m.SafeLinks()
	enc := gomail.EncodingQP
	if strings.ContainsFunc(title+text, func(r rune) bool { return r > '~' }) {
		enc = gomail.EncodingB64 // a third of the size for Japanese
	}
	msg := gomail.NewMsg(gomail.WithEncoding(enc), gomail.WithNoDefaultUserAgent())
	if err := msg.From(c.cfg.From); err != nil {
		return nil, errs.New(errs.Invalid, "sender: %w", err)
	}
	if err := msg.To(address); err != nil {
		return nil, errs.New(errs.Invalid, "recipient: %w", err)
	}
	msg.SetMessageIDWithValue(messageID(m.ID, c.domain()))
	msg.SetDateWithValue(m.At)
	subject := title
	if s := notify.Line(m.Severity, 40); s != "" {
		subject = "[" + s + "] " + title
	}
	msg.Subject(subject)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Hinoban-Id", m.ID)
	msg.SetGenHeader("X-Hinoban-Kind", string(m.Kind))
	if m.Kind == notify.Page {
		msg.SetImportance(gomail.ImportanceUrgent)
	}
	msg.SetBodyString(gomail.TypeTextPlain, plain(title, text, links))
	msg.AddAlternativeString(gomail.TypeTextHTML, hypertext(m.Lang, title, text, links))
	return msg, nil
}

func plain(title, text string, links []notify.Link) string {
	var b strings.Builder
	b.WriteString(title + "\n")
	if text != "" {
		b.WriteString("\n" + text + "\n")
	}
	for _, l := range links {
		b.WriteString("\n" + l.Text + ": " + l.URL)
	}
	return b.String() + "\n"
}

func hypertext(lang, title, text string, links []notify.Link) string {
	if lang != "ja" {
		lang = "en"
	}
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="` + lang + `"><head><meta charset="utf-8"></head><body style="font-family:sans-serif">`)
	b.WriteString("<h2>" + html.EscapeString(title) + "</h2>")
	if text != "" {
		b.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(text), "\n", "<br>") + "</p>")
	}
	for _, l := range links {
		b.WriteString(`<p><a href="` + html.EscapeString(l.URL) + `">` + html.EscapeString(l.Text) + "</a></p>")
	}
	b.WriteString("</body></html>")
	return b.String()
}
