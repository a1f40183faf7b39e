package am

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// maxText is what a person may paste.
const maxText = 256 << 10

// ParseMatchers reads matchers as a person types them, one or more to a line, as
// Alertmanager writes them: service="shop", region=~"eu-.*". Braces around them
// are allowed. Invalid, with the line.
func ParseMatchers(text string) (labels.Matchers, error) {
	if len(text) > maxText {
		return nil, errs.New(errs.Invalid, "matchers: at most %d KiB of text", maxText>>10)
	}
	if !utf8.ValidString(text) {
		return nil, errs.New(errs.Invalid, "matchers: the text is not UTF-8")
	}
	if err := fallback(); err != nil {
		return nil, err
	}
	var out labels.Matchers
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSuffix(strings.TrimSpace(line), ","); line == "" {
			continue
		}
		ms, err := compat.Matchers(line, "form")
		if err != nil {
			return nil, errs.New(errs.Invalid, `line %d: %w: write name="value", name!="value", name=~"regex" or name!~"regex"`, n, err)
		}
		for _, m := range ms {
			if m.Name != dispatch.AckLabel && !ValidName(m.Name) {
				return nil, errs.New(errs.Invalid, "line %d: %q is no name of a label", n, clip(m.Name))
			}
		}
		out = append(out, ms...)
	}
	return out, nil
}

// OfMatchers are matchers as a silence keeps them.
func OfMatchers(ms labels.Matchers) []dispatch.Matcher {
	out := make([]dispatch.Matcher, 0, len(ms))
	for _, m := range ms {
		equal := m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp
		out = append(out, dispatch.Matcher{Name: m.Name, Value: m.Value, IsEqual: &equal, IsRegex: m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp})
	}
	return out
}

// MatcherText writes matchers one to a line, as [ParseMatchers] reads them.
func MatcherText(ms []dispatch.Matcher) string {
	lines := make([]string, 0, len(ms))
	for _, m := range ms {
		lines = append(lines, (&labels.Matcher{Type: m.Type(), Name: m.Name, Value: m.Value}).String())
	}
	return strings.Join(lines, "\n")
}

// ParseLabels reads an alert's labels as a person pastes them: a=b to a line, a JSON
// object, or {a="b", c="d"}. Invalid, with what could not be read.
func ParseLabels(text string) (map[string]string, error) {
	text = strings.TrimSpace(text)
	switch {
	case len(text) > maxText:
		return nil, errs.New(errs.Invalid, "labels: at most %d KiB of text", maxText>>10)
	case !utf8.ValidString(text):
		return nil, errs.New(errs.Invalid, "labels: the text is not UTF-8")
	case strings.HasPrefix(text, "{") && strings.Contains(text, `":`) || text == "{}":
		out := map[string]string{}
		if err := json.Unmarshal([]byte(text), &out); err == nil {
			return checkedLabels(out)
		}
		fallthrough
	case strings.HasPrefix(text, "{"):
		return braced(text)
	}
	out := map[string]string{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSuffix(strings.TrimSpace(line), ","); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, errs.New(errs.Invalid, "line %d: %q has no =: write name=value", n, clip(line))
		}
		out[strings.TrimSpace(name)] = unquoted(strings.TrimSpace(value))
	}
	return checkedLabels(out)
}

// braced reads {a="b"}, whose matchers must all say what a label is.
func braced(text string) (map[string]string, error) {
	if err := fallback(); err != nil {
		return nil, err
	}
	ms, err := compat.Matchers(text, "form")
	if err != nil {
		return nil, errs.New(errs.Invalid, `labels: %w: write name=value to a line, a JSON object of strings, or {name="value"}`, err)
	}
	out := map[string]string{}
	for _, m := range ms {
		if m.Type != labels.MatchEqual {
			return nil, errs.New(errs.Invalid, "labels: %s does not say what the label is: only = does", m)
		}
		out[m.Name] = m.Value
	}
	return checkedLabels(out)
}

// checkedLabels refuses names that no label has, and drops labels without a value.
func checkedLabels(in map[string]string) (map[string]string, error) {
	if err := fallback(); err != nil {
		return nil, err
	}
	for k, v := range in {
		if k != dispatch.AckLabel && !ValidName(k) {
			return nil, errs.New(errs.Invalid, "labels: %q is no name of a label", clip(k))
		}
		if v == "" {
			delete(in, k)
		}
	}
	return in, nil
}

func unquoted(v string) string {
	if len(v) >= 2 && v[0] == '"' {
		var s string
		if err := json.Unmarshal([]byte(v), &s); err == nil {
			return s
		}
	}
	return v
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
