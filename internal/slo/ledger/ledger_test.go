package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/change"
	"github.com/hinoban/hinoban/internal/slo/period"
)

var t0 = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return t0.Add(time.Duration(n) * time.Minute) }

func slots(bad ...int64) (out []Slot) {
	for i, b := range bad {
		out = append(out, Slot{Start: minute(5 * i), End: minute(5*i + 5), Bad: b, Total: 1000, Known: true})
	}
	return out
}

func TestAttributeFollowsThePrecedence(t *testing.T) {
	cause := func(id string, k Kind, from, to int) Cause {
		return Cause{ID: id, Kind: k, From: minute(from), To: minute(to), Free: k == Test || k == Corrected}
	}
	in := slots(1, 2, 4, 8, 16, 32, 64, 0)
	causes := []Cause{
		cause("deploy", Change, 0, 30), cause("db", Dependency, 5, 20), cause("i1", Incident, 8, 16), cause("i2", Incident, 12, 14),
		cause("patch", Corrected, 15, 20), cause("load", Test, 20, 25), cause("window", Corrected, 20, 25), cause("late", Change, 28, 40),
	}
	want := map[string]int64{"deploy": 1, "i1": 2, "i2": 4, "patch": 8, "load": 16, "late": 32 + 64}
	got := Attribute(in, causes)
	for _, e := range got {
		if want[e.ID] != e.Bad {
			t.Errorf("%s has %d, want %d", e.ID, e.Bad, want[e.ID])
		}
		delete(want, e.ID)
	}
	if len(want) > 0 || got[0].ID != "late" || got[0].First != minute(25) || got[0].Last != minute(35) {
		t.Errorf("missing %v; first %+v", want, got[0])
	}
	target, err := slo.ParseTarget("99", true)
	if err != nil {
		t.Fatal(err)
	}
	l := Close(slo.Objective{ID: "o", Target: target}, t0, minute(40), 5*time.Minute, append(in, Slot{Start: minute(40), End: minute(45)}), causes)
	if l.Bad != 127 || l.Spent != 127-24 || l.Total != 6000 || l.Allowed < 59.99 || l.Allowed > 60.01 || l.Unknown != 1 || l.Entries[0].Share != 96/l.Allowed {
		t.Errorf("ledger: %+v", l)
	}
}

// Whatever the causes are, all bad events are in the ledger once.
func TestTheSumIsExact(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var in []Slot
		var sum int64
		for i := range rapid.IntRange(0, 40).Draw(r, "slots") {
			b := rapid.Int64Range(0, 1<<40).Draw(r, "bad")
			in = append(in, Slot{Start: minute(5 * i), End: minute(5*i + 5), Bad: b, Total: b, Known: true})
			sum += b
		}
		var causes []Cause
		for i := range rapid.IntRange(0, 10).Draw(r, "causes") {
			from := rapid.IntRange(0, 200).Draw(r, "from")
			kind := rapid.SampledFrom([]Kind{Test, Corrected, Incident, Dependency, Change}).Draw(r, "kind")
			causes = append(causes, Cause{ID: fmt.Sprint(i), Kind: kind, From: minute(from), To: minute(from + rapid.IntRange(0, 60).Draw(r, "long")), Free: kind == Test})
		}
		var got, free int64
		for _, e := range Attribute(in, causes) {
			got += e.Bad
			if e.Free {
				free += e.Bad
			}
		}
		l := Close(slo.Objective{}, t0, minute(200), 5*time.Minute, in, causes)
		if got != sum || l.Bad != sum || l.Spent != sum-free {
			r.Fatalf("%d events are %d in the entries, %d and %d spent in the ledger; %d are free", sum, got, l.Bad, l.Spent, free)
		}
	})
}

type world struct {
	records []event.Record
	told    map[string]int
	facts   []event.Fact
}

func (w *world) Counts(_ context.Context, _ slo.Objective, e slo.Ends) (out []slo.Count, err error) {
	for at := e.From; !at.After(e.To); at = at.Add(e.Step) {
		c := slo.Count{Good: 1000, Total: 1000, Known: true, At: at}
		if at.After(t0.Add(-time.Hour)) {
			c.Good = 200
		}
		out = append(out, c)
	}
	return out, nil
}

func (w *world) Events(_ context.Context, q event.Query) (out []event.Record, err error) {
	for _, r := range w.records {
		for _, n := range q.Names {
			if n == r.Name && (len(q.Services) == 0 || q.Services[0] == r.Service) {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

func (w *world) All(slo.Objective) []period.Correction { return nil }

func (w *world) Service(_ context.Context, id string) (catalog.Service, error) {
	return catalog.Service{ID: id, DependsOn: []catalog.Dependency{{Service: "db", Hard: true}, {Service: "cache"}}}, nil
}

func (w *world) Overspent(_ context.Context, incident, _ string, _ time.Time, facts ...event.Fact) error {
	if w.told[incident]++; w.told[incident] == 1 {
		w.facts = append(w.facts, facts...)
	}
	return nil
}

func record(seq int64, name, subject, service string, at time.Time, payload any) event.Record {
	text, err := json.Marshal(payload)
	if err != nil {
		panic(err)
	}
	return event.Record{Seq: seq, Name: name, Subject: subject, Service: service, At: at, Payload: text}
}

func TestKeeper(t *testing.T) {
	target, err := slo.ParseTarget("99.9", true)
	if err != nil {
		t.Fatal(err)
	}
	o := slo.Objective{ID: "answers", Service: "checkout", Target: target, Window: 30 * 24 * time.Hour}
	w := &world{told: map[string]int{}, records: []event.Record{
		record(9, "incident.declared", "incident/1", "checkout", t0.Add(-30*time.Minute), map[string]any{"number": 7, "title": "Checkout fails"}),
		record(8, change.Name, "change/checkout", "checkout", t0.Add(-70*time.Minute), change.Recorded{Service: "checkout", Kind: "deploy", Summary: "v42"}),
		record(7, "slo.recovered", "slo/rows", "db", t0.Add(-50*time.Minute), map[string]any{}),
		record(6, "slo.burning", "slo/rows", "db", t0.Add(-60*time.Minute), map[string]any{"name": "Rows"}),
	}}
	k := &Keeper{Slots: ByWindow{w}, Events: w, Corrections: w, Services: w, Store: w, Objectives: func() []slo.Objective { return []slo.Objective{o} }, Now: func() time.Time { return t0 }}
	l, err := k.Ledger(t.Context(), o, t0.Add(-24*time.Hour), t0)
	if err != nil {
		t.Fatal(err)
	}
	got := map[Kind]int64{}
	for _, e := range l.Entries {
		got[e.Kind] += e.Bad
	}
	// Twelve slots of 800: nine in the incident and its lead, two while the database
	// burned, one within half an hour of the change.
	if l.Bad != 9600 || got[Incident] != 9*800 || got[Dependency] != 2*800 || got[Change] != 800 || got[Unexplained] != 0 {
		t.Errorf("got %v of %d: %+v", got, l.Bad, l.Entries)
	}
	for range 2 {
		if err := k.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.facts) != 1 || w.told["incident/1"] != 2 {
		t.Fatalf("told %v: %+v", w.told, w.facts)
	}
	if e, ok := w.facts[0].Event.(Overspent); !ok || e.Share <= tooMuch || e.Title != "Checkout fails" || e.EventName() != "slo.overspent" {
		t.Errorf("got %+v", w.facts[0])
	}
}

func TestStep(t *testing.T) {
	for span, want := range map[time.Duration]time.Duration{time.Hour: 5 * time.Minute, 10 * 24 * time.Hour: 5 * time.Minute, 28 * 24 * time.Hour: 15 * time.Minute, 30 * 24 * time.Hour: 15 * time.Minute, 90 * 24 * time.Hour: 45 * time.Minute} {
		if got := Step(span); got != want {
			t.Errorf("%s: got %s, want %s", span, got, want)
		}
	}
}
