package importer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

const startLayout = "2006-01-02 15:04"

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
)

// turns is a rotation in neutral words.
type turns struct {
	where   string
	loc     *time.Location
	start   time.Time
	length  int    // units of a turn
	unit    string // h, d, w or mo
	elapsed bool   // hours by the stopwatch, not by the clock
	members []string
	all     bool
	hours   []Hours
	// When it begins and ends to count; zero is always.
	begins, ends time.Time
	priority     int
}

// add puts a rotation into a rota, and notes what differs.
func (b *builder) add(r *Rota, t turns) {
	if len(t.members) == 0 || !slices.ContainsFunc(t.members, func(m string) bool { return m != "" }) {
		b.note("", t.where, "nobody is in it; it was left out", "")
		return
	}
	if !t.ends.IsZero() && !t.ends.After(b.o.Now) {
		b.note("", t.where, "it ended at "+t.ends.UTC().Format(time.RFC3339)+"; it was left out", "")
		return
	}
	if !t.ends.IsZero() {
		b.note(r.Name, t.where, "it ends at "+t.ends.UTC().Format(time.RFC3339)+"; a rotation has no end", "take it out of the document then")
	}
	if t.begins.After(b.o.Now) {
		b.note(r.Name, t.where, "it begins at "+t.begins.UTC().Format(time.RFC3339)+"; a rotation has always been", "add it to the document then")
	}
	if why := t.unwritable(r); why != "" {
		b.note(r.Name, t.where, why+"; it was left out", "write it by hand")
		return
	}
	out := Rotation{Name: b.rotationName(r, t.where), Members: t.members, All: t.all || len(t.members) == 1, Hours: t.hours, Priority: t.priority}
	loc := t.loc
	if !out.All {
		loc = b.cadence(r, &out, t)
	}
	if loc.String() != r.TimeZone {
		out.TimeZone = loc.String()
	}
	b.edges(r, t, loc, out.All)
	r.Rotations = append(r.Rotations, out)
}

// unwritable says why a rotation cannot be written, or nothing.
func (t *turns) unwritable(r *Rota) string {
	switch y := t.start.Year(); {
	case y < 1970 || y > 2199:
		return "its start lies in the year " + strconv.Itoa(y)
	case len(t.hours) > 20:
		return "it has more than 20 stretches of the week"
	case t.length < 1 || t.length > 9999:
		return "its turns are too long"
	case len(r.Rotations) >= 50:
		return "the rota has 50 rotations already"
	}
	return ""
}

// cadence fills in when members hand over and returns the zone for that.
func (b *builder) cadence(r *Rota, out *Rotation, t turns) *time.Location {
	loc := t.loc
	if t.unit == "h" && changes(loc) {
		switch divides := 24%t.length == 0; {
		case t.elapsed && len(t.hours) == 0:
			loc = time.UTC // there the clock is a stopwatch
		case t.elapsed && divides:
			b.note(r.Name, t.where, "turns of hours go by elapsed time there and by the clock here: after a change of the clocks hand-overs differ by the change", "set start anew if the others' hours are meant")
		case !t.elapsed && !divides:
			b.note(r.Name, t.where, "turns of "+strconv.Itoa(t.length)+" hours go by the clock there and by elapsed time here: after a change of the clocks hand-overs differ by the change", "take a length that divides 24 hours")
		}
	}
	at := t.start.In(loc)
	if at.Second() != 0 || at.Nanosecond() != 0 {
		b.note(r.Name, t.where, "it hands over within a minute, at "+at.Format(time.TimeOnly)+"; seconds were cut off", "")
	}
	out.Start = at.Format(startLayout)
	out.Every = strconv.Itoa(t.length) + t.unit
	if t.unit == "mo" && at.Day() > 28 {
		b.note(r.Name, t.where, "it hands over on day "+strconv.Itoa(at.Day())+" of the month; here a shorter month hands over on its last day", "hand over on a day up to 28")
	}
	return loc
}

// edges notes where hand-overs or hours lie in the hour that changes of the
// clocks repeat or leave out: products treat it differently.
func (b *builder) edges(r *Rota, t turns, loc *time.Location, all bool) {
	minutes := map[int]bool{}
	if at := t.start.In(loc); !all && t.unit != "h" {
		minutes[at.Hour()*60+at.Minute()] = true
	}
	for _, h := range t.hours {
		if h.From != h.To || h.Days != everyDay() {
			minutes[h.From], minutes[h.To] = true, true
		}
	}
	if t.unit == "h" && !all && !t.elapsed {
		at := t.start.In(loc)
		for h := 0; h < 24; h += t.length {
			if troubled(loc, (at.Hour()+h)%24*60+at.Minute()) {
				b.note(r.Name, t.where, "it hands over by the hour, also in the hour that changes of the clocks repeat or leave out; there this may move all later hand-overs, here it does not", "compare the hand-overs, or choose other times of day")
				break
			}
		}
	}
	for m := range minutes {
		if troubled(loc, m) {
			b.night(r.Name, t.where, "it begins, ends or hands over at a time of day that changes of the clocks in "+loc.String()+" repeat or leave out: in these nights turns may differ by the change", "choose another time of day")
			return
		}
	}
}

func (b *builder) rotationName(r *Rota, where string) string {
	if _, own, ok := strings.Cut(where, " / "); ok {
		where = own
	}
	where = cut(where, 90)
	name := where
	for n := 2; slices.ContainsFunc(r.Rotations, func(o Rotation) bool { return o.Name == name }); n++ {
		name = where + " " + strconv.Itoa(n)
	}
	return name
}

func everyDay() [7]bool { return [7]bool{true, true, true, true, true, true, true} }

// transitions calls each with the changes of a zone's clocks from 2020 to 2037:
// what they show before and after, in seconds of the wall.
func transitions(loc *time.Location, each func(before, after int64)) {
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for at.Year() < 2038 {
		_, end := at.In(loc).ZoneBounds()
		if end.IsZero() {
			return
		}
		if !end.After(at) {
			end = at.Add(time.Hour)
		}
		_, off0 := end.Add(-time.Second).In(loc).Zone()
		_, off1 := end.In(loc).Zone()
		if off0 != off1 {
			each(end.Unix()+int64(off0), end.Unix()+int64(off1))
		}
		at = end.UTC()
	}
}

func changes(loc *time.Location) (out bool) {
	transitions(loc, func(int64, int64) { out = true })
	return out
}

// troubled reports whether a change of the clocks ever repeats or leaves out a
// minute of the day, its edges included.
func troubled(loc *time.Location, minute int) (out bool) {
	transitions(loc, func(before, after int64) {
		lo, hi := min(before, after)/60, max(before, after)/60
		for m := lo; m <= hi; m++ {
			if int(m%dayMinutes) == minute%dayMinutes {
				out = true
				return
			}
		}
	})
	return out
}

// weekly is the hours of a stretch of the week that begins on a day at a minute
// and lasts for minutes: one entry for each day that it touches.
func weekly(day time.Weekday, from, length int) []Hours {
	if length >= weekMinutes {
		return nil // always
	}
	var out []Hours
	for length > 0 {
		part := min(length, dayMinutes-from)
		if len(out) == 0 && length <= dayMinutes {
			part = length // over midnight is one stretch
		}
		h := Hours{From: from, To: (from + part) % dayMinutes}
		h.Days[day] = true
		out = append(out, h)
		length -= part
		from, day = 0, (day+1)%7
	}
	return merged(out)
}

// merged puts stretches that differ only in their day together.
func merged(hours []Hours) (out []Hours) {
	for _, h := range hours {
		i := slices.IndexFunc(out, func(o Hours) bool { return o.From == h.From && o.To == h.To })
		if i < 0 {
			out = append(out, h)
			continue
		}
		for d, on := range h.Days {
			out[i].Days[d] = out[i].Days[d] || on
		}
	}
	return out
}

// Schedule makes the schedule of package rota that the document will make.
func (r *Rota) Schedule() (*rota.Schedule, error) {
	zone, err := rota.LoadZone(r.TimeZone)
	if err != nil {
		return nil, err
	}
	out := &rota.Schedule{ID: r.Name, Zone: zone}
	for _, v := range r.Rotations {
		t := rota.Rotation{Name: v.Name, Zone: zone, Every: 1, Unit: rota.Daily, All: v.All, Priority: v.Priority}
		if v.TimeZone != "" {
			if t.Zone, err = rota.LoadZone(v.TimeZone); err != nil {
				return nil, err
			}
		}
		if v.Start != "" {
			at, err := time.Parse(startLayout, v.Start)
			if err != nil {
				return nil, fmt.Errorf("rotation %s: %w", v.Name, err)
			}
			t.Day, t.Minute = rota.DayOf(at.Date()), at.Hour()*60+at.Minute()
		}
		if v.Every != "" {
			t.Every, t.Unit = every(v.Every)
		}
		for _, h := range v.Hours {
			t.Windows = append(t.Windows, rota.Window{Days: h.Days, From: h.From, To: h.To})
		}
		for _, m := range v.Members {
			t.Members = append(t.Members, slot(m))
		}
		out.Rotations = append(out.Rotations, t)
	}
	return out, nil
}

// gap is the first time in the next weeks at which nobody is on call.
func (r *Rota) gap(now time.Time) (time.Time, bool) {
	s, err := r.Schedule()
	if err != nil {
		return time.Time{}, false
	}
	for _, t := range s.Turns(nil, now, now.AddDate(0, 0, 60)) {
		if t.Person == "" {
			return t.Start, true
		}
	}
	return time.Time{}, false
}
