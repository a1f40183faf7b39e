package promrules_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promrules"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/metrics/promtest"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// world is a store and an engine whose clock the test moves.
type world struct {
	t     *testing.T
	dir   string
	now   time.Time
	store *promstore.Store
	e     *promrules.Engine
	told  []promrules.Alert
	fail  error // of the next hand-over
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *world) start() {
	w.t.Helper()
	var err error
	if w.store, err = promstore.Open(w.t.Context(), promstore.Options{Dir: w.dir, Now: func() time.Time { return w.now }}); err != nil {
		w.t.Fatal(err)
	}
	w.e, err = promrules.New(promrules.Options{
		Store: w.store, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now }, URL: "http://hinoban.example",
		Tell: func(_ context.Context, a []promrules.Alert) error {
			if w.fail != nil {
				return w.fail
			}
			w.told = append(w.told, a...)
			return nil
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stop() {
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) replace(text string) {
	w.t.Helper()
	if err := w.e.Replace([]promrules.File{{Path: "rules.yaml", Text: text}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) put(name string, labels map[string]string, v float64) {
	w.t.Helper()
	all := map[string]string{metrics.NameLabel: name}
	maps.Copy(all, labels)
	if err := w.store.Write(w.t.Context(), []metrics.Series{{Labels: all, Points: []metrics.Point{{T: w.now, V: v}}}}); err != nil {
		w.t.Fatal(err)
	}
}

// slot moves the clock to the next evaluation.
func (w *world) slot() {
	w.t.Helper()
	next := time.Time{}
	for _, g := range w.e.Groups() {
		if next.IsZero() || g.Next.Before(next) {
			next = g.Next
		}
	}
	w.now = next
}

func (w *world) firing() (out []string) {
	for _, g := range w.e.Groups() {
		for _, r := range g.Rules {
			for _, a := range r.Active {
				if a.Firing {
					out = append(out, fmt.Sprint(r.Name, a.Labels["i"]))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

const hundred = `groups:
- name: g
  interval: 1m
  labels: {team: shop}
  rules:
  - record: j:x:max
    expr: max by (i) (x)
  - alert: High
    expr: j:x:max > 5
    for: 3m
    labels: {severity: critical}
    annotations: {summary: "{{ $labels.i }} is {{ $value }}"}
  - alert: Flaps
    expr: x > 7
    keep_firing_for: 2m
  - alert: Gone
    expr: absent(x{i="1"})
    for: 2m
`

// The same series through both: they must fire at the same times, with the same
// labels and annotations, as with promtool.
func TestFiresAsPrometheusDoes(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w, r := newWorld(t), rand.New(rand.NewPCG(seed, 1))
			w.replace(hundred)
			w.slot()
			test := metrics.RuleTest{Start: w.now, Interval: time.Minute, Every: time.Minute}
			const minutes, series = 90, 4
			in := make([]metrics.InputSeries, series)
			level := [series]float64{}
			for i := range in {
				in[i].Labels = map[string]string{metrics.NameLabel: "x", "i": fmt.Sprint(i)}
			}
			fired := 0
			for m := range minutes {
				for i := range in {
					if r.IntN(4) == 0 {
						level[i] = float64(r.IntN(11))
					}
					missing := m > 40 && m < 60 && i == 1
					in[i].Values = append(in[i].Values, metrics.InputValue{V: level[i], Missing: missing})
					if !missing {
						w.put("x", map[string]string{"i": fmt.Sprint(i)}, level[i])
					}
				}
				w.e.Tick(t.Context())
				for _, name := range []string{"High", "Flaps", "Gone"} {
					c := metrics.AlertCheck{At: time.Duration(m) * time.Minute, Name: name}
					for _, rule := range w.e.Groups()[0].Rules {
						for _, a := range rule.Active {
							if rule.Name == name && a.Firing {
								delete(a.Labels, "alertname")
								c.Want = append(c.Want, metrics.ExpectedAlert{Labels: a.Labels, Annotations: a.Notes})
								fired++
							}
						}
					}
					test.Alerts = append(test.Alerts, c)
				}
				w.now = w.now.Add(time.Minute)
			}
			test.Input = in
			if bad := promtest.Run(t.Context(), test, []promtest.RuleFile{{Path: "rules.yaml", Text: hundred}}); len(bad) > 0 {
				t.Errorf("%d of %d checks differ, the first: %+v", len(bad), len(test.Alerts), bad[0])
			}
			if fired < 20 {
				t.Errorf("only %d firings in %d minutes: the test tells nothing", fired, minutes)
			}
		})
	}
}

const five = `groups:
- name: g
  interval: 1m
  rules:
  - {alert: Down, expr: "up == 0", for: 5m, labels: {severity: page}}
`

// A restart in the middle of for: what was seen before counts, and the time in
// which nobody looked does not.
func TestForSurvivesARestart(t *testing.T) {
	w := newWorld(t)
	w.replace(five)
	down := func(rounds int) {
		for range rounds {
			w.slot()
			w.put("up", map[string]string{"i": "a"}, 0)
			w.e.Tick(t.Context())
		}
	}
	down(5) // pending since the first: four minutes seen
	if got := w.firing(); len(got) != 0 {
		t.Fatalf("fires after four of five minutes: %v", got)
	}
	w.stop()
	w.now = w.now.Add(2 * time.Minute)
	w.start()
	w.replace(five)
	down(2) // the first two evaluations restore
	if got := w.firing(); len(got) != 0 {
		t.Fatalf("fires while it is restored: %v", got)
	}
	down(2)
	if got := w.firing(); !slices.Equal(got, []string{"Downa"}) {
		t.Errorf("got %v firing four evaluations after the restart; without the minutes before it would take six", got)
	}
}

func TestToldOnceEachMinuteAndOnceWhenOver(t *testing.T) {
	w := newWorld(t)
	w.replace(strings.ReplaceAll(five, "for: 5m", "for: 0s"))
	round := func(v float64) {
		w.slot()
		w.put("up", map[string]string{"i": "a"}, v)
		w.e.Tick(t.Context())
	}
	round(0)
	round(0)
	round(0)
	if n := len(w.told); n != 3 && n != 2 {
		t.Fatalf("got %d words in three minutes", n)
	}
	a := w.told[0]
	if want := a.At.Add(4 * time.Minute); !a.Until.Equal(want) || !a.ResolvedAt.IsZero() || a.Labels["alertname"] != "Down" || a.File != "rules.yaml" {
		t.Errorf("got %+v, want it to end by itself at %s", a, want)
	}
	w.told = nil
	for range 5 {
		round(1)
	}
	if len(w.told) != 1 || w.told[0].ResolvedAt.IsZero() {
		t.Errorf("got %+v, want one resolve", w.told)
	}
}

// What could not be handed over is told again, the last word on each alert once.
func TestNothingIsLostWhileNobodyListens(t *testing.T) {
	w := newWorld(t)
	w.replace(strings.ReplaceAll(five, "for: 5m", "for: 0s"))
	w.fail = errors.New("the database is locked")
	for i := range 6 {
		w.slot()
		w.put("up", map[string]string{"i": "a"}, float64(i/4))
		w.e.Tick(t.Context())
	}
	if err := w.e.Health(t.Context()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("got health %v, want Unavailable", err)
	}
	w.fail = nil
	w.e.Tick(t.Context())
	if len(w.told) != 1 || w.told[0].ResolvedAt.IsZero() {
		t.Errorf("got %+v, want the resolve alone", w.told)
	}
	if err := w.e.Health(t.Context()); err != nil {
		t.Error(err)
	}
}

// A query that cannot be answered shows on the rule and in the health.
func TestAWrongQueryIsNotSilent(t *testing.T) {
	w := newWorld(t)
	w.replace(`groups: [{name: g, rules: [{alert: A, expr: "a * on (i) b"}, {alert: B, expr: "up == 0"}]}]`)
	w.slot()
	for _, k := range []string{"1", "2"} {
		w.put("a", map[string]string{"i": "x", "k": k}, 1)
		w.put("b", map[string]string{"i": "x", "k": k}, 1)
	}
	w.put("up", map[string]string{"i": "a"}, 0)
	w.e.Tick(t.Context())
	r := w.e.Groups()[0].Rules
	if !strings.Contains(r[0].Error, "many-to-many") && !strings.Contains(r[0].Error, "duplicate series") {
		t.Errorf("got error %q of the rule", r[0].Error)
	}
	if err := w.e.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "rule A") {
		t.Errorf("got health %v, want it to name the rule", err)
	}
	if !slices.Equal(w.firing(), []string{"Ba"}) {
		t.Errorf("got %v firing: the other rule goes on", w.firing())
	}
}

func TestReplaceKeepsWhatStaysAndResolvesWhatGoes(t *testing.T) {
	w := newWorld(t)
	two := `groups: [{name: g, rules: [{alert: A, expr: "up == 0"}, {alert: B, expr: "up == 0"}]}]`
	w.replace(two)
	w.slot()
	w.put("up", map[string]string{"i": "a"}, 0)
	w.e.Tick(t.Context())
	w.told = nil
	w.replace(`groups: [{name: g, rules: [{alert: A, expr: "up == 0"}]}]`)
	if !slices.Equal(w.firing(), []string{"Aa"}) {
		t.Errorf("got %v firing after the change, want A as before", w.firing())
	}
	w.e.Tick(t.Context())
	if len(w.told) != 1 || w.told[0].Labels["alertname"] != "B" || w.told[0].ResolvedAt.IsZero() {
		t.Errorf("got %+v, want B resolved", w.told)
	}
	w.told = nil
	if err := w.e.Replace(nil); err != nil {
		t.Fatal(err)
	}
	w.e.Tick(t.Context())
	if len(w.told) != 1 || w.told[0].Labels["alertname"] != "A" || len(w.e.Groups()) != 0 {
		t.Errorf("got %+v and %d groups, want A resolved and none", w.told, len(w.e.Groups()))
	}
	w.now = w.now.Add(time.Second)
	got, err := w.store.Instant(t.Context(), `count(ALERTS)`, w.now)
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v: the series of rules that are gone end", got, err)
	}
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		five: "", `groups: [{name: g, rules: [{alert: A, expr: "up =="}]}]`: "could not parse expression",
		`groups: [{name: g, rules: [{alert: A, expr: up, annotations: {s: "{{ $valu }}"}}]}]`: "undefined variable",
		`groups: [{name: g, rules: [{record: a, expr: up, for: 1m}]}]`:                        "invalid field 'for'",
		`groups: [{name: g, rules: [{alert: A, record: b, expr: up}]}]`:                       "only one of",
	} {
		bad := promrules.Check(promrules.File{Path: "f", Text: text})
		switch {
		case want == "" && len(bad) > 0:
			t.Errorf("%s: got %+v, want none", text, bad)
		case want != "" && (len(bad) == 0 || !strings.Contains(bad[0].Text, want) || bad[0].Group != "g" || bad[0].Rule != 0):
			t.Errorf("%s: got %+v, want %q", text, bad, want)
		}
	}
}
