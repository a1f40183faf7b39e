package feed

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
)

// box is an inbox that takes each id once.
type box struct {
	had  map[string]string
	all  map[string]*alert.Alert
	open map[string]string
}

func (b *box) TakeAll(_ context.Context, all []alert.Signal) (out []alert.Taken, err error) {
	for _, s := range all {
		id, ok := b.had[s.ID]
		if !ok {
			id = b.open[s.Fingerprint()]
			if id == "" && s.Firing {
				id = strconv.Itoa(len(b.all))
				b.all[id] = &alert.Alert{ID: id}
			}
			if a := b.all[id]; a != nil {
				a.Take(s)
				b.open[s.Fingerprint()] = id
				if a.State() == alert.Resolved {
					b.open[s.Fingerprint()] = ""
				}
			}
			b.had[s.ID] = id
		}
		t := alert.Taken{}
		if a := b.all[id]; a != nil {
			t.Alert = *a
		}
		out = append(out, t)
	}
	return out, nil
}

func TestWhatFellSilentAndComesBackIsOpenAgain(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	b := &box{had: map[string]string{}, all: map[string]*alert.Alert{}, open: map[string]string{}}
	f := New(b, slog.New(slog.DiscardHandler), func() time.Time { return now })
	start := now
	a := dispatch.Alert{Labels: dispatch.NewSet(map[string]string{"alertname": "x"}), StartsAt: start}
	step := func(want int) {
		t.Helper()
		if err := f.bring(t.Context()); err != nil {
			t.Fatal(err)
		}
		open := 0
		for _, one := range b.all {
			if one.State() == alert.Open {
				open++
			}
		}
		if open != want {
			t.Fatalf("%d alerts are open after %s, want %d", open, now.Sub(start), want)
		}
	}
	for range 3 {
		a.EndsAt = now.Add(5 * time.Minute)
		f.Heard([]dispatch.Alert{a})
		step(1)
		now = now.Add(10 * time.Minute) // nobody repeats it
		f.expire()
		step(0)
		now = now.Add(time.Minute)
	}
	a.EndsAt = now.Add(5 * time.Minute)
	f.Heard([]dispatch.Alert{a})
	step(1)
	// After a restart all is said again.
	f = New(b, slog.New(slog.DiscardHandler), func() time.Time { return now })
	f.Heard([]dispatch.Alert{a})
	step(1)
	if len(b.all) != 4 {
		t.Errorf("%d alerts, want 4", len(b.all))
	}
}
