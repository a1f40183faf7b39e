package policy

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
)

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

func goal(t testing.TB, percent string) slo.Target {
	t.Helper()
	out, err := slo.ParseTarget(percent, true)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// left is an objective of 99.9 % with a million events, so that 1,000 may be bad.
func left(t testing.TB, bad int64) Left {
	l := Left{Objective: "answers", Target: goal(t, "99.9"), Known: true, Bad: bad, Total: 1_000_000}
	l.Remaining, _ = l.Target.Left(bad, l.Total)
	return l
}

func TestNextHasHysteresis(t *testing.T) {
	m := DefaultLimits()
	steps := []struct {
		bad  int64
		want State
	}{
		{0, Healthy},
		{499, Healthy},
		{500, Caution},
		{499, Caution},
		{481, Caution},
		{480, Caution},
		{479, Healthy},
		{799, Caution},
		{800, Restricted},
		{781, Restricted},
		{780, Restricted},
		{779, Caution},
		{1000, Restricted},
		{1001, Exhausted},
		{1000, Exhausted},
		{981, Exhausted},
		{980, Restricted},
		{400, Healthy},
		{1500, Exhausted},
		{0, Healthy},
	}
	state := State("")
	for i, s := range steps {
		if state = m.Next(state, []Left{left(t, s.bad)}); state != s.want {
			t.Fatalf("step %d, %d bad: got %s, want %s", i, s.bad, state, s.want)
		}
	}
	if got := m.Next(Restricted, []Left{{Objective: "silent"}}); got != Unknown {
		t.Errorf("without data: got %s", got)
	}
	if got := m.Next(Unknown, []Left{left(t, 790)}); got != Caution {
		t.Errorf("data again: got %s", got)
	}
}

// The state follows the objective with the least left, and is never better than
// what is left says.
func TestNextIsNeverTooGood(t *testing.T) {
	m := DefaultLimits()
	rapid.Check(t, func(r *rapid.T) {
		prev := rapid.SampledFrom(append(States(), "")).Draw(r, "prev")
		a, b := left(t, rapid.Int64Range(0, 2000).Draw(r, "a")), left(t, rapid.Int64Range(0, 2000).Draw(r, "b"))
		got := m.Next(prev, []Left{a, {Objective: "silent"}, b})
		worst := m.at(left(t, max(a.Bad, b.Bad)).ratio(), 0)
		if got.bad() < worst.bad() || (got != worst && got != prev && got != m.at(left(t, max(a.Bad, b.Bad)).ratio(), m.Hysteresis)) {
			r.Fatalf("after %s with %d and %d: got %s", prev, a.Bad, b.Bad, got)
		}
	})
}

func read(t testing.TB, text string) (Policy, ascode.Problems) {
	t.Helper()
	set, problems := ascode.Parse(map[string]string{"p.yaml": text}, Kinds())
	all, more := Build(set, func(s string) bool { return s == "checkout" })
	if len(all) == 0 {
		return Policy{}, append(problems, more...)
	}
	return all[0], append(problems, more...)
}

func TestDecide(t *testing.T) {
	p, problems := read(t, example)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	over := Override{ID: "o1", Service: "checkout", Class: "feature", Reason: "the law changes tomorrow", Approver: "aoi", Made: t0.Add(-time.Hour), Expires: t0.Add(time.Hour)}
	newYear := time.Date(2027, 1, 4, 14, 59, 0, 0, time.UTC) // 23:59 in Tokyo
	tests := []struct {
		name  string
		p     Policy
		bad   int64
		class string
		over  []Override
		now   time.Time
		want  Decision
		en    string
		ja    string
	}{
		{"healthy", p, 0, "feature", nil, t0, Allow, "100 % of the budget of answers is left (healthy): feature is allowed.", "残り 100%(正常): feature は許可。"},
		{"caution, an experiment", p, 600, "experiment", nil, t0, Warn, "40 % of the budget", "警告付き"},
		{"caution, another", p, 600, "feature", nil, t0, Allow, "is allowed", "許可"},
		{"restricted, a feature", p, 900, "feature", nil, t0, Block, "10 % of the budget of answers is left (restricted): feature is blocked.", "禁止"},
		{"restricted, a fix", p, 900, "fix", nil, t0, Warn, "with a warning", "警告"},
		{"exhausted", p, 2000, "fix", nil, t0, Block, "-100 % of the budget", "枯渇"},
		{"exempt", p, 2000, "rollback", nil, t0, Allow, "exempt", "適用除外"},
		{"overridden", p, 900, "feature", []Override{over}, t0, Allow, "Overridden by aoi until 2026-11-20 03:13Z: the law changes tomorrow", "例外を承認"},
		{"the override is over", p, 900, "feature", []Override{over}, t0.Add(2 * time.Hour), Block, "is blocked", "禁止"},
		{"of another class", p, 900, "config", []Override{over}, t0, Warn, "with a warning", "警告"},
		{"new year", p, 0, "feature", nil, newYear, Block, "Calendar: 年末年始 until 01-04: block.", "カレンダー: 年末年始"},
		{"a minute later", p, 0, "feature", nil, newYear.Add(time.Minute), Allow, "is allowed", "許可"},
		{"new year, exempt", p, 0, "security", nil, newYear, Block, "", ""},
		{"workbook", Builtin(), 900, "feature", nil, t0, Warn, "", ""},
		{"workbook, spent", Builtin(), 1001, "feature", nil, t0, Block, "", ""},
		{"workbook, spent, security", Builtin(), 1001, "security", nil, t0, Allow, "", ""},
		{"workbook, exactly spent", Builtin(), 1000, "feature", nil, t0, Warn, "", ""},
	}
	tests[12].want = Allow // a security fix goes out on New Year's Day
	expired := p
	expired.Expires = t0
	tests = append(tests, tests[3])
	tests[len(tests)-1].p, tests[len(tests)-1].name, tests[len(tests)-1].want, tests[len(tests)-1].en = expired, "expired", Warn, "The policy standard expired on 2026-11-20"
	tests[len(tests)-1].ja = "失効"
	for _, tt := range tests {
		lefts := []Left{left(t, tt.bad)}
		s := Standing{Service: "checkout", State: tt.p.Limits.Next("", lefts), Lefts: lefts}
		v := Decide(tt.p, s, Change{Service: "checkout", Class: tt.class}, tt.over, tt.now)
		if v.Decision != tt.want || !strings.Contains(v.Sentence("en"), tt.en) || !strings.Contains(v.Sentence("ja"), tt.ja) {
			t.Errorf("%s: got %s: %s %s", tt.name, v.Decision, v.Sentence("en"), v.Sentence("ja"))
		}
	}
	none := Decide(p, Standing{Service: "checkout", State: Unknown}, Change{Class: "feature"}, nil, t0)
	if none.Decision != Warn || !strings.Contains(none.Sentence("en"), "has no SLO") {
		t.Errorf("without an SLO: %+v", none)
	}
}

func TestForPrefersTheName(t *testing.T) {
	all := []Policy{{ID: "all"}, {ID: "tier", Tiers: []int{1}}, {ID: "name", Services: []string{"checkout"}}}
	for _, tt := range []struct {
		service string
		tier    int
		want    string
	}{{"checkout", 1, "name"}, {"search", 1, "tier"}, {"search", 2, "all"}, {"search", 0, "all"}} {
		if got := For(all, tt.service, tt.tier).ID; got != tt.want {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
	if For(nil, "x", 1).ID != "workbook" {
		t.Error("no policy is not the built-in one")
	}
}

func TestPoliciesThatAreRefused(t *testing.T) {
	head := "apiVersion: hinoban/v1\nkind: ErrorBudgetPolicy\nmetadata: {name: p}\nspec:\n"
	for spec, want := range map[string]string{
		"  states: {caution: 10, restricted: 20}":        "not in their order",
		"  states: {caution: 101}":                       "not a percentage",
		"  states: {caution: 1.005}":                     "two decimals",
		"  actions: {sad: {feature: block}}":             "not a state",
		"  actions: {caution: {feature: maybe}}":         "not a decision",
		"  actions: {caution: {\"New Feature\": block}}": "not a class",
		"  exempt: [\"*\"]":                              "not a class",
		"  services: [nope]":                             "no service",
		"  tiers: [7]":                                   "no tier",
		"  maxOverride: 1000h":                           "not a time between",
		"  expires: soon":                                "not a day",
		"  calendar: [{name: x, from: 12-28, to: 2027-01-04, timeZone: UTC, decision: block}]":      "both days a year",
		"  calendar: [{name: x, from: 13-28, to: 01-04, timeZone: UTC, decision: block}]":           "not days",
		"  calendar: [{name: x, from: 12-28, to: 01-04, timeZone: Local, decision: block}]":         "time zone",
		"  calendar: [{name: x, from: 2027-12-28, to: 2027-01-04, timeZone: UTC, decision: block}]": "comes after",
		"  review: {start: \"2026-01-05\", timeZone: UTC, rrule: FREQ=HOURLY}":                      "FREQ is",
		"  colour: red": "unknown field",
	} {
		_, problems := read(t, head+spec+"\n")
		if len(problems) == 0 || !strings.Contains(problems.Error(), want) || problems[0].Line == 0 {
			t.Errorf("%s: got %v, want something about %q", spec, problems, want)
		}
	}
	twice := head + "  tiers: [1]\n---\n" + strings.Replace(head, "name: p", "name: q", 1) + "  tiers: [1]\n"
	if _, problems := read(t, twice); len(problems) != 1 || !strings.Contains(problems.Error(), "has a policy already") {
		t.Errorf("two policies of one tier: %v", problems)
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(example)
	f.Add(strings.ReplaceAll(example, "12-28", "2026-12-28"))
	f.Fuzz(func(t *testing.T, text string) {
		set, problems := ascode.Parse(map[string]string{"p.yaml": text}, Kinds())
		if len(problems) > 0 {
			return
		}
		all, _ := Build(set, func(string) bool { return true })
		for _, p := range all {
			v := Decide(p, Standing{State: Healthy}, Change{Class: "feature"}, nil, t0)
			if v.Decision.hard() < 0 {
				t.Errorf("%q: decides %q", text, v.Decision)
			}
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	p := Builtin()
	s := Standing{Service: "checkout", State: Exhausted, Lefts: []Left{left(b, 2000)}}
	b.ReportAllocs()
	for b.Loop() {
		Decide(p, s, Change{Service: "checkout", Class: "feature"}, nil, t0)
	}
}
