package correction

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/period"
)

var t0 = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

type nothing struct{}

func (nothing) Corrections(context.Context) ([]period.Correction, error) { return nil, nil }
func (nothing) PutCorrection(context.Context, period.Correction, ...event.Fact) error {
	return nil
}

func (nothing) DeleteCorrection(context.Context, string, func(period.Correction) []event.Fact) error {
	return nil
}

func nightly(service string) period.Correction {
	return period.Correction{ID: service, Services: []string{service}, Start: t0.AddDate(-1, 0, 0), Duration: 47 * time.Minute, Rule: "FREQ=DAILY", Zone: "Asia/Tokyo", Category: period.Maintenance, Reason: "x"}
}

// What is remembered is what would be worked out anew, whoever asked before.
func TestForRemembersWhatItWorkedOut(t *testing.T) {
	book := NewBook(nothing{}, func() time.Time { return t0 }, func() string { return "" })
	all := []period.Correction{nightly("checkout"), nightly("search")}
	book.Replace(all)
	o := slo.Objective{ID: "answers", Service: "checkout"}
	rapid.Check(t, func(r *rapid.T) {
		from := t0.Add(time.Duration(rapid.Int64Range(-30*24*3600, 30*24*3600).Draw(r, "from")) * time.Second)
		to := from.Add(time.Duration(rapid.Int64Range(0, 10*24*3600).Draw(r, "long")) * time.Second)
		var want []period.Interval
		wide, _ := period.Intervals(all[:1], from.Add(-time.Hour), to.Add(time.Hour))
		for _, i := range period.Snap(wide, Step) {
			if i.End.After(from) && i.Start.Before(to) {
				want = append(want, i)
			}
		}
		if d := cmp.Diff(want, book.For(o, from, to)); d != "" {
			r.Fatalf("%s to %s: -want +got\n%s", from, to, d)
		}
	})
}

func TestBookIsSafeForConcurrentUse(t *testing.T) {
	book := NewBook(nothing{}, func() time.Time { return t0 }, func() string { return "" })
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 200 {
				if w == 0 {
					book.Replace([]period.Correction{nightly(fmt.Sprint("s", i%3))})
					continue
				}
				book.For(slo.Objective{ID: fmt.Sprint(i % 7), Service: fmt.Sprint("s", i%3)}, t0.Add(-time.Duration(i)*time.Hour), t0)
				book.Changes()
			}
		})
	}
	wg.Wait()
	if book.Changes() != 200 {
		t.Errorf("%d changes, want 200", book.Changes())
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	for change, want := range map[string]string{
		"rrule: FREQ=MONTHLY;BYDAY=1SU|rrule: FREQ=SECONDLY": "FREQ is DAILY", "duration: 1h|duration: forever": "not a duration", `start: "2026-12-06T02:00"|start: soon`: "not a time",
		"timeZone: Asia/Tokyo|timeZone: Tokyo": "time zone", "services: [checkout]|services: [nope]": "no service", "services: [checkout]|objectives: [nope]": "no SLO", "category: maintenance|category: because": "category",
	} {
		was, is, _ := strings.Cut(change, "|")
		set, problems := ascode.Parse(map[string]string{"c.yaml": strings.Replace(example, was, is, 1)}, Kinds())
		_, more := Build(set, func(s string) bool { return s == "checkout" }, func(string) bool { return false })
		if problems = append(problems, more...); len(problems) == 0 || !strings.Contains(problems.Error(), want) || problems[0].Line == 0 {
			t.Errorf("%s: got %v, want something about %q", change, problems, want)
		}
	}
}

func BenchmarkFor(b *testing.B) {
	book := NewBook(nothing{}, func() time.Time { return t0 }, func() string { return "" })
	book.Replace([]period.Correction{nightly("checkout")})
	o := slo.Objective{ID: "answers", Service: "checkout"}
	b.ReportAllocs()
	at := t0
	for b.Loop() {
		at = at.Add(10 * time.Second)
		book.For(o, at.Add(-30*24*time.Hour), at)
	}
}
