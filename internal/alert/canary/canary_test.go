package canary_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/canary"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

func read(spec string) ([]canary.Canary, ascode.Problems) {
	set, problems := ascode.Parse(map[string]string{"c.yaml": "apiVersion: hinoban/v1\nkind: Canary\nmetadata: {name: shop}\nspec: " + spec + "\n"}, canary.Kinds())
	return canary.Build(set), problems
}

func TestDocuments(t *testing.T) {
	got, problems := read("{}")
	want := canary.Canary{Name: "shop", Every: 15 * time.Minute, Min: 30 * time.Second, Max: 90 * time.Second, Urgency: alert.Ticket}
	if len(problems) > 0 || len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, %v; want %+v", got, problems, want)
	}
	for spec, says := range map[string]string{
		"{every: 5s}": "not a time between 1m0s", "{every: often}": "not a time", "{lasts: {min: 1s}}": "between 10s",
		"{lasts: {min: 3m}}": "longer than max", "{deadman: 'ftp://x'}": "not an http", "{urgency: info}": "urgency",
	} {
		if _, problems := read(spec); len(problems) == 0 || !strings.Contains(problems[0].String(), says) {
			t.Errorf("%s: got %v, want %q", spec, problems, says)
		}
	}
}

func TestTheScheduleIsSeededAndBounded(t *testing.T) {
	c := canary.Canary{Name: "a", Every: 15 * time.Minute, Min: 30 * time.Second, Max: 90 * time.Second}
	after, sum, capped := t0, time.Duration(0), 0
	const n = 4000
	for range n {
		at, lasts := c.Next(7, after, 30*time.Second)
		if again, l := c.Next(7, after, 30*time.Second); !again.Equal(at) || l != lasts {
			t.Fatal("the same past has another future")
		}
		gap := at.Sub(after)
		if gap < 30*time.Second || gap > 2*c.Every || lasts < c.Min || lasts > c.Max {
			t.Fatalf("gap %s, lasts %s", gap, lasts)
		}
		if gap == 2*c.Every {
			capped++
		}
		sum += gap
		after = at.Add(lasts)
	}
	// An exponential that ends at twice its mean has the mean 1 − e⁻² of it, and e⁻² of
	// all draws end there.
	if mean := sum / n; mean < 12*time.Minute+20*time.Second || mean > 13*time.Minute+40*time.Second || capped < n/9 || capped > n/6 {
		t.Errorf("mean %s, %d of %d at the end", mean, capped, n)
	}
	one, _ := c.Next(7, t0, 0)
	c.Name = "b"
	if other, _ := c.Next(7, t0, 0); one.Equal(other) {
		t.Error("two canaries fail together")
	}
	if c.Overdue(t0, t0.Add(45*time.Minute)) || !c.Overdue(t0, t0.Add(45*time.Minute+1)) {
		t.Error("overdue is after three times the mean")
	}
}

func TestStagesAndQuantiles(t *testing.T) {
	s := func(n float64) time.Time { return t0.Add(time.Duration(n * float64(time.Second))) }
	faults := []canary.Fault{
		{At: s(0), Fired: s(5), Stored: s(5.1), Told: []canary.Told{{"team/webhook[0]", s(35), s(35.2)}, {"mail/email[0]", s(6), s(8)}}, Settled: true},
		{At: s(100.0005), Fired: s(100), Stored: s(100.1), Told: []canary.Told{{"team/webhook[0]", s(110), s(111)}}},
		{At: s(200), Settled: true},
		{At: s(300), Fired: s(301)},
	}
	got := canary.Sum(canary.Canary{Name: "shop", Every: time.Minute}, faults)
	if got.Faults != 4 || got.Arrived != 2 || got.Missing != 1 || !got.Last.Equal(s(111)) || len(got.Ways) != 2 {
		t.Fatalf("got %+v", got)
	}
	way := got.Ways[1]
	if m := way.Stages[4]; way.Receiver != "team/webhook[0]" || m.Stage != canary.Total || m.N != 2 || m.P50 != 10.9995 || m.P99 != 35.2 {
		t.Errorf("got %+v", way)
	}
	if m := way.Stages[0]; m.P50 != 0 || m.P99 != 5 {
		t.Errorf("fired: %+v, want nothing below 0", m)
	}
	if at := faults[0].Arrived(); !at.Equal(s(8)) {
		t.Errorf("arrived %s, want the first receiver's", at)
	}
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 1: 100} {
		if d := canary.Quantile(hundred, q); d != want {
			t.Errorf("quantile %v: %d, want %d", q, d, want)
		}
	}
}

func TestOnlyItsOwnAlertIsACanary(t *testing.T) {
	own := alert.Alert{Source: "rule", Rule: canary.Rule, Labels: map[string]string{"canary": "shop"}}
	release := alert.Alert{Source: "rule", Rule: "HighErrors", Labels: map[string]string{"canary": "true"}}
	sent := alert.Alert{Source: "alertmanager", Rule: canary.Rule, Labels: map[string]string{"canary": "shop"}}
	if !canary.Is(own) || canary.Is(release) || canary.Is(sent) {
		t.Error("want only the rule's own alert")
	}
}
