package ical

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// Feed says how turns become events.
type Feed struct {
	Person string    // only the turns of this person; "" is everybody's, and no gaps
	Stamp  time.Time // becomes DTSTAMP
	Alarm  time.Duration
	// Title is the summary of a turn; nil is "person (rota)".
	Title func(rota.Turn) string
	// Slot is when the turn's slot began: it identifies the event. nil is the turn's
	// start, which is right where the range of the turns did not cut it.
	Slot func(rota.Turn) time.Time
	URL  string
}

// Events makes events of turns. Their UIDs depend on the rota, on what put the
// person on call and on when the slot began, and not on when it ends.
func (f Feed) Events(turns []rota.Turn) []Event {
	var out []Event
	seen := map[string]int{}
	for _, t := range turns {
		if t.Person == "" {
			continue
		}
		uid := f.uid(t, seen)
		if f.Person != "" && t.Person != f.Person {
			continue
		}
		title := t.Person + " (" + t.Rota + ")"
		if f.Title != nil {
			title = f.Title(t)
		}
		out = append(out, Event{UID: uid, Stamp: f.Stamp, Start: t.Start, End: t.End, Summary: title, Alarm: f.Alarm, URL: f.URL})
	}
	return out
}

func (f Feed) uid(t rota.Turn, seen map[string]int) string {
	start := t.Start
	if f.Slot != nil {
		start = f.Slot(t)
	}
	key := strings.Join([]string{t.Rota, t.Source.Kind, t.Source.ID, start.UTC().Format(instantLayout)}, "\x00")
	n := seen[key]
	seen[key]++
	if n > 0 { // several people in one slot
		key += fmt.Sprintf("\x00%d", n)
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16]) + "@hinoban"
}

// Revise gives the events of now the sequences that follow those of before: the
// same where nothing changed, one more where something did. Events that are no
// more are appended as cancelled, unless they had ended by now's stamp.
func Revise(before, now []Event, stamp time.Time) []Event {
	old := make(map[string]Event, len(before))
	for _, e := range before {
		old[e.UID] = e
	}
	out := slices.Clone(now)
	for i, e := range out {
		b, ok := old[e.UID]
		delete(old, e.UID)
		switch {
		case ok && same(b, e):
			out[i].Sequence, out[i].Stamp = b.Sequence, b.Stamp
		case ok:
			out[i].Sequence = b.Sequence + 1
		}
	}
	for _, e := range before {
		if _, gone := old[e.UID]; !gone || !e.End.After(stamp) {
			continue
		}
		if !e.Cancelled {
			e.Cancelled, e.Sequence, e.Stamp = true, e.Sequence+1, stamp
		}
		out = append(out, e)
	}
	return out
}

func same(a, b Event) bool {
	return a.Start.Equal(b.Start) && a.End.Equal(b.End) && a.Summary == b.Summary && a.Cancelled == b.Cancelled &&
		a.Description == b.Description && a.Location == b.Location && a.URL == b.URL && a.AllDay == b.AllDay && a.Alarm == b.Alarm
}
