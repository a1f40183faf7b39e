package importer

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/ical"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Calendars reads iCalendar files (RFC 5545), a rota from each. Its people are
// those who attend an event or organize it, by mail address, and where there are
// neither the names in its summary, with commas between them.
func Calendars(files []File, o Options) (*Result, error) {
	b, err := newBuilder(o)
	if err != nil {
		return nil, err
	}
	if err := b.any(len(files), "no calendar"); err != nil {
		return nil, err
	}
	for _, f := range files {
		c, err := b.open(f)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(path.Base(f.Name), path.Ext(f.Name))
		title := cmp.Or(c.Name, name)
		if err := b.attending(c, "calendar "+title); err != nil {
			return nil, err
		}
		if err := b.calendar(name, name, title, c); err != nil {
			return nil, err
		}
	}
	return b.out, nil
}

// open reads a calendar; all together have at most maxBytes.
func (b *builder) open(f File) (*ical.Calendar, error) {
	if b.read += len(f.Data); b.read > maxBytes {
		return nil, errs.New(errs.Invalid, "%s: the calendars have more than %d bytes: import fewer at a time", f.Name, maxBytes)
	}
	c, err := ical.Read(f.Data)
	if err != nil {
		return nil, errs.New(errs.Invalid, "%s: %w", f.Name, err)
	}
	return c, nil
}

// attending adds the people of a calendar.
func (b *builder) attending(c *ical.Calendar, where string) error {
	for _, e := range c.Events {
		who := append(slices.Clone(e.Attendees), e.Organizer)
		if slices.Equal(who, []string{""}) {
			_, text := ical.Level(e.Summary)
			who = strings.Split(text, ",")
		}
		for _, w := range who {
			w = strings.TrimSpace(w)
			if w == "" || b.people[strings.ToLower(w)] != "" {
				continue
			}
			if len(b.out.People) >= maxItems {
				return errs.New(errs.Invalid, "%s: more than %d people", where, maxItems)
			}
			if local, _, ok := strings.Cut(w, "@"); ok {
				b.person(Person{Title: local, Email: w}, w)
				continue
			}
			b.person(Person{Title: w}, w)
			b.note("", where, w+" has no mail address there; a Person document with the inbox alone stands for him", "add devices to the document")
		}
	}
	return nil
}

// calendar makes a rota of a calendar and writes its shifts out, since they need
// not repeat.
func (b *builder) calendar(id, name, title string, c *ical.Calendar) error {
	r := Rota{Name: b.name("rota", name, id), Title: title, TimeZone: "UTC"}
	if c.Zone != nil {
		r.TimeZone = c.Zone.String()
	}
	b.rotas[id] = r.Name
	where := "schedule " + title
	who := func(text string) (string, bool) {
		n := b.people[strings.ToLower(text)]
		return n, n != ""
	}
	from := b.o.Now.UTC().Truncate(time.Minute)
	to := from.AddDate(0, 0, b.o.Days)
	shifts, unknown, err := ical.Shifts(c, who, from, to)
	if err != nil {
		return err
	}
	for _, u := range unknown {
		b.note("", where, "nobody is known as "+strconv.Quote(u)+"; the events were left out", "export the users too")
	}
	var list []stretch
	for _, v := range shifts {
		list = append(list, stretch{start: v.Start, end: v.End, people: []string{v.Person}, level: v.Level})
	}
	a := rota.Adjustment{Kind: rota.Temporary, Rota: r.Name, Start: from, End: to, Reason: "imported calendar"}
	levels := reference{base: func(time.Time, time.Time) []stretch { return list }}
	for _, v := range levels.between(from, to) {
		for _, p := range v.people {
			a.Shifts = append(a.Shifts, rota.StaticShift{Person: p, Start: v.start, End: v.end})
		}
	}
	b.adjustment(a)
	b.note("", where, "a calendar has no turns: its shifts were written out until "+to.Format(time.DateOnly), "write the rotation into the document before then")
	b.finish(r, levels)
	return nil
}
