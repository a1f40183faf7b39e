package lint

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/metrics"
)

// query looks at the PromQL of the objective's SLI.
func (c *checker) query() {
	s := c.o.SLI
	if s.Threshold != "" {
		c.threshold()
		return
	}
	if s.Total == "" {
		return
	}
	total, err := metrics.Inspect(s.Total)
	if err != nil {
		return // whoever reads the document says so
	}
	switch {
	case total.Filters && !total.Fallback:
		c.say(EmptyDenominator, Warning, "leave the comparison out, or add: or vector(0)", "the total may be empty: it is filtered, and nothing stands in for what is left out")
	case onlyFailures(total):
		c.say(EmptyDenominator, Warning, "count all events in total", "the total counts only events that failed: while all is well it is empty")
	case total.Sums && !total.Fallback:
		c.say(AbsentTerm, Note, "add: or vector(0), to each part", "the total is a sum of parts; until each part has happened once there is no total")
	}
	side, word := s.Bad, "bad"
	if s.Good != "" {
		side, word = s.Good, "good"
	}
	part, err := metrics.Inspect(side)
	if err != nil {
		return
	}
	if why := outside(part, total); why != "" {
		c.say(NotSubset, Warning, "give both the same selectors, but for the outcome", "what counts as %s is not part of the total: %s", word, why)
	}
}

// threshold looks for a gauge that is good the wrong way round.
func (c *checker) threshold() {
	q, err := metrics.Inspect(c.o.SLI.Threshold)
	if err != nil {
		return
	}
	above := c.o.SLI.Op == "gt" || c.o.SLI.Op == "gte"
	for _, s := range q.Parts {
		words := strings.Split(strings.ToLower(s.Metric), "_")
		has := func(list ...string) bool {
			return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
		}
		switch {
		case above && has("latency", "duration", "seconds", "delay", "lag", "errors", "error", "failures", "failed", "age", "backlog", "loss", "jitter", "restarts", "pending"):
			c.say(InvertedOp, Warning, "a sample is good where the operator holds: write lte", "%s is good where it is %s %g: more of it is worse", s.Metric, c.o.SLI.Op, c.o.SLI.Value)
		case !above && has("up", "availability", "available", "success", "healthy", "ready", "free", "remaining", "throughput"):
			c.say(InvertedOp, Warning, "a sample is good where the operator holds: write gte", "%s is good where it is %s %g: less of it is worse", s.Metric, c.o.SLI.Op, c.o.SLI.Value)
		}
	}
}

// isOutcome reports whether a label tells how an event ended.
func isOutcome(label string) bool {
	return slices.Contains([]string{"code", "status", "status_code", "http_status", "http_code", "http_status_code", "response_code", "grpc_code", "grpc_status", "result", "outcome"}, label)
}

func wellWords() []string {
	return []string{"200", "201", "204", "302", "304", "2xx", "OK", "ok", "0", "success", "succeeded", "true", "completed", "hit"}
}

func illWords() []string {
	return []string{"500", "502", "503", "404", "429", "5xx", "4xx", "error", "errors", "failed", "failure", "fail", "timeout", "Internal", "Unavailable", "13", "14", "false"}
}

// onlyFailures reports whether every selector takes failures and nothing else.
func onlyFailures(q metrics.Query) bool {
	failing := func(s metrics.Part) bool {
		return slices.ContainsFunc(s.Matchers, func(m metrics.Matcher) bool {
			return isOutcome(m.Name) && slices.ContainsFunc(illWords(), m.Matches) && !slices.ContainsFunc(wellWords(), m.Matches)
		})
	}
	return len(q.Parts) > 0 && !slices.ContainsFunc(q.Parts, func(s metrics.Part) bool { return !failing(s) })
}

// outside says which selector of part is surely not within total, or "". What
// cannot be told from the text, such as metrics of other names, is taken to be
// right.
func outside(part, total metrics.Query) string {
	for _, s := range part.Parts {
		if s.Side != "+" {
			continue
		}
		if why := outsideOf(s, total); why != "" {
			return why
		}
	}
	return ""
}

// outsideOf compares with the selectors of the same metric or, where there is
// none, looks for a place that both fix to different values.
func outsideOf(s metrics.Part, total metrics.Query) (why string) {
	same := hasName(total, s.Metric)
	for _, t := range total.Parts {
		if t.Side == "-" || (same && base(t.Metric) != base(s.Metric)) {
			continue
		}
		if same {
			why = uncovered(s, t)
		} else {
			why = contradiction(s, t)
		}
		if why == "" {
			return ""
		}
	}
	return why
}

func hasName(q metrics.Query, name string) bool {
	return slices.ContainsFunc(q.Parts, func(s metrics.Part) bool { return base(s.Metric) == base(name) })
}

// base is a metric's name without what tells the parts of a histogram apart.
func base(name string) string {
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if s, ok := strings.CutSuffix(name, suffix); ok {
			return s
		}
	}
	return name
}

// contradiction finds a label that two selectors of different metrics fix to
// different values.
func contradiction(s, t metrics.Part) string {
	for _, a := range s.Matchers {
		for _, b := range t.Matchers {
			if a.Name == b.Name && a.Op == "=" && b.Op == "=" && a.Value != b.Value && isPlace(a.Name) {
				return a.String() + " and the total's " + b.String() + " exclude each other"
			}
		}
	}
	return ""
}

// isPlace reports whether a label tells where an event happened: there both sides
// must be the same.
func isPlace(label string) bool {
	return slices.Contains([]string{"job", "service", "app", "namespace", "cluster", "env", "environment", "region", "handler", "route", "tenant"}, label)
}

// uncovered names a condition of t that s does not surely meet, or "".
func uncovered(s, t metrics.Part) string {
	for _, m := range t.Matchers {
		if m.Name == "le" || m.Name == "quantile" {
			continue
		}
		var own []metrics.Matcher
		for _, o := range s.Matchers {
			if o.Name == m.Name {
				own = append(own, o)
			}
		}
		if why := escapes(own, m); why != "" {
			return why
		}
	}
	return ""
}

// escapes names a value of a label that meets all of own and not m, or "".
func escapes(own []metrics.Matcher, m metrics.Matcher) string {
	if slices.Contains(own, m) || takesAll(m) {
		return ""
	}
	if len(own) == 0 {
		return "the total has " + m.String() + ", and this side does not"
	}
	for _, v := range candidates(append(slices.Clone(own), m)) {
		meets := !slices.ContainsFunc(own, func(o metrics.Matcher) bool { return !o.Matches(v) })
		if meets && !m.Matches(v) {
			return m.Name + "=" + strconv.Quote(v) + " is on this side and not in the total (" + m.String() + ")"
		}
	}
	fixed := slices.ContainsFunc(own, func(o metrics.Matcher) bool { return o.Op == "=" || o.Op == "=~" })
	if !fixed && m.Op == "=" {
		return "the total has " + m.String() + ", and this side has more"
	}
	return ""
}

// takesAll reports whether a condition leaves nothing out that has the label.
func takesAll(m metrics.Matcher) bool {
	switch m.Op {
	case "!=":
		return m.Value == ""
	case "=~":
		return m.Value == ".+" || m.Value == ".*"
	}
	return false
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_/:. -]+$`)

// candidates are values that conditions speak of: their words, and all status
// codes where they are about these.
func candidates(ms []metrics.Matcher) (out []string) {
	for _, m := range ms {
		if m.Op == "=" || m.Op == "!=" {
			out = append(out, m.Value)
			continue
		}
		for w := range strings.SplitSeq(strings.Trim(m.Value, "()^$"), "|") {
			if plainWord.MatchString(w) && !strings.Contains(w, "..") {
				out = append(out, w)
			}
		}
	}
	if len(ms) > 0 && (strings.Contains(ms[0].Name, "code") || strings.Contains(ms[0].Name, "status")) {
		for code := 100; code < 600; code++ {
			out = append(out, strconv.Itoa(code))
		}
	}
	return out
}
