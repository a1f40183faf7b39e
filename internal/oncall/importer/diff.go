package importer

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// Difference is a stretch of time in which the other product and the rota have
// different people on call.
type Difference struct {
	Rota       string
	Start, End time.Time
	Theirs     []string // sorted
	Ours       []string // sorted
}

// Diff compares, minute for minute, who is on call by the other product's own
// rules with who is by the documents and adjustments, for days from from on.
// What the notes of a rota name may differ; anything else is a fault.
func Diff(r *Result, from time.Time, days int) []Difference {
	from = from.UTC().Truncate(time.Minute)
	to := from.AddDate(0, 0, min(max(1, days), maxDays))
	var out []Difference
	for i := range r.Rotas {
		v := &r.Rotas[i]
		if ref, ok := r.references[v.Name]; ok {
			out = append(out, diff(v, r.Adjustments, ref, from, to)...)
		}
	}
	return out
}

func diff(v *Rota, all []rota.Adjustment, ref reference, from, to time.Time) (out []Difference) {
	theirs := ref.between(from, to)
	ours := stretches(v, all, from, to)
	cuts := []time.Time{from, to}
	for _, s := range slices.Concat(theirs, ours) {
		for _, at := range []time.Time{s.start, s.end} {
			// Both count whole minutes.
			if at = at.Truncate(time.Minute); at.After(from) && at.Before(to) {
				cuts = append(cuts, at)
			}
		}
	}
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	for i, start := range cuts[:len(cuts)-1] {
		a, b := onAt(theirs, start), onAt(ours, start)
		if slices.Equal(a, b) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].End.Equal(start) && slices.Equal(out[n-1].Theirs, a) && slices.Equal(out[n-1].Ours, b) {
			out[n-1].End = cuts[i+1]
			continue
		}
		out = append(out, Difference{v.Name, start, cuts[i+1], a, b})
	}
	return out
}

func stretches(v *Rota, all []rota.Adjustment, from, to time.Time) (out []stretch) {
	s, err := v.Schedule()
	if err != nil {
		return nil // the document check says what is wrong
	}
	for _, t := range s.Turns(all, from, to) {
		if t.Person != "" {
			out = append(out, stretch{start: t.Start, end: t.End, people: []string{t.Person}})
		}
	}
	return out
}

func onAt(list []stretch, t time.Time) (out []string) {
	for _, s := range list {
		if !t.Before(s.start) && t.Before(s.end) {
			out = append(out, s.people...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func slot(m string) rota.Slot {
	if m == "" {
		return nil
	}
	return strings.Split(m, "+")
}

// every reads 8h, 1d, 2w, 1mo.
func every(s string) (int, rota.Unit) {
	i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if i < 0 {
		return 1, rota.Weekly
	}
	n, _ := strconv.Atoi(s[:i]) // cadence wrote it
	switch s[i:] {
	case "h":
		return max(1, n), rota.Hourly
	case "d":
		return max(1, n), rota.Daily
	case "mo":
		return max(1, n), rota.Monthly
	}
	return max(1, n), rota.Weekly
}
