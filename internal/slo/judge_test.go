package slo

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/alert"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// counts gives every window of o the same share of bad events.
func counts(o Objective, bad float64) map[time.Duration]Count {
	out := map[time.Duration]Count{}
	for _, w := range o.Windows() {
		total := w.Minutes() * 1000
		out[w] = Count{Good: whole(total * (1 - bad)), Total: whole(total), Known: true, At: noon}
	}
	return out
}

func TestParseTarget(t *testing.T) {
	tests := []struct {
		in      string
		percent bool
		want    string // "" is refused
		budget  float64
	}{
		{"0.999", false, "0.999", 0.001},
		{"99.9", true, "0.999", 0.001},
		{"99.95", true, "0.9995", 0.0005},
		{"99.999", true, "0.99999", 0.00001},
		{"9.99e-1", false, "0.999", 0.001},
		{"0", true, "0.0", 1},
		{"50", true, "0.5", 0.5},
		{"0.999999999999", false, "0.999999999999", 1e-12},
		{"0.9999999999999", false, "", 0}, // would round to 1: no budget to divide by
		{"1", false, "", 0},
		{"100", true, "", 0},
		{"100.1", true, "", 0},
		{"-1", true, "", 0},
		{"1/2", false, "", 0},
		{"0x1p-1", false, "", 0},
		{"NaN", false, "", 0},
		{"", false, "", 0},
	}
	for _, tt := range tests {
		got, err := ParseTarget(tt.in, tt.percent)
		if got.String() != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: got %q, %v, want %q", tt.in, got, err, tt.want)
			continue
		}
		if err == nil && got.Budget() != tt.budget {
			t.Errorf("%q: budget %v, want %v", tt.in, got.Budget(), tt.budget)
		}
	}
	if got := target(t, "99.9").Percent(); got != "99.9" {
		t.Errorf("Percent: got %q, want 99.9", got)
	}
}

func TestDefaultPairs(t *testing.T) {
	tests := []struct {
		window  time.Duration
		percent string
		want    string
	}{
		{30 * day, "99.9", "[14.4× over 1h and 5m 6× over 6h and 30m 3× over 1d and 2h 1× over 3d and 6h]"},
		{28 * day, "99.9", "[13.44× over 1h and 5m 5.6× over 6h and 30m 2.8× over 1d and 2h]"}, // 0.933 would alert within the budget
		{7 * day, "99.9", "[3.36× over 1h and 5m 1.4× over 6h and 30m]"},
		{90 * day, "99.9", "[43.2× over 1h and 5m 18× over 6h and 30m 9× over 1d and 2h 3× over 3d and 6h]"},
		{30 * day, "90", "[6× over 6h and 30m 3× over 1d and 2h 1× over 3d and 6h]"}, // 14.4 × 10 % is out of reach
		{30 * day, "0", "[]"},
		{time.Hour, "99.9", "[]"},
	}
	for _, tt := range tests {
		names := []string{}
		for _, p := range DefaultPairs(tt.window, target(t, tt.percent)) {
			names = append(names, p.Name())
		}
		if got := fmt.Sprint(names); got != tt.want {
			t.Errorf("%s over %s: got %s, want %s", tt.percent, tt.window, got, tt.want)
		}
	}
}

func TestJudge(t *testing.T) {
	o := promised(t, "99.9", 30*day)
	quiet, half := counts(o, 0.0002), counts(o, 0.0002)
	half[time.Hour], half[5*time.Minute] = Count{Good: 90, Total: 100, Known: true}, Count{Good: 90, Total: 100, Known: true}
	over := counts(o, 0.0002)
	over[30*day] = Count{Good: 9980, Total: 10000, Known: true}
	idle := counts(o, 0)
	for w := range idle {
		idle[w] = Count{Known: true}
	}
	gone := counts(o, 0.5)
	gone[5*time.Minute] = Count{} // the service is silent
	tests := []struct {
		name      string
		counts    map[time.Duration]Count
		health    Health
		known     bool
		remaining float64
		worst     string
	}{
		{"within", quiet, Healthy, true, 0.8, ""},
		{"nothing at all", nil, Unknown, false, 0, ""},
		{"no traffic is no budget", idle, Healthy, false, 0, ""},
		{"fast", half, Fast, true, 0.8, "14.4× over 1h and 5m"},
		{"slow", counts(o, 0.004), Slow, true, -3, "3× over 1d and 2h"},
		{"spent, and quiet now", over, Exhausted, true, -1, ""},
		{"everything fails", counts(o, 1), Fast, true, -999, "14.4× over 1h and 5m"},
		{"the short window is silent", gone, Fast, true, -499, "6× over 6h and 30m"},
	}
	for _, tt := range tests {
		s := Judge(o, tt.counts, noon)
		worst := ""
		if p, ok := s.Worst(); ok {
			worst = p.Name()
		}
		if s.Health != tt.health || s.Known != tt.known || math.Abs(s.Remaining-tt.remaining) > 1e-6 || worst != tt.worst {
			t.Errorf("%s: got %s, known %v, %g left, worst %q; want %s, %v, %g, %q", tt.name, s.Health, s.Known, s.Remaining, worst, tt.health, tt.known, tt.remaining, tt.worst)
		}
	}
}

func TestChange(t *testing.T) {
	o := promised(t, "99.9", 30*day)
	paging, ticketing, quiet := Judge(o, counts(o, 0.5), noon), Judge(o, counts(o, 0.004), noon), Judge(o, counts(o, 0.0001), noon)
	silent := Judge(o, nil, noon)
	none, ticket := Burn{}, Burn{Objective: "o", Severity: alert.Ticket, Pair: "3× over 1d and 2h", Since: noon.Add(-time.Hour)}
	page := Burn{Objective: "o", Severity: alert.Page, Since: noon.Add(-time.Hour)}
	tests := []struct {
		name  string
		burn  Burn
		s     Status
		want  alert.Severity
		since time.Time
		facts int
	}{
		{"begins", none, paging, alert.Page, noon, 1},
		{"gets worse, and keeps its beginning", ticket, paging, alert.Page, ticket.Since, 1},
		{"goes on", ticket, ticketing, alert.Ticket, ticket.Since, 0},
		{"calms down: the page is over, though it burns slowly", page, ticketing, "", time.Time{}, 0},
		{"recovers: the caller counts what it cost", page, quiet, "", time.Time{}, 0},
		{"unknown changes nothing", page, silent, alert.Page, page.Since, 0},
		{"unknown begins nothing", none, silent, "", time.Time{}, 0},
		{"quiet stays quiet", none, quiet, "", time.Time{}, 0},
	}
	for _, tt := range tests {
		next, facts := Change(tt.burn, o, tt.s, func() string { return "expr" })
		if next.Severity != tt.want || !next.Since.Equal(tt.since) || len(facts) != tt.facts {
			t.Errorf("%s: got %q since %s with %d facts, want %q since %s with %d", tt.name, next.Severity, next.Since, len(facts), tt.want, tt.since, tt.facts)
		}
	}
}

func TestSentence(t *testing.T) {
	o := promised(t, "99.9", 30*day)
	c := counts(o, 0.0214)
	c[30*day] = Count{Good: 99971, Total: 100000, Known: true}
	want := "burns 21.4× (limit 14.4× over 1h and 5m); 71 % of the budget is left, gone in 23h 53m"
	if got := Judge(o, c, noon).Sentence(o); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Judge(o, nil, noon).Sentence(o); got != "the budget is unknown" {
		t.Errorf("without data: got %q", got)
	}
}

// Whatever the counts are, nothing is NaN or infinite, and what is left agrees
// with the burn over the objective's own window.
func TestJudgeIsAlwaysANumber(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o := Objective{ID: "o", Target: target(r, rapid.SampledFrom([]string{"0", "50", "90", "99", "99.9", "99.99", "99.9999"}).Draw(r, "target"))}
		o.Window = rapid.SampledFrom([]time.Duration{time.Hour, day, 7 * day, 28 * day, 30 * day, 90 * day}).Draw(r, "window")
		o.Pairs = DefaultPairs(o.Window, o.Target)
		c := map[time.Duration]Count{}
		for _, w := range o.Windows() {
			total := rapid.Float64Range(0, 1e15).Draw(r, "total")
			c[w] = Count{Good: whole(total * rapid.Float64Range(0, 1.1).Draw(r, "good")), Total: whole(total), Known: rapid.Bool().Draw(r, "known")}
		}
		s := Judge(o, c, noon)
		odd := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
		for _, w := range s.Windows {
			if odd(w.Burn) || w.Burn < 0 {
				r.Fatalf("burn over %s: %g", w.Window, w.Burn)
			}
		}
		for _, p := range s.Pairs {
			if odd(p.LongBurn) || odd(p.ShortBurn) || (p.Burning && !p.Known) {
				r.Fatalf("pair %s: %+v", p.Name(), p)
			}
		}
		if odd(s.Remaining) || s.Remaining > 1 {
			r.Fatalf("remaining %g", s.Remaining)
		}
		burn, ok := s.Period.Burn(o.Target)
		if ok != s.Known || (ok && math.Abs(1-burn-s.Remaining) > 1e-9) {
			r.Fatalf("remaining %g (known %v), burn %g (known %v)", s.Remaining, s.Known, burn, ok)
		}
		if w, ok := s.Worst(); ok != (s.Health == Fast || s.Health == Slow) {
			r.Fatalf("health %s, worst %v %v", s.Health, w, ok)
		}
		if gone := s.GoneIn(o.Window, 3); gone < 0 {
			r.Fatalf("gone in %s", gone)
		}
	})
}

// A total outage is mended; its slow pair goes on for hours. The page ends, a
// ticket goes on, and a second outage calls again.
func TestASecondOutageDuringASlowBurnCallsAgain(t *testing.T) {
	o := promised(t, "99.9", 30*day)
	burning := func(severities ...alert.Severity) Status {
		s := Status{At: noon}
		for _, p := range o.Pairs {
			s.Pairs = append(s.Pairs, PairStatus{Pair: p, Known: true, Burning: slices.Contains(severities, p.Severity)})
		}
		return s
	}
	var burn Burn
	var got []string
	for _, s := range []Status{
		burning(alert.Page, alert.Ticket), burning(alert.Ticket), burning(alert.Ticket), burning(alert.Page, alert.Ticket), burning(),
	} {
		next, facts := Change(burn, o, s, func() string { return "" })
		word := "-"
		if len(facts) > 0 {
			word = string(next.Severity)
		} else if burn.Severity != "" && next.Severity == "" {
			word = "recovered"
		}
		got, burn = append(got, word), next
	}
	if want := "page recovered ticket page recovered"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, " "), want)
	}
}
