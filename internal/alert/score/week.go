package score

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// WeekID is a week as ISO 8601 names it, "2026-W47".
func WeekID(t time.Time) string {
	y, w := t.ISOWeek()
	return fmt.Sprintf("%04d-W%02d", y, w)
}

// WeekStart is the Monday, at midnight of zone, with which a week begins.
// Invalid where id names none.
func WeekStart(id string, zone *time.Location) (time.Time, error) {
	year, week, ok := strings.Cut(id, "-W")
	y, err := strconv.Atoi(year)
	w, errWeek := strconv.Atoi(week)
	if !ok || err != nil || errWeek != nil || y < 1970 || y > 9999 || len(year) != 4 || len(week) != 2 {
		return time.Time{}, errs.New(errs.Invalid, "week %q: want a week like 2026-W47", id)
	}
	// The fourth of January is always in the first week.
	fourth := time.Date(y, 1, 4, 0, 0, 0, 0, zone)
	monday := fourth.AddDate(0, 0, -(int(fourth.Weekday())+6)%7)
	start := monday.AddDate(0, 0, 7*(w-1))
	if got := WeekID(start); got != id {
		return time.Time{}, errs.New(errs.Invalid, "week %q: %d has no week %d", id, y, w)
	}
	return start, nil
}

// Load is what a team was called for in a week.
type Load struct {
	Team     string  `json:"team"` // "" is what no team owns
	Pages    int     `json:"pages"`
	Before   int     `json:"before"`    // in the week before
	PerShift float64 `json:"per_shift"` // 14 shifts of 12 h
	Busiest  int     `json:"busiest"`   // pages of the busiest shift
}

// Move is how a rule changed since the week before.
type Move struct {
	Key

	Before Score `json:"before"`
	Now    Score `json:"now"`
}

// Week is what a team looks at on Monday.
type Week struct {
	ID        string       `json:"week"`
	From      time.Time    `json:"from"`
	To        time.Time    `json:"to"`
	Alerts    int          `json:"alerts"`
	Pages     int          `json:"pages"`
	PagesLast int          `json:"pages_last"` // of the week before
	Judged    Share        `json:"judged"`     // of the pages
	Precision Share        `json:"precision"`  // of the pages
	Last      Share        `json:"precision_last"`
	Worst     []Score      `json:"worst"`  // rules below half precision over the 90 days before To that spoke this week, or that were noise most
	Silent    []Fired      `json:"silent"` // rules that fired last more than 180 days ago, or never
	Missed    []alert.Miss `json:"missed"`
	Teams     []Load       `json:"teams"`
	Moved     []Move       `json:"moved"` // rules whose pages changed most

	Board *Board `json:"-"` // what it was made of
}

// Weekly is what a week is made of.
type Weekly struct {
	Board  *Board
	From   time.Time
	Missed []alert.Miss
	Team   func(service string) string
}

const (
	shiftsAWeek = 14
	shownWorst  = 10
	shownMoved  = 8
)

// Make is the week. It is pure.
func (w Weekly) Make() Week {
	to := w.From.AddDate(0, 0, 7)
	last := w.From.AddDate(0, 0, -7)
	out := Week{Board: w.Board, ID: WeekID(w.From), From: w.From, To: to, Missed: w.Missed, Silent: w.Board.Silent()}
	now, before := w.sums(w.From, to), w.sums(last, w.From)
	out.Alerts, out.Pages, out.PagesLast = now.alerts, now.pages, before.pages
	out.Judged, out.Precision, out.Last = ShareOf(now.judged, now.pages), ShareOf(now.right, now.right+now.wrong), ShareOf(before.right, before.right+before.wrong)
	out.Teams = loads(now, before)
	this, prev := Of(w.Board.Rows, w.From, to, nil), Of(w.Board.Rows, last, w.From, nil)
	out.Worst = w.worst(this, to)
	out.Moved = moved(this, prev)
	return out
}

type sum struct {
	alerts, pages, judged, right, wrong int
	team                                map[string]map[int]int // pages by shift
}

// sums counts what opened in [from, to).
func (w Weekly) sums(from, to time.Time) sum {
	s := sum{team: map[string]map[int]int{}}
	for _, r := range w.Board.Rows {
		if r.OpenedAt.Before(from) || !r.OpenedAt.Before(to) {
			continue
		}
		s.alerts++
		if r.Severity != alert.Page {
			continue
		}
		s.pages++
		s.judged += count(r.Verdict != "")
		s.right += count(r.Verdict == alert.Actionable)
		s.wrong += count(r.Verdict == alert.Noise)
		team := w.Team(r.Service)
		if s.team[team] == nil {
			s.team[team] = map[int]int{}
		}
		s.team[team][int(r.OpenedAt.Sub(from)/Shift)]++
	}
	return s
}

func loads(now, before sum) []Load {
	total := func(m map[int]int) (n, most int) {
		for _, k := range m {
			n, most = n+k, max(most, k)
		}
		return n, most
	}
	var out []Load
	for team, m := range now.team {
		n, most := total(m)
		was, _ := total(before.team[team])
		out = append(out, Load{Team: team, Pages: n, Before: was, PerShift: float64(n) / shiftsAWeek, Busiest: most})
	}
	for team, m := range before.team {
		if now.team[team] == nil {
			was, _ := total(m)
			out = append(out, Load{Team: team, Before: was})
		}
	}
	slices.SortFunc(out, func(a, b Load) int { return cmp.Or(cmp.Compare(b.Pages, a.Pages), cmp.Compare(a.Team, b.Team)) })
	return out
}

// worst are the scores, over all that is kept before the week's end, of rules
// that spoke this week and merit a look.
func (w Weekly) worst(this []Score, to time.Time) []Score {
	spoke := map[Key]bool{}
	for _, s := range this {
		spoke[s.Key] = true
	}
	var out []Score
	for _, s := range Of(w.Board.Rows, to.Add(-Window), to, w.Board.Defs) {
		if spoke[s.Key] && s.Precision.Told && 1-s.Precision.At > merits && len(out) < shownWorst {
			out = append(out, s)
		}
	}
	return out
}

// moved are the rules whose pages changed most since the week before.
func moved(this, prev []Score) []Move {
	all := map[Key]Move{}
	for _, s := range this {
		all[s.Key] = Move{Key: s.Key, Now: s, Before: Score{Key: s.Key}}
	}
	for _, s := range prev {
		m := all[s.Key]
		m.Key, m.Before = s.Key, s
		if m.Now.Rule == "" {
			m.Now = Score{Key: s.Key}
		}
		all[s.Key] = m
	}
	var out []Move
	for _, m := range all {
		if m.Now.Pages != m.Before.Pages {
			out = append(out, m)
		}
	}
	far := func(m Move) int { return max(m.Now.Pages-m.Before.Pages, m.Before.Pages-m.Now.Pages) }
	slices.SortFunc(out, func(a, b Move) int {
		return cmp.Or(cmp.Compare(far(b), far(a)), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Rule, b.Rule))
	})
	return out[:min(len(out), shownMoved)]
}
