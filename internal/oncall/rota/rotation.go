package rota

import "time"

// Unit is what a rotation counts in.
type Unit string

// The units.
const (
	Hourly  Unit = "hour"
	Daily   Unit = "day"
	Weekly  Unit = "week"
	Monthly Unit = "month"
)

// Rotation hands over from member to member. Zone, Every and Unit must be set.
type Rotation struct {
	Name string
	Zone *Zone
	// The first hand-over, by the clocks of the zone.
	Day    Day
	Minute int // of that day
	Every  int // units between hand-overs, at least 1
	Unit   Unit
	// Members take turns. A slot of several is a group that is on call together;
	// an empty one keeps the cadence.
	Members   []Slot
	PerMember int  // shifts in a row for each member; 0 is 1
	All       bool // no turns: every member, always
	Windows   []Window
	Priority  int // of layers that have somebody, only the highest counts
}

// Slot is the people whose turn it is together; none is an empty slot.
type Slot []string

// Shift is one slot's turn: from Start until just before End.
type Shift struct {
	Slot       Slot
	Start, End time.Time
	Index      int // the number of hand-overs since the first; negative before it
}

// At returns the shift that covers t, windows aside. It has no error: a rotation
// reaches infinitely far in both directions.
func (r *Rotation) At(t time.Time) Shift {
	unix := t.Unix()
	k := r.guess(unix)
	// The guess is off by at most a few, mended by looking at real hand-overs.
	start, end := r.handover(k), r.handover(k+1)
	for end <= unix {
		k, start, end = k+1, end, r.handover(k+2)
	}
	for start > unix {
		k, start, end = k-1, r.handover(k-1), start
	}
	return Shift{Slot: r.slot(k), Start: time.Unix(start, 0).UTC(), End: time.Unix(end, 0).UTC(), Index: int(k)}
}

// Between returns the shifts that touch [from, to), the earliest first.
func (r *Rotation) Between(from, to time.Time) []Shift {
	var out []Shift
	for s := r.At(from); s.Start.Before(to); s = r.At(s.End) {
		out = append(out, s)
	}
	return out
}

// Handover returns the instant of the k-th hand-over.
func (r *Rotation) Handover(k int) time.Time { return time.Unix(r.handover(int64(k)), 0).UTC() }

// byClock reports whether hand-overs follow the clocks of the zone.
func (r *Rotation) byClock() bool { return r.Unit != Hourly || 24%r.Every == 0 }

func (r *Rotation) start() int64 { return int64(r.Day)*daySeconds + int64(r.Minute)*60 }

// seconds is the time between two hand-overs; of months it is nought.
func (r *Rotation) seconds() int64 {
	switch r.Unit {
	case Hourly:
		return int64(r.Every) * 60 * 60
	case Daily:
		return int64(r.Every) * daySeconds
	case Weekly:
		return int64(r.Every) * 7 * daySeconds
	case Monthly:
	}
	return 0
}

func (r *Rotation) handover(k int64) int64 {
	switch {
	case r.Unit == Monthly:
		return r.Zone.first(int64(r.monthly(k))*daySeconds + int64(r.Minute)*60)
	case r.byClock():
		return r.Zone.first(r.start() + k*r.seconds())
	}
	return r.Zone.first(r.start()) + k*r.seconds()
}

// monthly is the date of the k-th hand-over: the first one's day of the month,
// or the month's last where it has fewer.
func (r *Rotation) monthly(k int64) Day {
	y, m, d := r.Day.Date()
	months := int64(y)*12 + int64(m) - 1 + k*int64(r.Every)
	year, month := int(floorDiv(months, 12)), time.Month(months-12*floorDiv(months, 12)+1)
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return DayOf(year, month, min(d, last))
}

func (r *Rotation) guess(unix int64) int64 {
	switch {
	case r.Unit == Monthly:
		y, m, _ := Day(floorDiv(r.Zone.local(unix), daySeconds)).Date()
		y0, m0, _ := r.Day.Date()
		return floorDiv(int64(y-y0)*12+int64(m-m0), int64(r.Every))
	case r.byClock():
		return floorDiv(r.Zone.local(unix)-r.start(), r.seconds())
	}
	return floorDiv(unix-r.Zone.first(r.start()), r.seconds())
}

func (r *Rotation) slot(k int64) Slot {
	n := int64(len(r.Members))
	if n == 0 {
		return nil
	}
	turn := floorDiv(k, int64(max(1, r.PerMember)))
	return r.Members[turn-n*floorDiv(turn, n)]
}

// on appends the people whom the rotation has on call at t, its windows counted.
func (r *Rotation) on(out []string, t time.Time, h Holidays) []string {
	if len(r.Windows) > 0 && !active(r.Windows, r.Zone, h, t) {
		return out
	}
	if r.All {
		for _, m := range r.Members {
			out = append(out, m...)
		}
		return out
	}
	return append(out, r.At(t).Slot...)
}

// cuts appends the instants in (from, to) at which who is on call may change.
func (r *Rotation) cuts(out []time.Time, from, to time.Time, h Holidays) []time.Time {
	if !r.All && len(r.Members) > 1 {
		for s := r.At(from); s.End.Before(to); s = r.At(s.End) {
			out = append(out, s.End)
		}
	}
	return edges(out, r.Windows, r.Zone, h, from, to)
}
