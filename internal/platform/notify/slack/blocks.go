package slack

import (
	"fmt"
	"strings"
	"unicode/utf16"

	slackgo "github.com/slack-go/slack"

	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Slack's limits, which it counts in UTF-16 units at the strictest.
const (
	maxHeader   = 150
	maxSection  = 3000
	maxSections = 4 // of the body: nobody reads more of a page in a chat
	maxLinks    = 8
	maxButton   = 75
)

// MaxBody is the most of a body that is shown, in runes.
const MaxBody = maxSection * maxSections

// blocks lays m out: a header, the body, the links, and a line of context.
func blocks(m notify.Message, hears bool) []slackgo.Block {
	out := []slackgo.Block{slackgo.NewHeaderBlock(
		slackgo.NewTextBlockObject(slackgo.PlainTextType, clip16(m.Kind.Mark()+notify.Line(m.Title, maxHeader), maxHeader), false, false),
		// The only field of a webhook's message that can carry an identity.
		slackgo.HeaderBlockOptionBlockID("hinoban-"+m.ID),
	)}
	for _, part := range pieces(notify.Lines(m.Body, MaxBody)) {
		out = append(out, section(part))
	}
	out = append(out, actions(m, hears)...)
	var links []string
	for _, l := range m.SafeLinks() {
		link := fmt.Sprintf("<%s|%s>", escapeURL(l.URL), escape(strings.ReplaceAll(l.Text, "|", "¦")))
		if len(links) == maxLinks || notify.Len16(strings.Join(append(links, link), "  ·  ")) > maxSection {
			break
		}
		links = append(links, link)
	}
	if len(links) > 0 {
		out = append(out, section(strings.Join(links, "  ·  ")))
	}
	out = append(out, asked(m)...)
	var foot []string
	if s := notify.Line(m.Severity, 40); s != "" {
		foot = append(foot, escape(s))
	}
	if !m.At.IsZero() {
		// Slack shows the time in the zone of whoever reads it.
		foot = append(foot, fmt.Sprintf("<!date^%d^{date_short_pretty} {time_secs}|%s>", m.At.Unix(), m.At.UTC().Format("2006-01-02 15:04:05 UTC")))
	}
	if len(foot) > 0 {
		out = append(out, slackgo.NewContextBlock("", slackgo.NewTextBlockObject(slackgo.MarkdownType, strings.Join(foot, "  ·  "), false, true)))
	}
	return out
}

// actions is what the receiver can do, as buttons that come back to us or lead
// to a page.
func actions(m notify.Message, hears bool) []slackgo.Block {
	var buttons []slackgo.BlockElement
	seen := map[string]bool{}
	for i, a := range m.SafeActions() {
		b := slackgo.NewButtonBlockElement(actionPrefix+a.ID, "", slackgo.NewTextBlockObject(slackgo.PlainTextType, clip16(a.Text, maxButton), false, false))
		switch {
		case hears && a.Token != "":
			b.Value = a.Token
		case a.URL == "":
			continue
		default:
			b.URL = a.URL
		}
		if a.ID == notify.Ack {
			b.Style = slackgo.StylePrimary
		}
		if seen[a.ID] {
			b.ActionID += fmt.Sprintf("-%d", i) // the names within one block must differ
		}
		seen[a.ID] = true
		buttons = append(buttons, b)
	}
	if len(buttons) == 0 {
		return nil
	}
	return []slackgo.Block{slackgo.NewActionBlock(actionBlock, buttons...)}
}

const (
	actionBlock  = "hinoban-act"
	actionPrefix = "hinoban-"
)

// asked is m's question with a button for each answer. The buttons only lead to
// a page: Slack needs to know nothing of us for that.
func asked(m notify.Message) []slackgo.Block {
	ask, ok := m.SafeAsk()
	if !ok {
		return nil
	}
	var out []slackgo.Block
	if ask.Text != "" {
		out = append(out, section("*"+escape(ask.Text)+"*"))
	}
	var buttons []slackgo.BlockElement
	for i, a := range ask.Answers {
		b := slackgo.NewButtonBlockElement(fmt.Sprintf("answer-%d", i), "", slackgo.NewTextBlockObject(slackgo.PlainTextType, clip16(a.Text, maxButton), false, false))
		b.URL = a.URL
		buttons = append(buttons, b)
	}
	return append(out, slackgo.NewActionBlock("hinoban-ask", buttons...))
}

func section(mrkdwn string) slackgo.Block {
	return slackgo.NewSectionBlock(slackgo.NewTextBlockObject(slackgo.MarkdownType, mrkdwn, false, true), nil, nil)
}

// fallback is what a phone's lock screen and a screen reader show.
func fallback(m notify.Message) string {
	return escape(m.Kind.Mark() + notify.Line(m.Title, 300))
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func escapeURL(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C").Replace(s)
}

// pieces escapes s and cuts it into sections: no cut inside a rune or an
// escape, at most maxSections, with an ellipsis where something is lost.
func pieces(s string) []string {
	var out []string
	var b strings.Builder
	size := 0
	flush := func() {
		if strings.TrimSpace(b.String()) != "" {
			out = append(out, b.String())
		}
		b.Reset()
		size = 0
	}
	for _, r := range s {
		e := escape(string(r))
		n := notify.Len16(e)
		if size+n > maxSection-1 {
			if len(out) == maxSections-1 {
				b.WriteString("…")
				break
			}
			flush()
		}
		b.WriteString(e)
		size += n
	}
	flush()
	return out
}

func clip16(s string, n int) string {
	if notify.Len16(s) <= n {
		return s
	}
	size := 0
	for i, r := range s {
		if size += max(utf16.RuneLen(r), 1); size > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}
