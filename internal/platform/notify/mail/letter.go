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

// answerStyle makes a button of a link: large enough for a thumb, in letters that
// know no style sheet.
const answerStyle = "display:inline-block;margin:0 8px 8px 0;padding:12px 16px;border:1px solid #888;border-radius:6px;text-decoration:none;color:inherit"

func (c *Channel) letter(address string, m notify.Message) (*gomail.Msg, error) {
	title, text := notify.Line(m.Title, MaxTitle), notify.Lines(m.Body, MaxBody)
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
	msg.SetBodyString(gomail.TypeTextPlain, plain(m, title, text))
	msg.AddAlternativeString(gomail.TypeTextHTML, hypertext(m, title, text))
	return msg, nil
}

func plain(m notify.Message, title, text string) string {
	var b strings.Builder
	b.WriteString(title + "\n")
	if text != "" {
		b.WriteString("\n" + text + "\n")
	}
	for _, l := range m.AllLinks() {
		b.WriteString("\n" + l.Text + ": " + l.URL)
	}
	if ask, ok := m.SafeAsk(); ok {
		b.WriteString("\n\n" + ask.Text)
		for _, l := range ask.Answers {
			b.WriteString("\n" + l.Text + ": " + l.URL)
		}
	}
	return b.String() + "\n"
}

func hypertext(m notify.Message, title, text string) string {
	lang := m.Lang
	if lang != "ja" {
		lang = "en"
	}
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="` + lang + `"><head><meta charset="utf-8"></head><body style="font-family:sans-serif">`)
	b.WriteString("<h2>" + html.EscapeString(title) + "</h2>")
	b.WriteString(buttons(m))
	if text != "" {
		b.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(text), "\n", "<br>") + "</p>")
	}
	for _, l := range m.SafeLinks() {
		b.WriteString(`<p><a href="` + html.EscapeString(l.URL) + `">` + html.EscapeString(l.Text) + "</a></p>")
	}
	if ask, ok := m.SafeAsk(); ok {
		b.WriteString("<hr><p><b>" + html.EscapeString(ask.Text) + "</b></p><p>")
		for _, l := range ask.Answers {
			b.WriteString(`<a href="` + html.EscapeString(l.URL) + `" style="` + answerStyle + `">` + html.EscapeString(l.Text) + "</a> ")
		}
		b.WriteString("</p>")
	}
	b.WriteString("</body></html>")
	return b.String()
}

// ackStyle makes the first action the one that a thumb finds in the dark.
const ackStyle = "display:inline-block;margin:0 8px 8px 0;padding:16px 28px;border-radius:6px;font-size:18px;font-weight:bold;text-decoration:none;color:#fff;background:#b3400a"

func buttons(m notify.Message) string {
	var b strings.Builder
	style := ackStyle
	for _, a := range m.SafeActions() {
		if a.URL != "" {
			b.WriteString(`<a href="` + html.EscapeString(a.URL) + `" style="` + style + `">` + html.EscapeString(a.Text) + "</a> ")
			style = answerStyle
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "<p>" + b.String() + "</p>"
}
