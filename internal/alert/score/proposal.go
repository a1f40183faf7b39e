package score

import (
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
	// Covered says that another rule's page told of the same incident. It is said
	// and does not make a change safe: next time that rule may be silent.
	Covered bool `json:"covered"`
}

// Replay is what a change would have done to what the rule said.
type Replay struct {
	Alerts   int           `json:"alerts"`         // of the rule, over the time that is replayed
	Gone     int           `json:"gone"`           // would not have come, or not as a page
	Noise    int           `json:"noise"`          // of those, judged noise
	Nothing  int           `json:"nothing"`        // of those, judged noise, or over before anybody took it and not judged
	Unjudged int           `json:"unjudged"`       // of those, that nobody judged
	Lost     []Lost        `json:"lost"`           // of those, that mattered
	Late     []Lost        `json:"late,omitempty"` // of those that mattered, would have come with less than a third of them left
	Unsure   []Lost        `json:"unsure"`         // somebody took them, and nobody said what they were
	Later    int           `json:"later"`          // would have come, later
	Delay    time.Duration `json:"delay"`          // by so much, in nanoseconds
	Before   Share         `json:"before"`         // precision
	After    Share         `json:"after"`
}

// Proposal is a change of a rule that is worth a look.
type Proposal struct {
	Key

	Change Change `json:"change"`
	Score  Score  `json:"score"`
	// Sure says that even the upper end of the precision's interval is below one
	// half.
	Sure bool `json:"sure"`
	// Safe says that nothing that mattered would have been lost, that there is
	// nothing of which that is not known, and that a wait leaves a third of the
	// shortest thing that matters.
	Safe   bool   `json:"safe"`
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
	time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 5 * time.Minute, 7 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute,
}

// Propose returns what to change, the worst rule first, by what opened in
// [from, now) and since a rule was changed. It is pure.
//
// A rule below half precision is to be deleted, wait longer or be demoted, the
// first of them that is safe. A rule of whose words more than one in ten comes
// to nothing is to wait longer, where that cures it.
func Propose(rows []Row, from, now time.Time, defs Defs) []Proposal {
	byRule, pages := map[Key]past{}, cover{by: map[string]map[Key]int{}}
	for _, r := range rows {
		if r.OpenedAt.Before(from) || !r.OpenedAt.Before(now) {
			continue
		}
		p := byRule[r.Key()]
		p.all = append(p.all, r)
		if !r.OpenedAt.Before(defs[r.Rule].Since) {
			p.now = append(p.now, r)
		}
		byRule[r.Key()] = p
		pages.add(r, defs[r.Rule].For+r.Lasted(now))
	}
	// Where incidents are few, what people called actionable has to do.
	if len(pages.whole) < Enough {
		pages.whole = pages.mattered
	}
	slices.Sort(pages.whole)
	var out []Proposal
	for _, s := range Of(rows, from, now, defs) {
		p, ok := propose(s, byRule[s.Key], defs[s.Rule].For, pages, now)
		if ok {
			out = append(out, p)
		}
	}
	return out
}

// past is what a rule said: as it is now, and whatever it was. A rule that told
// of something before it was changed is not one that never did.
type past struct{ now, all []Row }

// never reports whether nothing that the rule ever said mattered, however it was
// written, and enough people said so that even the upper end of its precision's
// interval is below one half.
func (p past) never() bool {
	noise := 0
	for _, r := range p.all {
		if r.Mattered() || r.Verdict == alert.Known || r.Verdict == alert.WrongOwner {
			return false
		}
		noise += count(r.Verdict == alert.Noise)
	}
	s := ShareOf(0, noise)
	return s.Told && s.High < 0.5
}

// propose finds the change for one rule, if there is one.
func propose(s Score, said past, held time.Duration, pages cover, now time.Time) (Proposal, bool) {
	shortest := pages.shortest(said.now, held, now)
	try := func(c Change) Proposal {
		rows := said.all
		if c.Kind == Longer {
			rows = said.now
		}
		p := Proposal{Key: s.Key, Score: s, Change: c, Sure: s.Precision.High < 0.5, Replay: Try(rows, c, pages.others(s.Key), now)}
		if c.Kind == Longer {
			p.Replay.Late = late(rows, held, c.By, now)
		}
		p.Safe = len(p.Replay.Lost)+len(p.Replay.Unsure)+len(p.Replay.Late) == 0 && (c.Kind != Longer || roomy(held, c.By, shortest))
		return p
	}
	if s.Broken() && useless(s) {
		return try(Change{Kind: Delete}), true
	}
	// What never mattered is not cured by waiting.
	if s.Paging && said.never() {
		return try(Change{Kind: Demote}), true
	}
	wait, waits := longer(said.now, try)
	if waits && wait.Safe {
		return wait, true
	}
	if s.Broken() && s.Paging {
		return try(Change{Kind: Demote}), true
	}
	return wait, waits
}

// roomy reports whether a wait leaves a third of what holds for so long: what
// matters next may be shorter than all that was seen.
func roomy(held, by, whole time.Duration) bool { return 3*(held+by) <= 2*whole }

// late are those that mattered and would have come with less than a third of
// them left.
func late(rows []Row, held, by time.Duration, now time.Time) (out []Lost) {
	for _, r := range rows {
		if lasted := r.Lasted(now); r.Mattered() && lasted >= by && !roomy(held, by, held+lasted) {
			out = append(out, Lost{ID: r.ID, Verdict: r.Verdict, Incident: r.Incident, OpenedAt: r.OpenedAt})
		}
	}
	return out
}

// useless reports whether nobody ever had anything to do, and many said so.
func useless(s Score) bool {
	return s.Actionable+s.WrongOwner+s.Known == 0 && s.Judged >= deletable && s.Acked == 0 && s.Incidents == 0
}

// longer is the shortest safe wait that takes four in five of what came to
// nothing, or else one that takes half, or a quarter, of it; or else, not safe,
// the one that loses least.
func longer(rows []Row, try func(Change) Proposal) (best Proposal, found bool) {
	nothing, mattered := 0, 0
	for _, r := range rows {
		nothing += count(r.nothing())
		mattered += count(r.Mattered())
	}
	if told := ShareOf(nothing, nothing+mattered); !told.Told || told.At <= merits {
		return best, false
	}
	for _, part := range []float64{0.8, 0.5, 0.25} {
		for _, w := range windows {
			p := try(Change{Kind: Longer, By: w})
			if float64(p.Replay.Nothing) <= part*float64(nothing) {
				continue
			}
			if p.Safe {
				return p, true
			}
			if !found || len(p.Replay.Lost) < len(best.Replay.Lost) {
				best, found = p, true
			}
		}
	}
	return best, found
}

// nothing reports whether it came to nothing: noise, or over before anybody took
// it, and nobody said what it was.
func (r Row) nothing() bool {
	return r.Verdict == alert.Noise && r.Incident == "" || r.Verdict == "" && r.Incident == "" && r.Alone()
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
	out := Replay{Alerts: len(rows), Lost: []Lost{}, Unsure: []Lost{}}
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
		if r.Mattered() && !stays {
			out.Lost = append(out.Lost, Lost{ID: r.ID, Verdict: r.Verdict, Incident: r.Incident, OpenedAt: r.OpenedAt, Covered: covered(r)})
		}
		if stays {
			if c.Kind == Longer {
				out.Later, out.Delay = out.Later+1, c.By
			}
			continue
		}
		out.gone(r)
	}
	slices.SortFunc(out.Lost, func(a, b Lost) int { return b.OpenedAt.Compare(a.OpenedAt) })
	out.Before, out.After = ShareOf(right, right+wrong), ShareOf(keptRight, keptRight+keptWrong)
	return out
}

// gone counts what would not have come.
func (p *Replay) gone(r Row) {
	p.Gone++
	p.Noise += count(r.Verdict == alert.Noise)
	p.Nothing += count(r.nothing())
	p.Unjudged += count(r.Verdict == "")
	if !r.Mattered() && r.Verdict == "" && !r.AckedAt.IsZero() {
		p.Unsure = append(p.Unsure, Lost{ID: r.ID, OpenedAt: r.OpenedAt})
	}
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// cover knows what told of each incident.
type cover struct {
	by       map[string]map[Key]int // pages of each rule, by incident
	whole    []time.Duration        // how long what incidents were made of held, with the wait before the alert; sorted
	mattered []time.Duration        // the same of all that mattered
}

func (c *cover) add(r Row, whole time.Duration) {
	if r.Mattered() {
		c.mattered = append(c.mattered, whole)
	}
	if r.Incident != "" {
		c.whole = append(c.whole, whole)
	}
	if r.Incident == "" || r.Severity != alert.Page {
		return
	}
	if c.by[r.Incident] == nil {
		c.by[r.Incident] = map[Key]int{}
	}
	c.by[r.Incident][r.Key()]++
}

// others says whether a page of another rule than k told of a row's incident.
func (c *cover) others(k Key) func(Row) bool {
	return func(r Row) bool {
		for rule := range c.by[r.Incident] {
			if rule != k {
				return true
			}
		}
		return false
	}
}

// shortest is how short what matters to a rule may be, from the moment at which
// its condition begins to hold: the shortest of its own, or what one in twenty of
// the alerts of all incidents is not longer than. 0 where nothing is known.
func (c *cover) shortest(rows []Row, held time.Duration, now time.Time) time.Duration {
	least := quantile(c.whole, 0.05)
	for _, r := range rows {
		if r.Mattered() {
			least = min(least, held+r.Lasted(now))
		}
	}
	return least
}
