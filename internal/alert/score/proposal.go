package score

import (
	"cmp"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
)

// ChangeKind is what is done to a rule.
type ChangeKind string

// The kinds of change.
const (
	Demote ChangeKind = "demote" // page becomes ticket
	Longer ChangeKind = "longer" // it must hold for longer before it fires
	Delete ChangeKind = "delete"
)

// Change is a change of one rule.
type Change struct {
	Kind ChangeKind    `json:"kind"`
	By   time.Duration `json:"by,omitempty"` // Longer: how much longer, in nanoseconds
}

// Lost is an alert that mattered and would not have come.
type Lost struct {
	ID       string        `json:"id"`
	Verdict  alert.Verdict `json:"verdict,omitempty"`
	Incident string        `json:"incident,omitempty"`
	OpenedAt time.Time     `json:"opened_at"`
}

// Replay is what a change would have done to what the rule said.
type Replay struct {
	Alerts   int           `json:"alerts"`   // of the rule, over the time that is replayed
	Gone     int           `json:"gone"`     // would not have come, or not as a page
	Noise    int           `json:"noise"`    // of those, judged noise
	Unjudged int           `json:"unjudged"` // of those, that nobody judged
	Covered  int           `json:"covered"`  // of those that mattered, told by another rule's page of the same incident
	Lost     []Lost        `json:"lost"`     // of those that mattered, by nothing
	Later    int           `json:"later"`    // would have come, later
	Delay    time.Duration `json:"delay"`    // by so much, in nanoseconds
	Before   Share         `json:"before"`   // precision
	After    Share         `json:"after"`
}

// Proposal is a change of a rule that is worth a look.
type Proposal struct {
	Key

	Change Change `json:"change"`
	Score  Score  `json:"score"`
	// Sure says that even the upper end of the precision's interval is below one
	// half.
	Sure   bool   `json:"sure"`
	Safe   bool   `json:"safe"` // nothing that mattered would have been lost
	Replay Replay `json:"replay"`
}

// merits is the share of noise from which a rule merits a look: one in ten
// (R. Ewaschuk, My Philosophy on Alerting, 2013).
const merits = 0.1

// deletable is the number of judgements that it takes to say that a rule is of
// no use.
const deletable = 20

// windows are the lengths by which a rule may be made to wait longer.
var windows = []time.Duration{ //nolint:gochecknoglobals // a constant table
	time.Minute, 2 * time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute,
}

// Propose returns what to change, the worst rule first, by what opened in
// [from, now). It is pure.
//
// A rule below half precision is to be deleted, wait longer or be demoted, the
// first of them that fits; one of whose words more than one in ten is noise is
// to wait longer, where that costs nothing that mattered.
func Propose(rows []Row, from, now time.Time) []Proposal {
	past := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.OpenedAt.Before(from) || !r.OpenedAt.Before(now) })
	byRule, pages := map[Key][]Row{}, cover{}
	for _, r := range past {
		byRule[r.Key()] = append(byRule[r.Key()], r)
		pages.add(r)
	}
	var out []Proposal
	for _, s := range Of(past, from, now) {
		if !s.Precision.Told || 1-s.Precision.At <= merits {
			continue
		}
		p, ok := propose(s, byRule[s.Key], pages, now)
		if !ok {
			continue
		}
		out = append(out, p)
		if p.Safe {
			pages.drop(byRule[s.Key], p.Change, now)
		}
	}
	return out
}

// propose finds the change for one rule, if there is one.
func propose(s Score, rows []Row, pages cover, now time.Time) (Proposal, bool) {
	make := func(c Change) Proposal {
		p := Proposal{Key: s.Key, Score: s, Change: c, Sure: s.Precision.High < 0.5, Replay: Try(rows, c, pages.others(s.Key), now)}
		p.Safe = len(p.Replay.Lost) == 0
		return p
	}
	if s.Broken() && useless(s) {
		return make(Change{Kind: Delete}), true
	}
	if p, ok := longer(make); ok {
		return p, true
	}
	if !s.Broken() || !s.Paging {
		return Proposal{}, false
	}
	return make(Change{Kind: Demote}), true
}

// useless reports whether nobody ever had anything to do, and many said so.
func useless(s Score) bool {
	return s.Actionable+s.WrongOwner+s.Known == 0 && s.Judged >= deletable && s.Acked == 0 && s.Incidents == 0
}

// longer is the shortest wait that loses nothing and takes four in five of what
// is noise; or else the shortest that takes most of it.
func longer(try func(Change) Proposal) (Proposal, bool) {
	for _, part := range []float64{0.8, 0.5} {
		for _, w := range windows {
			p := try(Change{Kind: Longer, By: w})
			if p.Safe && float64(p.Replay.Noise) > part*float64(p.Score.Noise) {
				return p, true
			}
		}
	}
	return Proposal{}, false
}

// Survives reports whether r would still have come, as what it was, after the
// change of its rule.
func (c Change) Survives(r Row, now time.Time) bool {
	switch c.Kind {
	case Demote:
		return r.Severity != alert.Page
	case Longer:
		return r.Lasted(now) >= c.By
	case Delete:
	}
	return false
}

// Try replays a rule's rows with a change. covered says whether another rule's
// page told of the same incident.
func Try(rows []Row, c Change, covered func(Row) bool, now time.Time) Replay {
	out := Replay{Alerts: len(rows), Lost: []Lost{}}
	right, wrong, keptRight, keptWrong := 0, 0, 0, 0
	for _, r := range rows {
		stays := c.Survives(r, now)
		switch r.Verdict {
		case alert.Actionable:
			right++
			keptRight += count(stays)
		case alert.Noise:
			wrong++
			keptWrong += count(stays)
		case alert.Known, alert.WrongOwner:
		}
		if stays {
			if c.Kind == Longer {
				out.Later, out.Delay = out.Later+1, c.By
			}
			continue
		}
		out.gone(r, covered)
	}
	slices.SortFunc(out.Lost, func(a, b Lost) int { return cmp.Compare(b.OpenedAt.UnixMicro(), a.OpenedAt.UnixMicro()) })
	out.Before, out.After = ShareOf(right, right+wrong), ShareOf(keptRight, keptRight+keptWrong)
	return out
}

// gone counts what would not have come.
func (p *Replay) gone(r Row, covered func(Row) bool) {
	p.Gone++
	switch r.Verdict {
	case "":
		p.Unjudged++
	case alert.Noise:
		p.Noise++
	case alert.Actionable, alert.Known, alert.WrongOwner:
	}
	if r.Verdict != alert.Actionable && r.Incident == "" {
		return
	}
	if covered(r) {
		p.Covered++
		return
	}
	p.Lost = append(p.Lost, Lost{ID: r.ID, Verdict: r.Verdict, Incident: r.Incident, OpenedAt: r.OpenedAt})
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// cover counts, for each incident, the pages of each rule that told of it.
type cover map[string]map[Key]int

func (c cover) add(r Row) {
	if r.Incident == "" || r.Severity != alert.Page {
		return
	}
	if c[r.Incident] == nil {
		c[r.Incident] = map[Key]int{}
	}
	c[r.Incident][r.Key()]++
}

// drop takes out the pages that a change lets go.
func (c cover) drop(rows []Row, change Change, now time.Time) {
	for _, r := range rows {
		if r.Incident == "" || r.Severity != alert.Page || change.Survives(r, now) {
			continue
		}
		if c[r.Incident][r.Key()]--; c[r.Incident][r.Key()] <= 0 {
			delete(c[r.Incident], r.Key())
		}
	}
}

// others says whether a page of another rule than k told of a row's incident.
func (c cover) others(k Key) func(Row) bool {
	return func(r Row) bool {
		for rule := range c[r.Incident] {
			if rule != k {
				return true
			}
		}
		return false
	}
}
