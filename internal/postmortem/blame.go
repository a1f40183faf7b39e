package postmortem

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Blameless refuses sentences about causes that name a person or call a person
// the cause: an error of kind Invalid that says which line, and what to write
// instead. Other sections may say who did what.
func Blameless(key Key, sentences []Sentence, people []catalog.Person) error {
	if key != Contributing && key != Questions {
		return nil
	}
	for n, s := range sentences {
		for _, p := range people {
			if name := named(s.Text, p); name != "" {
				return errs.New(errs.Invalid, "line %d names %s: about causes write the role or the service, such as “the person on call”", n+1, name)
			}
		}
		for _, w := range []string{"human error", "operator error", "ヒューマンエラー", "人為ミス", "人為的ミス"} {
			if strings.Contains(strings.ToLower(s.Text), w) {
				return errs.New(errs.Invalid, "line %d says “%s”: write what made the mistake possible", n+1, w)
			}
		}
	}
	return nil
}

// named returns p's name where text names p, or "".
func named(text string, p catalog.Person) string {
	names := append([]string{p.ID, p.Name}, p.Aliases...)
	names = append(names, strings.FieldsFunc(p.Name, func(r rune) bool { return !unicode.IsLetter(r) })...)
	if slices.ContainsFunc(names, func(name string) bool { return utf8.RuneCountInString(name) > 1 && holds(text, name) }) {
		return cmp.Or(p.Name, p.ID)
	}
	return ""
}

// holds reports whether name stands in text as a word of its own. In Japanese
// words are not set apart, so there any place counts.
func holds(text, name string) bool {
	text, name = strings.ToLower(text), strings.ToLower(name)
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(name)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if !latin(before) && !latin(after) {
			return true
		}
		from = end
	}
}

// latin reports whether r would make a longer word of a name beside it.
func latin(r rune) bool {
	return r == '-' || r == '_' || (unicode.In(r, unicode.Latin) || unicode.IsDigit(r))
}
