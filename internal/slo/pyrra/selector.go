package pyrra

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// matcher is one condition of a selector.
type matcher struct{ name, op, value string }

func (m matcher) String() string { return m.name + m.op + strconv.Quote(m.value) }

func (m matcher) regexp() bool { return m.op == "=~" || m.op == "!~" }

// selector is a metric's name and conditions, in the order of their writing.
type selector struct {
	name     string
	matchers []matcher
}

// parseSelector reads a bare selector. It is Invalid where q is anything else.
func parseSelector(q string) (s selector, err error) {
	q = strings.TrimSpace(q)
	if err := metrics.ParseQuery(q); err != nil {
		return s, err
	}
	name, rest, has := strings.Cut(q, "{")
	s.name = strings.TrimSpace(name)
	if s.name == "" || strings.ContainsAny(s.name, " \t\n()[]+-*/%^<>=!\"'`@,#") {
		return s, errs.New(errs.Invalid, "%q is not the bare selector of one metric", q)
	}
	if !has {
		return s, nil
	}
	for {
		rest = strings.TrimLeft(rest, " \t\r\n,")
		if after, end := strings.CutPrefix(rest, "}"); end {
			if strings.TrimSpace(after) != "" {
				return s, errs.New(errs.Invalid, "%q is not the bare selector of one metric", q)
			}
			return s, nil
		}
		var m matcher
		if m, rest, err = parseMatcher(rest); err != nil {
			return s, errs.New(errs.Invalid, "%q: %w", q, err)
		}
		s.matchers = append(s.matchers, m)
	}
}

func parseMatcher(q string) (m matcher, rest string, err error) {
	i := strings.IndexAny(q, "=!")
	if i <= 0 {
		return m, "", fmt.Errorf("a matcher has the form label=\"value\"")
	}
	m.name = strings.TrimSpace(q[:i])
	for _, op := range []string{"=~", "!~", "!=", "="} {
		if after, ok := strings.CutPrefix(q[i:], op); ok {
			m.op, rest = op, strings.TrimLeft(after, " \t\r\n")
			break
		}
	}
	if m.op == "" || rest == "" || strings.ContainsAny(m.name, "\"'` \t\n#") {
		return m, "", fmt.Errorf("a matcher has the form label=\"value\"")
	}
	m.value, rest, err = unquote(rest)
	return m, rest, err
}

// unquote reads a string of PromQL: in ", ' or backticks.
func unquote(q string) (value, rest string, err error) {
	mark := q[0]
	if !strings.ContainsRune("\"'`", rune(mark)) {
		return "", "", fmt.Errorf("a value stands in quotes")
	}
	end := 1
	for ; end < len(q) && q[end] != mark; end++ {
		if q[end] == '\\' && mark != '`' {
			end++
		}
	}
	if end >= len(q) {
		return "", "", fmt.Errorf("a quote is open")
	}
	body, rest := q[1:end], q[end+1:]
	if mark == '`' {
		return body, rest, nil
	}
	var b strings.Builder
	for body != "" {
		r, wide, tail, err := strconv.UnquoteChar(body, mark)
		if err != nil {
			return "", "", fmt.Errorf("%q cannot be read", body)
		}
		if wide {
			b.WriteRune(r)
		} else {
			b.WriteByte(byte(r))
		}
		body = tail
	}
	return b.String(), rest, nil
}

// String is the selector as Prometheus writes it, conditions sorted.
func (s selector) String() string {
	if len(s.matchers) == 0 {
		return s.name
	}
	parts := make([]string, len(s.matchers))
	for i, m := range s.matchers {
		parts[i] = m.String()
	}
	slices.Sort(parts)
	return s.name + "{" + strings.Join(parts, ",") + "}"
}

// named is s as another metric.
func (s selector) named(name string, more ...matcher) selector {
	return selector{name, append(slices.Clone(s.matchers), more...)}
}

// over is s over a window: name{…}[5m].
func (s selector) over(window string) string { return s.String() + "[" + window + "]" }
