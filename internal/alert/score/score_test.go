package score_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/score"
)

var t0 = time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)

func TestWilsonKnownValues(t *testing.T) {
	for _, tt := range []struct {
		k, n      int
		low, high float64
	}{
		{5, 10, 0.2366, 0.7634},
		{0, 5, 0, 0.4345},
		{5, 5, 0.5655, 1},
		{1, 20, 0.0089, 0.2361},
		{81, 263, 0.2553, 0.3662}, // Newcombe 1998, table I
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
		{0, 0, 0, 1},
	} {
		s := score.ShareOf(tt.k, tt.n)
		if math.Abs(s.Low-tt.low) > 6e-5 || math.Abs(s.High-tt.high) > 6e-5 {
			t.Errorf("%d of %d: got %.4f to %.4f, want %.4f to %.4f", tt.k, tt.n, s.Low, s.High, tt.low, tt.high)
		}
		if s.Told != (tt.n >= 5) {
			t.Errorf("%d of %d: told %v", tt.k, tt.n, s.Told)
		}
	}
}

func TestWilsonProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100_000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		s, mirror := score.ShareOf(k, n), score.ShareOf(n-k, n)
		if s.Low < 0 || s.High > 1 || s.Low > s.At || s.High < s.At {
			t.Fatalf("%d of %d: %v does not hold its own share", k, n, s)
		}
		if math.Abs(s.Low-(1-mirror.High)) > 1e-9 {
			t.Fatalf("%d of %d: %v is not the mirror of %v", k, n, s, mirror)
		}
		if k < n && score.ShareOf(k+1, n).Low < s.Low {
			t.Fatalf("%d of %d: one more lowers the bound", k, n)
		}
		if more := score.ShareOf(2*k, 2*n); more.High-more.Low > s.High-s.Low+1e-9 {
			t.Fatalf("%d of %d: more data widens the interval", k, n)
		}
	})
}

func row(n int, rule string, v alert.Verdict, lasted time.Duration) score.Row {
	at := t0.Add(-time.Duration(n) * time.Hour)
	return score.Row{ID: fmt.Sprint(rule, n), Source: "api", Rule: rule, Service: "checkout", Severity: alert.Page, OpenedAt: at, ResolvedAt: at.Add(lasted), Verdict: v, JudgedAt: at.Add(lasted)}
}

func TestScore(t *testing.T) {
	rows := []score.Row{
		row(1, "a", alert.Actionable, time.Hour), row(2, "a", alert.Noise, time.Minute), row(3, "a", alert.Noise, time.Minute),
		row(4, "a", alert.Known, time.Minute), row(5, "a", alert.WrongOwner, time.Minute), row(6, "a", "", time.Minute),
		row(7, "a", alert.Noise, 2*time.Minute), row(8, "a", alert.Noise, 2*time.Minute), row(24*40, "a", "", time.Minute),
		row(24*100, "a", alert.Noise, time.Minute), row(1, "b", "", time.Hour),
	}
	rows[0].AckedAt, rows[0].Incident = rows[0].OpenedAt.Add(4*time.Minute), "i1"
	rows[1].Incident = "i1"
	rows[4].AckedAt = rows[4].OpenedAt.Add(30 * time.Second)
	rows[5].ByHand = true
	got := score.Of(rows, t0.Add(-score.Window), t0, nil)
	if len(got) != 2 || got[0].Rule != "a" {
		t.Fatalf("got %+v, want a before b", got)
	}
	a := got[0]
	if a.Alerts != 9 || a.Pages != 9 || a.Judged != 7 || a.Actionable != 1 || a.Noise != 4 || a.Known != 1 || a.WrongOwner != 1 {
		t.Errorf("counts: %+v", a)
	}
	if a.Precision.At != 0.2 || !a.Precision.Told || !a.Broken() {
		t.Errorf("precision: %+v", a.Precision)
	}
	if a.PagesPerShift != 8.0/56 || a.AckMedian != 30*time.Second || a.AckP90 != 4*time.Minute || a.Alone.K != 6 || a.Alone.N != 9 {
		t.Errorf("got %v pages a shift, ack %s and %s, alone %+v", a.PagesPerShift, a.AckMedian, a.AckP90, a.Alone)
	}
	if a.Incidents != 1 || a.PerIncident != 2 {
		t.Errorf("got %d incidents, %v alerts each; want 1 and 2", a.Incidents, a.PerIncident)
	}
	if got[1].Precision.Told || got[1].Precision.High != 1 {
		t.Errorf("b cannot be told: %+v", got[1].Precision)
	}
}

func many(rule string, n int, v alert.Verdict, lasted time.Duration) (out []score.Row) {
	for i := range n {
		out = append(out, row(i+1, rule, v, lasted))
	}
	return out
}

// joined makes an incident of each alert that mattered.
func joined(rows []score.Row) []score.Row {
	for i := range rows {
		if rows[i].Mattered() {
			rows[i].Incident = "i" + rows[i].ID
		}
	}
	return rows
}

func TestPropose(t *testing.T) {
	mixed := append(many("x", 6, alert.Noise, 2*time.Hour), row(20, "x", alert.Actionable, time.Hour), row(21, "x", alert.Actionable, 3*time.Hour))
	flaps := append(many("x", 6, alert.Noise, 4*time.Minute), row(20, "x", alert.Actionable, time.Hour))
	acked := many("x", 25, alert.Noise, 2*time.Hour)
	acked[0].AckedAt = acked[0].OpenedAt.Add(time.Minute)
	for _, tt := range []struct {
		name string
		rows []score.Row
		kind score.ChangeKind // "" is none
		by   time.Duration
		lost int
	}{
		{"too few to tell", many("x", 4, alert.Noise, time.Minute), "", 0, 0},
		{"worth it", many("x", 20, alert.Actionable, time.Minute), "", 0, 0},
		{"never of use, and nobody took it", many("x", 20, alert.Noise, 2*time.Hour), score.Delete, 0, 0},
		{"never of use, but somebody took it", acked, score.Demote, 0, 0},
		{"too few to delete", many("x", 19, alert.Noise, 2*time.Hour), score.Demote, 0, 0},
		{"flaps", joined(flaps), score.Longer, 5 * time.Minute, 0},
		{"what matters is mixed in", mixed, score.Demote, 0, 2},
		{"one in five is noise, and waiting cures it", joined(append(many("x", 8, alert.Actionable, time.Hour), row(20, "x", alert.Noise, time.Minute), row(21, "x", alert.Noise, 90*time.Second))), score.Longer, 2 * time.Minute, 0},
		{"one in five is noise, and nothing cures it", append(many("x", 8, alert.Actionable, time.Hour), row(20, "x", alert.Noise, 2*time.Hour), row(21, "x", alert.Noise, 2*time.Hour)), "", 0, 0},
	} {
		got := score.Propose(tt.rows, t0.Add(-score.Window), t0, nil)
		if tt.kind == "" {
			if len(got) > 0 {
				t.Errorf("%s: got %+v, want nothing", tt.name, got[0].Change)
			}
			continue
		}
		if len(got) != 1 || got[0].Change.Kind != tt.kind || got[0].Change.By != tt.by || len(got[0].Replay.Lost) != tt.lost || got[0].Safe != (tt.lost == 0) {
			t.Errorf("%s: got %+v, want %s by %s, %d lost", tt.name, got, tt.kind, tt.by, tt.lost)
		}
	}
}

// Two noisy rules told of the same incident. That is said, and neither may go:
// next time one of them may be silent.
func TestWhatAnotherRuleToldIsNoExcuse(t *testing.T) {
	var rows []score.Row
	for _, rule := range []string{"x", "y"} {
		rows = append(rows, many(rule, 9, alert.Noise, 2*time.Hour)...)
		r := row(30, rule, alert.Actionable, 3*time.Hour)
		r.Incident = "i1"
		rows = append(rows, r)
	}
	got := score.Propose(rows, t0.Add(-score.Window), t0, nil)
	for _, p := range got {
		if p.Safe || len(p.Replay.Lost) != 1 || !p.Replay.Lost[0].Covered {
			t.Errorf("got %+v, want one lost, covered and not safe", p)
		}
	}
	if len(got) != 2 {
		t.Errorf("got %d proposals, want 2", len(got))
	}
}

// Whatever is judged: a safe proposal loses nothing that mattered, and what goes
// and what stays is everything.
func TestReplayAddsUp(t *testing.T) {
	verdicts := append(alert.Verdicts(), "")
	rapid.Check(t, func(t *rapid.T) {
		var rows []score.Row
		for i := range rapid.IntRange(5, 60).Draw(t, "alerts") {
			r := row(i+1, "x", rapid.SampledFrom(verdicts).Draw(t, "verdict"), time.Duration(rapid.IntRange(1, 7200).Draw(t, "lasted"))*time.Second)
			if rapid.IntRange(0, 5).Draw(t, "joined") == 0 {
				r.Incident = "i"
			}
			rows = append(rows, r)
		}
		for _, p := range score.Propose(rows, t0.Add(-score.Window), t0, nil) {
			mattered, gone := 0, 0
			for _, r := range rows {
				if p.Change.Survives(r, t0) {
					continue
				}
				gone++
				if r.Mattered() {
					mattered++
				}
			}
			if p.Replay.Gone != gone || len(p.Replay.Lost) < mattered || p.Safe && mattered > 0 {
				t.Fatalf("%+v: %d gone and %d that mattered", p, gone, mattered)
			}
			if p.Change.Kind != score.Delete && p.Replay.Later+gone != len(rows) && p.Change.Kind == score.Longer {
				t.Fatalf("%+v: alerts are missing", p.Replay)
			}
		}
	})
}

func BenchmarkOf(b *testing.B) {
	rows := corpusRows(100_000)
	b.ReportAllocs()
	for b.Loop() {
		score.Of(rows, t0.Add(-score.Window), t0, nil)
	}
}

func corpusRows(n int) []score.Row {
	verdicts := append(alert.Verdicts(), "")
	out := make([]score.Row, n)
	for i := range out {
		at := t0.Add(-time.Duration(i) * score.Window / time.Duration(n))
		out[i] = score.Row{ID: fmt.Sprint(i), Source: "api", Rule: fmt.Sprint("rule-", i%300), Service: fmt.Sprint("svc-", i%40), Severity: alert.Page, OpenedAt: at, AckedAt: at.Add(time.Minute), ResolvedAt: at.Add(time.Hour), Verdict: verdicts[i%5], JudgedAt: at}
	}
	return out
}
