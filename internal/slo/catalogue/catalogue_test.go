package catalogue

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
)

func objective(t testing.TB, percent string, period time.Duration, labels ...string) slo.Objective {
	t.Helper()
	tg, err := slo.ParseTarget(percent, true)
	if err != nil {
		t.Fatal(err)
	}
	o := slo.Objective{ID: "o", Service: "s", Target: tg, Window: period, Labels: map[string]string{}}
	for i := 0; i+1 < len(labels); i += 2 {
		o.Labels[labels[i]] = labels[i+1]
	}
	return o
}

// The seeds are what their publishers publish.
func TestSeedsAreAsPublished(t *testing.T) {
	set := NewSet(nil)
	want := map[string]struct {
		period time.Duration
		pairs  string
	}{
		"google-30d":    {30 * day, "page 14.4 1h 5m 0s; page 6 6h 30m 0s; ticket 3 1d 2h 0s; ticket 1 3d 6h 0s"},
		"sloth-30d":     {30 * day, "page 14.4 1h 5m 0s; page 6 6h 30m 0s; ticket 3 1d 2h 0s; ticket 1 3d 6h 0s"},
		"sloth-28d":     {28 * day, "page 13.44 1h 5m 0s; page 5.6 6h 30m 0s; ticket 2.8 1d 2h 0s; ticket 0.933 3d 6h 0s"},
		"sloth-7d":      {7 * day, "page 13.44 1h 5m 0s; page 3.5 6h 30m 0s; ticket 1.4 1d 2h 0s; ticket 0.98 3d 6h 0s"},
		"datadog-7":     {7 * day, "page 16.8 1h 5m 0s; page 5.6 6h 30m 0s; ticket 2.8 1d 2h 0s"},
		"datadog-30":    {30 * day, "page 14.4 1h 5m 0s; page 6 6h 30m 0s; ticket 3 1d 2h 0s"},
		"datadog-90":    {90 * day, "page 21.6 1h 5m 0s; page 10.8 6h 30m 0s; ticket 4.5 1d 2h 0s"},
		"slo-generator": {28 * day, "page 9 1h 0s 0s; page 3 12h 0s 0s; ticket 1.5 1w 0s 0s; ticket 1 28d 0s 0s"},
		"nobl9":         {28 * day, "page 20 5m 0s 0s; ticket 1 2d 15m 0s"},
	}
	for ref, w := range want {
		pairs, _, _, err := set.Pairs(ref, objective(t, "99.9", w.period))
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		if got := text(pairs); got != w.pairs {
			t.Errorf("%s:\ngot  %s\nwant %s", ref, got, w.pairs)
		}
	}
	elastic := map[time.Duration]string{
		7 * day:  "page 3.36 1h 5m 0s; page 1.4 6h 30m 0s; ticket 0.7 1d 2h 0s; ticket 0.234 3d 6h 0s",
		30 * day: "page 14.4 1h 5m 0s; page 6 6h 30m 0s; ticket 3 1d 2h 0s; ticket 1 3d 6h 0s",
		90 * day: "page 43.2 1h 5m 0s; page 18 6h 30m 0s; ticket 9 1d 2h 0s; ticket 3 3d 6h 0s",
	}
	// Pyrra's windows for 30 days are those of 28, stretched and rounded to minutes.
	pyrra := map[time.Duration]string{
		28 * day: "page 14 1h 5m 2m; page 7 6h 30m 15m; ticket 2 1d 2h 1h; ticket 1 4d 6h 3h",
		30 * day: "page 14 64m 5m 2m; page 7 386m 32m 16m; ticket 2 1543m 129m 64m; ticket 1 6171m 386m 193m",
	}
	for name, byPeriod := range map[string]map[time.Duration]string{"elastic": elastic, "pyrra": pyrra} {
		for period, w := range byPeriod {
			pairs, _, _, err := set.Pairs(name, objective(t, "99", period))
			if got := text(pairs); err != nil || got != w {
				t.Errorf("%s over %s: %v\ngot  %s\nwant %s", name, slo.Short(period), err, got, w)
			}
		}
	}
	if _, budgets, _, _ := set.Pairs("nobl9", objective(t, "99.9", 28*day)); len(budgets) != 5 {
		t.Errorf("nobl9 has %d budget alerts, want 5", len(budgets))
	}
	// AbsentDuration of Pyrra: k0 · (1 - T) · long0 + for0, in minutes.
	if _, _, absent, _ := set.Pairs("pyrra", objective(t, "99", 28*day)); absent.After != 10*time.Minute {
		t.Errorf("pyrra calls after %s of silence, want 10m", absent.After)
	}
	for _, c := range set.All() {
		if !c.Seed || c.Source == "" || c.Title == "" || c.Entries[0].Rationale == "" {
			t.Errorf("%s: every seed says where it is from and why", c.Name)
		}
	}
}

func text(pairs []slo.Pair) string {
	var out []string
	for _, p := range pairs {
		out = append(out, fmt.Sprintf("%s %.3g %s %s %s", p.Severity, p.Rate, slo.Short(p.Long), slo.Short(p.Short), slo.Short(p.For)))
		if p.Rate >= 10 {
			out[len(out)-1] = fmt.Sprintf("%s %.4g %s %s %s", p.Severity, p.Rate, slo.Short(p.Long), slo.Short(p.Short), slo.Short(p.For))
		}
	}
	return strings.Join(out, "; ")
}

const std = `apiVersion: hinoban/v1
kind: BurnRateCatalogue
metadata: {name: std, version: 2, owner: sre}
spec:
  entries:
  - {id: tier1, pairs: [{severity: page, burnRate: 10, long: 1h, short: 5m}]}
---
apiVersion: hinoban/v1
kind: BurnRateCatalogue
metadata: {name: std, version: 3, owner: sre, reviewBy: 2026-10-01}
spec:
  entries:
  - id: tier1-quiet
    match: {tier: [tier1], period: [30d], maxEventsPerHour: 100}
    pairs: [{severity: page, badRatio: 30%, long: 6h, short: 30m, minFailures: 3, confidence: 0.999, against: budget}]
  - id: tier1-30d
    match: {tier: [tier1], period: [30d, 1M], target: [0.995, 0.9999], minEventsPerHour: 100}
    pairs:
    - {severity: page, budget: 2%, long: 1h, short: 5m, confidence: 0.99}
    - {severity: ticket, budget: 10%, long: 3d, short: 6h, for: 1h, method: volume}
    noData: {after: auto, severity: ticket}
  - id: tier2
    match: {tier: ["2"]}
    pairs: [{severity: ticket, burnRate: 2, long: 1d, short: 2h}]
`

func read(t testing.TB, text string) *Set {
	t.Helper()
	own, problems := Read("std.yaml", text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return NewSet(own)
}

func TestReferences(t *testing.T) {
	set := read(t, std)
	tier1, tier2 := objective(t, "99.9", 30*day, "tier", "1"), objective(t, "99.9", 30*day, "tier", "2")
	quiet := objective(t, "99.9", 30*day, "tier", "1", "events-per-hour", "20")
	week := objective(t, "99.9", 7*day, "tier", "1")
	tests := []struct {
		ref  string
		o    slo.Objective
		want string // what was chosen, or a part of the error
		kind errs.Kind
	}{
		{"std/tier1@3", tier1, "std/tier1-30d@3", errs.Internal},
		{"std/tier1@v3", tier1, "std/tier1-30d@3", errs.Internal},
		{"std/tier1", tier1, "std/tier1-30d@3", errs.Internal},
		{"std", tier1, "std/tier1-30d@3", errs.Internal},
		{"std", tier2, "std/tier2@3", errs.Internal},
		{"std/tier1", quiet, "std/tier1-quiet@3", errs.Internal},
		{"std/tier1-30d", tier1, "std/tier1-30d@3", errs.Internal},
		{"std@2", tier2, "std@2", errs.Internal},
		{"google-30d", tier1, "google-30d", errs.Internal},
		{"elastic", tier1, "elastic/elastic-30d", errs.Internal},
		{"std-low-traffic", quiet, "std-low-traffic/high-target-10", errs.Internal},
		{"std/tier1", week, "tier1-30d is for 30d, and the objective's period is 1w; for it are std, datadog-7", errs.Invalid},
		{"google-30d", week, "for 30d", errs.Invalid},
		{"std-low-traffic", tier1, "label the objective events-per-hour", errs.Invalid},
		{"std/tier9", tier1, `has no entry "tier9"`, errs.NotFound},
		{"std@7", tier1, "there is std@3, std@2", errs.NotFound},
		{"gogle-30d", tier1, "datadog-30", errs.NotFound},
		{"std/@3", tier1, "is no reference", errs.Invalid},
		{"std@x", tier1, "comes a version", errs.Invalid},
		{"", tier1, "is no reference", errs.Invalid},
	}
	for _, tt := range tests {
		c, err := set.Resolve(tt.ref, tt.o)
		switch {
		case tt.kind == errs.Internal && (err != nil || c.Ref() != tt.want):
			t.Errorf("%s: got %s, %v; want %s", tt.ref, c.Ref(), err, tt.want)
		case tt.kind != errs.Internal && (errs.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %v; want kind %d with %q", tt.ref, err, tt.kind, tt.want)
		}
		if err == nil && c.Newest != (!strings.Contains(tt.ref, "@") && !c.Catalogue.Seed) {
			t.Errorf("%s: newest is %v", tt.ref, c.Newest)
		}
	}
	pairs, _, absent, err := set.Pairs("std/tier1@3", tier1)
	if err != nil || text(pairs) != "page 14.4 1h 5m 0s; ticket 1 3d 6h 1h" || pairs[0].Gate.Confidence != 0.99 || pairs[1].Gate.Method != "volume" || absent.After != time.Minute {
		t.Errorf("pairs: %v %v %v %v", text(pairs), pairs, absent, err)
	}
	pairs, _, _, err = set.Pairs("std/tier1", quiet)
	if err != nil || math.Abs(pairs[0].Rate-300) > 1e-9 {
		t.Errorf("30 %% of events at 99.9 %% is 300x: got %v, %v", pairs, err)
	}
}

func TestDocumentsThatAreWrong(t *testing.T) {
	entry := func(s string) string {
		return "apiVersion: hinoban/v1\nkind: BurnRateCatalogue\nmetadata: {name: a, version: 1}\nspec:\n  entries:\n  - id: x\n    " + s + "\n"
	}
	pair := func(s string) string { return entry("pairs: [{severity: page, " + s + "}]") }
	tests := map[string]string{
		pair("budget: 2%, burnRate: 3, long: 1h"): "exactly one of budget",
		pair("long: 1h"):                                "exactly one of budget",
		pair("budget: 0%, long: 1h"):                    "always call",
		pair("burnRate: 3, long: 1h, short: 2h"):        "must be shorter",
		pair("burnRate: 3, long: 30s"):                  "a minute or longer",
		pair("burnRate: 3, long: 1h, shortBurnRate: 2"): "no short window",
		pair("burnRate: 3, long: 1h, confidence: 0.1"):  "below 0.5",
		pair("burnRate: 3, long: 9999d"):                "longer than 1000 days",
		pair("burnRate: 3, long: 1 hour"):               "a duration such as 1h",
		pair("burnRate: 3, long: 1h, colour: red"):      `unknown field "colour"`,
		entry("match: {target: [0.999, 0.99]}\n    pairs: [{severity: page, burnRate: 2, long: 1h}]"):                            "above the highest",
		entry("match: {target: [0.999, 1]}\n    pairs: [{severity: page, burnRate: 2, long: 1h}]"):                               "1 not included",
		entry("match: {minEventsPerHour: 10, maxEventsPerHour: 5}\n    pairs: [{severity: page, burnRate: 2, long: 1h}]"):        "must be more than",
		entry("budgetAlerts: [{severity: page, drop: 10%}]\n    pairs: [{severity: page, burnRate: 2, long: 1h}]"):               "in which time",
		entry("budgetAlerts: [{severity: page}]\n    pairs: [{severity: page, burnRate: 2, long: 1h}]"):                          "exactly one of remaining",
		entry("budgetAlerts: [{severity: page, remaining: 5%, over: 1h}]\n    pairs: [{severity: page, burnRate: 2, long: 1h}]"): "not measured over a window",
		entry("pairs: [{severity: page, burnRate: 2, long: 1h}]\n  - {id: x, pairs: [{severity: page, burnRate: 2, long: 1h}]}"): "two entries",
		strings.Replace(std, "version: 2", "version: 3", 1):                                                                      "std@3\" is already defined",
		strings.Replace(std, "2026-10-01", "2026-13-01", 1):                                                                      "reviewBy",
	}
	for text, want := range tests {
		_, problems := Read("a.yaml", text)
		if len(problems) == 0 || !strings.Contains(problems.Error(), want) {
			t.Errorf("got %v, want %q, of\n%s", problems, want, text)
		}
	}
}

// The example keeps its own promises; what is wrong is found.
func TestTest(t *testing.T) {
	if f := Test(read(t, example).All()[0]); len(f) > 0 {
		t.Errorf("the example: %v", f)
	}
	bad := read(t, `apiVersion: hinoban/v1
kind: BurnRateCatalogue
metadata: {name: bad, version: 1}
spec:
  entries:
  - {id: never, match: {target: [0.9, 0.99]}, pairs: [{severity: page, burnRate: 14.4, long: 1h, short: 5m}]}
  - {id: below, pairs: [{severity: page, burnRate: 0.7, long: 1h}]}
  - {id: late, pairs: [{severity: page, burnRate: 14.4, long: 1d, short: 2h}], promises: [{badRatio: 100%, within: 3m}, {badRatio: 1%, within: 1h}]}
  - {id: long, match: {period: [7d]}, pairs: [{severity: page, burnRate: 2, long: 30d}]}
`).All()[0]
	got := Test(bad)
	want := []string{"never: 90 % over 30d: 14.4× over 1h and 5m can never fire", "below: 99.9 % over 30d: 0.7× over 1h calls below 1×", "late: 99.9 % over 30d: 100 % of bad events call a page after 20m44s; within 3m0s", "late: 99.9 % over 30d: 1 % of bad events call nobody", "long: 99.9 % over 1w: 2× over 30d looks over more"}
	if len(got) != len(want) {
		t.Fatalf("got %d failures, want %d: %v", len(got), len(want), got)
	}
	for i, w := range want {
		if s := got[i].Entry + ": " + got[i].Message; !strings.HasPrefix(s, w) {
			t.Errorf("got %q, want %q", s, w)
		}
	}
	std3 := read(t, std).All()[0]
	if std3.Overdue(time.Date(2026, 10, 1, 23, 0, 0, 0, time.UTC)) || !std3.Overdue(time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC)) {
		t.Error("a review is overdue the day after")
	}
}

// The published table of detection and reset, and of what total failure of other
// targets does.
func TestLines(t *testing.T) {
	o := objective(t, "99", 30*day)
	pairs, _, _, err := NewSet(nil).Pairs("google-30d", o)
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{518, 1296, 2592, 2592}
	for i, l := range Lines(o.Target, o.Window, pairs) {
		if got := math.Round(l.Cells[0].After.Seconds()); got != want[i] || !l.Reachable || !l.Margin || len(l.Cells) != 6 {
			t.Errorf("%s: %g s, want %g; %+v", l.Pair.Name(), got, want[i], l)
		}
	}
	ninety := objective(t, "90", 30*day)
	if l := Lines(ninety.Target, ninety.Window, pairs)[0]; l.Reachable || l.Cells[0].Fires {
		t.Errorf("14.4x of 90 %% can never fire: %+v", l)
	}
	if l := Lines(ninety.Target, ninety.Window, pairs)[1]; !l.Reachable || l.Margin {
		t.Errorf("6x of 90 %% needs more than half of the events: %+v", l)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(std)
	f.Add(example)
	f.Fuzz(func(t *testing.T, text string) {
		own, problems := Read("a.yaml", text)
		if len(problems) > 0 {
			return
		}
		o := objective(t, "99.9", 30*day)
		set := NewSet(own)
		for _, c := range own {
			Test(c)
			_, _, _, _ = set.Pairs(c.Ref(), o)
		}
	})
}

// What is written is read again as it was.
func TestWriteIsRead(t *testing.T) {
	for _, seed := range Seeds() {
		for _, e := range seed.Entries {
			o := objective(t, "99.9", 30*day)
			pairs := e.PairsFor(o.Target, o.Window)
			set := read(t, Write("again", "a", "as "+seed.Name+": \"so\"", pairs))
			got, _, _, err := set.Pairs("again", o)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(pairs) {
				t.Errorf("%s: %v\ngot  %v\nwant %v", seed.Name, err, got, pairs)
			}
		}
	}
}

func TestMatching(t *testing.T) {
	set := read(t, std)
	var refs []string
	for _, c := range set.Matching(objective(t, "99.9", 30*day, "tier", "1")) {
		refs = append(refs, c.Ref())
	}
	if got := strings.Join(refs, " "); got != "std/tier1-30d@3 datadog-30 elastic/elastic-30d google-30d nobl9 pyrra slo-generator sloth-30d" {
		t.Errorf("got %s", got)
	}
}
