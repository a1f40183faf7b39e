// Package feed carries alerts between the two sides of the room: what senders
// say now (package dispatch), which routes tell of, and the inbox, whose alerts
// people answer.
//
// # Rules
//
//   - What comes in by Alertmanager's API is in the inbox a moment after it was
//     accepted, one alert an episode, and again after every start until it is.
//   - What rooms and other senders report to the inbox is told along the routes.
//   - Nothing goes round: an alert goes over to the other side once.
package feed

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
)

// Source is the inbox's name for what came by Alertmanager's API.
const Source = "alertmanager"

// Signal is a as the inbox takes it.
func Signal(a dispatch.Alert, now time.Time) alert.Signal {
	label := a.Labels.Strings()
	note := a.Annotations.Strings()
	fp := a.Labels.Fingerprint().String()
	s := alert.Signal{
		Firing: !a.ResolvedAt(now), Source: Source, Key: fp, Rule: clip(cmp.Or(label[model.AlertNameLabel], "alert"), 200),
		Service: clip(first(label, "service", "app", "job", "namespace"), 200), Severity: alert.SeverityOf(label["severity"]),
		Summary: clip(first(note, "summary", "title", "message", "description"), 4096), URL: clip(cmp.Or(first(note, "runbook_url", "playbook"), a.GeneratorURL), 2048),
		Labels: label, Annotations: note, At: a.StartsAt,
	}
	s.Summary = cmp.Or(s.Summary, s.Rule)
	s.ID = fmt.Sprintf("am/%s/%d/f", fp, a.StartsAt.UnixMicro())
	if !s.Firing {
		s.At = a.EndsAt
		// With its end: what fell silent and comes back with its old start ends again.
		s.ID = fmt.Sprintf("am/%s/%d/r/%d", fp, a.StartsAt.UnixMicro(), a.EndsAt.UnixMicro())
	}
	return s
}

func first(m map[string]string, names ...string) string {
	for _, n := range names {
		if v := m[n]; v != "" {
			return v
		}
	}
	return ""
}

// clip keeps s within what a signal may hold.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut]
}

// Alert is an alert of the inbox as routes tell of it.
func Alert(a alert.Alert) dispatch.Alert {
	out := dispatch.Alert{
		Labels: dispatch.NewSet(a.LabelSet()), StartsAt: a.OpenedAt, EndsAt: a.ResolvedAt, UpdatedAt: a.LastAt, GeneratorURL: a.URL, Ack: a.AckedBy, Own: true,
	}
	notes := map[string]string{"summary": a.Summary}
	maps.Copy(notes, a.Annotations)
	out.Annotations = dispatch.NewSet(notes)
	return out
}

// Inbox is where alerts go: *alert.Inbox.
type Inbox interface {
	TakeAll(ctx context.Context, all []alert.Signal) ([]alert.Taken, error)
}

// Feeder brings alerts to the inbox. It is safe for concurrent use.
type Feeder struct {
	inbox Inbox
	log   *slog.Logger
	now   func() time.Time
	wake  chan struct{}

	mu      sync.Mutex
	pending []word
	firing  map[model.Fingerprint]dispatch.Alert // in the inbox, or on their way
}

// word is an alert as it stood when it was heard.
type word struct {
	alert dispatch.Alert
	at    time.Time
}

// New returns a Feeder that has nothing to bring.
func New(inbox Inbox, log *slog.Logger, now func() time.Time) *Feeder {
	return &Feeder{inbox: inbox, log: log, now: now, wake: make(chan struct{}, 1), firing: map[model.Fingerprint]dispatch.Alert{}}
}

// Heard notes alerts as they stand. Those whose state is no news are left out;
// so are those that the inbox told of itself.
func (f *Feeder) Heard(all []dispatch.Alert) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	for _, a := range all {
		if !a.Own {
			f.note(a, now)
		}
	}
	if len(f.pending) > 0 {
		f.rouse()
	}
}

func (f *Feeder) note(a dispatch.Alert, now time.Time) {
	fp := a.Labels.Fingerprint()
	was, known := f.firing[fp]
	over := a.ResolvedAt(now)
	if over {
		delete(f.firing, fp)
	} else {
		f.firing[fp] = a
	}
	if over || !known || !was.StartsAt.Equal(a.StartsAt) {
		f.pending = append(f.pending, word{a, now})
	}
}

func (f *Feeder) rouse() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

const (
	batch = 500 // signals in one transaction
	every = time.Second
)

// Run brings what was heard, and the end of what its senders stopped to
// repeat, until ctx ends. What it could not bring it tries again.
func (f *Feeder) Run(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.wake:
		case <-tick.C:
			f.expire()
		}
		if err := f.bring(ctx); err != nil && ctx.Err() == nil {
			f.log.WarnContext(ctx, "alerts wait for the inbox", "err", err)
		}
	}
}

// expire notes the end of what was not repeated in time.
func (f *Feeder) expire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	for fp, a := range f.firing {
		if a.ResolvedAt(now) {
			delete(f.firing, fp)
			f.pending = append(f.pending, word{a, now})
		}
	}
}

// back returns the signals, under new ids, of what fires while the inbox has it
// as over: its sender fell silent and goes on with the same start.
func (f *Feeder) back(words []word, signals []alert.Signal, taken []alert.Taken) (again []word, out []alert.Signal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, t := range taken {
		w, s := words[i], signals[i]
		if !s.Firing || t.Err != nil || t.Alert.State() != alert.Resolved || t.Alert.ResolvedBy != "" {
			continue
		}
		if now, ok := f.firing[w.alert.Labels.Fingerprint()]; !ok || !now.StartsAt.Equal(w.alert.StartsAt) {
			continue // it is over again
		}
		s.ID = fmt.Sprintf("%s/%d", Signal(w.alert, w.at).ID, t.Alert.ResolvedAt.UnixMicro())
		s.At = w.at
		again, out = append(again, w), append(out, s)
	}
	return again, out
}

func (f *Feeder) bring(ctx context.Context) error {
	for {
		f.mu.Lock()
		part := f.pending[:min(batch, len(f.pending))]
		f.mu.Unlock()
		if len(part) == 0 {
			return nil
		}
		signals := make([]alert.Signal, len(part))
		for i, w := range part {
			signals[i] = Signal(w.alert, w.at)
		}
		for words := part; len(signals) > 0; {
			taken, err := f.inbox.TakeAll(ctx, signals)
			if err != nil {
				return err
			}
			for i, t := range taken {
				if t.Err != nil {
					f.log.WarnContext(ctx, "an alert is told along the routes and not in the inbox", "alert", signals[i].Rule, "err", t.Err)
				}
			}
			words, signals = f.back(words, signals, taken)
		}
		f.mu.Lock()
		if f.pending = f.pending[len(part):]; len(f.pending) == 0 {
			f.pending = nil
		}
		f.mu.Unlock()
	}
}
