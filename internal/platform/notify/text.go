package notify

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const ellipsis = "…"

// Clip shortens s to at most n runes, the last an ellipsis where some are lost.
func Clip(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	if n <= 0 {
		return ""
	}
	kept := 0
	for i := range s {
		if kept++; kept == n {
			return s[:i] + ellipsis
		}
	}
	return s
}

// Len16 is the length of s in UTF-16 units, in which several providers count.
func Len16(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// Line makes one line of s, at most n runes long, without control characters
// and without those that turn the direction of the text around.
func Line(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case hidden(r):
			return -1
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return ' '
		}
		return r
	}, strings.ToValidUTF8(head(s, n), "\uFFFD"))
	return Clip(strings.Join(strings.Fields(s), " "), n)
}

// Lines cleans s as Line does, but keeps its lines and tabs.
func Lines(s string, n int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(head(s, n), "\uFFFD"), "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u2028' || r == '\u2029':
			return '\n'
		case hidden(r):
			return -1
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, s)
	return Clip(strings.TrimSpace(s), n)
}

// head cuts a huge text early, so that cleaning costs no more than what is
// kept; with room for the white space that cleaning removes.
func head(s string, n int) string {
	most := 2 * utf8.UTFMax * (max(n, 0) + 1)
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

func hidden(r rune) bool {
	return r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069' || r == '\u200E' || r == '\u200F' || r == '\uFEFF'
}

const maxLinks = 20

// SafeLinks returns the links of m that lead to http or https pages, at most
// 20, with their texts cleaned; a link without a text is called by its address.
func (m Message) SafeLinks() []Link { return safe(m.Links) }

// SafeAsk returns the question of m with its answers as [Message.SafeLinks]
// returns links: at most 5. ok is false where there is nothing to tap.
func (m Message) SafeAsk() (ask Ask, ok bool) {
	ask = Ask{Text: Line(m.Ask.Text, 150), Answers: safe(m.Ask.Answers)}
	ask.Answers = ask.Answers[:min(len(ask.Answers), maxAnswers)]
	return ask, len(ask.Answers) > 0
}

const maxAnswers = 5

// MaxToken is the most bytes of an action's token: Telegram takes no more with
// what says the action in front.
const MaxToken = 60

// SafeActions returns what the receiver of m can do, at most 5, with texts
// cleaned: an action of neither a page nor a token is left out, and so is a page
// that is not on http or https, or a token that no protocol would carry.
func (m Message) SafeActions() []Action {
	var out []Action
	for _, a := range m.Actions {
		if a.ID != Ack && a.ID != Decline || len(out) == maxAnswers {
			continue
		}
		kept := Action{ID: a.ID, Text: Line(a.Text, 80)}
		if kept.Text == "" {
			kept.Text = a.ID
		}
		if l := safe([]Link{{URL: a.URL}}); len(l) == 1 {
			kept.URL = l[0].URL
		}
		if CheckToken(a.Token) {
			kept.Token = a.Token
		}
		if kept.URL != "" || kept.Token != "" {
			out = append(out, kept)
		}
	}
	return out
}

// CheckToken reports whether s may be the token of an action.
func CheckToken(s string) bool {
	return s != "" && len(s) <= MaxToken && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}

// AllLinks returns the pages of m's actions and then its other links: what a
// channel shows that hears no taps.
func (m Message) AllLinks() []Link {
	var out []Link
	for _, a := range m.SafeActions() {
		if a.URL != "" {
			out = append(out, Link{Text: a.Text, URL: a.URL})
		}
	}
	return append(out, m.SafeLinks()...)
}

// Ref is a short name of a message, by which people and providers can tell that
// two are one. It is made of the ID and always the same.
func Ref(id string) string {
	h := sha256.Sum256([]byte(id))
	return base32.StdEncoding.EncodeToString(h[:5])
}

// UUID returns id as a UUID: itself, or one made of it.
func UUID(id string) string {
	if regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(id) {
		return id
	}
	h := sha256.Sum256([]byte(id))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

func safe(links []Link) []Link {
	var out []Link
	for _, l := range links {
		if len(out) == maxLinks {
			break
		}
		u, err := url.Parse(l.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || len(l.URL) > 2000 {
			continue
		}
		text := Line(l.Text, 80)
		if text == "" {
			text = Line(u.Host+u.Path, 80)
		}
		out = append(out, Link{Text: text, URL: u.String()})
	}
	return out
}
