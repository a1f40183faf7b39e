package score

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Form is how a rule is written down.
type Form string

// The forms.
const (
	Native     Form = "alertrule"  // kind: AlertRule
	Prometheus Form = "prometheus" // a rule file of Prometheus
)

// Written is where a rule is written down.
type Written struct {
	Rule string
	File string
	Form Form
	Sum  string // of what it says
	For  time.Duration

	text string // the whole file
	at   ascode.Place
}

// ReadRules finds the rules in files (path → text). Of two with one name the
// first by file and place counts.
func ReadRules(files map[string]string) map[string]Written {
	out := map[string]Written{}
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, file := range names {
		text := files[file]
		if !strings.Contains(text, "AlertRule") && !strings.Contains(text, "alert:") {
			continue
		}
		ascode.Each(text, []string{"[]", "groups[].rules[]", "spec.groups[].rules[]"}, func(at ascode.Place, v ascode.Value) {
			w := Written{File: file, text: text, at: at}
			switch {
			case v.Text("kind") == "AlertRule" && v.Text("metadata.name") != "":
				w.Rule, w.Form, w.For = v.Text("metadata.name"), Native, length(v.Text("spec.what.for"))
			case strings.Contains(at.Path, "rules[") && v.Text("alert") != "":
				w.Rule, w.Form, w.For = v.Text("alert"), Prometheus, length(v.Text("for"))
			default:
				return
			}
			if _, twice := out[w.Rule]; !twice {
				w.Sum = v.Sum()
				out[w.Rule] = w
			}
		})
	}
	return out
}

// length reads a duration as Prometheus writes it: "1h30m", "2d". 0 where it is
// none.
func length(s string) time.Duration {
	var total time.Duration
	for s != "" {
		i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if i <= 0 {
			return 0
		}
		n, err := strconv.ParseInt(s[:i], 10, 32)
		if err != nil {
			return 0
		}
		s = s[i:]
		j := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' })
		if j < 0 {
			j = len(s)
		}
		unit, ok := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": Day, "w": 7 * Day, "y": 365 * Day}[s[:j]]
		if !ok {
			return 0
		}
		total += time.Duration(n) * unit
		s = s[j:]
	}
	return total
}

// LengthText writes whole seconds as [length] reads them.
func LengthText(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= u.unit && d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}

// Patch is a change of the rule as a unified diff of its file. Invalid where the
// file is written so that one line cannot say it.
func (w Written) Patch(c Change) (string, error) {
	field, value := "spec.when.urgency", string(alert.Ticket)
	if w.Form == Prometheus {
		field = "labels.severity"
	}
	switch c.Kind {
	case Delete:
		text, err := ascode.Cut(w.text, w.at)
		return w.diff(text, err)
	case Longer:
		field, value = "spec.what.for", LengthText(w.For+c.By)
		if w.Form == Prometheus {
			field = "for"
		}
	case Demote:
	}
	text, err := ascode.Rewrite(w.text, w.at, field, value)
	return w.diff(text, err)
}

func (w Written) diff(text string, err error) (string, error) {
	if err != nil {
		return "", errs.New(errs.KindOf(err), "change %s in %s: %w", w.Rule, w.File, err)
	}
	return ascode.Unified(w.File, w.text, text), nil
}
