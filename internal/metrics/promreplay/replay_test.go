package promreplay

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

const text = `groups:
- name: up
  rules:
  - {record: up:sum, expr: sum by (job) (up)}
  - {alert: Down, expr: up:sum < 1, for: 2m, labels: {severity: page}}
- name: gone
  interval: 30s
  rules:
  - {alert: Gone, expr: 'absent(up{job="x"})'}
`

var start = time.Date(2026, 4, 6, 0, 0, 0, 0, time.UTC)

// line60 is a series with a sample each minute.
func line60(name, job string, values ...float64) metrics.Points {
	p := metrics.Points{Labels: map[string]string{metrics.NameLabel: name, "job": job}}
	for i, v := range values {
		p.T, p.V = append(p.T, start.Add(time.Duration(i)*time.Minute).UnixMilli()), append(p.V, v)
	}
	return p
}

func played(t *testing.T, s *Samples, minutes int) (out []string) {
	t.Helper()
	r, err := Read([]File{{"r.yml", text}}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Play(t.Context(), s, nil, start, start.Add(time.Duration(minutes)*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range got {
		out = append(out, fmt.Sprintf("%s %s-%s", a.Name, a.From.Sub(start), a.To.Sub(start)))
	}
	return out
}

func TestPlay(t *testing.T) {
	base := NewSamples([]metrics.Points{line60("up", "x", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), line60("up", "y", 1, 1, 1)})
	if got := played(t, base, 9); len(got) > 0 {
		t.Errorf("got %v, want none", got)
	}
	down := base.With([]metrics.Points{line60("up", "x", 1, 1, 0, 0, 0, 0, 1, 1, 1, 1)})
	if got := fmt.Sprint(played(t, down, 9)); got != "[Down 4m0s-6m0s]" {
		t.Errorf("got %v", got)
	}
	gone := base.With([]metrics.Points{line60("up", "x", 1, 1)})
	if got := fmt.Sprint(played(t, gone, 9)); got != "[Gone 6m0s-9m0s]" {
		t.Errorf("got %v", got)
	}
	if got := played(t, base, 9); len(got) > 0 || base.Has("up:sum") {
		t.Errorf("the samples below were changed: %v", got)
	}
}

func TestRulesGoOnWhereProductionRecorded(t *testing.T) {
	s := NewSamples([]metrics.Points{line60("up", "x", 1, 1, 1, 0, 0, 0), line60("up:sum", "x", 1, 1, 1, 1, 1, 1)})
	if got := fmt.Sprint(played(t, s, 5)); got != "[Down 5m0s-5m0s]" {
		t.Errorf("got %v, want what is recorded anew to count", got)
	}
}

func TestReadRefuses(t *testing.T) {
	if _, err := Read([]File{{"r.yml", "groups: [{name: a, rules: [{alert: b, expr: 'sum('}]}]"}}, time.Minute); err == nil {
		t.Error("got no error of a rule that does not parse")
	}
	r, err := Read(nil, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Play(ctx, NewSamples(nil), nil, start, start.Add(time.Hour)); err != nil {
		t.Errorf("got %v of no rules", err)
	}
}

func TestSamplesAreRead(t *testing.T) {
	s := NewSamples([]metrics.Points{line60("up", "x", 1, 2, 3), line60("down", "x", 9)})
	n := 0
	err := s.Read(t.Context(), metrics.Watch{Selector: metrics.Selector{{Name: metrics.NameLabel, Op: "=", Value: "up"}}}, start, start.Add(time.Hour), func(p metrics.Points) error {
		n += len(p.T)
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("got %d, %v: a range is open on its left", n, err)
	}
	r, err := Read(nil, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Engine{r, s}.Instant(t.Context(), `sum({__name__=~"up|down"})`, start)
	if err != nil || len(got) != 1 || got[0].Points[0].V != 10 {
		t.Errorf("got %v, %v", got, err)
	}
}
