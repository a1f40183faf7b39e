package score_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/score"
)

// The corpus: 60 rules over 12 services, and what happens to them week by week.
//
//   - symptom (12, one a service): pages in every incident that the users of its
//     service feel, and now and then without one.
//   - cause (16): speaks in half of these incidents, and several times as often of
//     nothing: flaps, and one in two hundred to one in fifty of them lasts like the
//     real thing.
//   - lonely (8): as cause, but two in five of the incidents of its service are
//     seen by it alone.
//   - idle (18): never worth anything. A third of them flaps; the others stay for
//     half an hour and more, so no wait tells them apart. People take a few.
//   - echo (6): true, and a repeat of what another rule said.
//
// Lengths of real things and of noise overlap: incidents are log-normal with a
// median of 45 minutes and none under 10, noise has a long tail. Rates of rules
// differ by a factor of five. About two in five pages are true at first.
//
// A person judges three pages in five and is wrong in one of twenty; an incident
// is joined to an alert in nine cases of ten. What people say and what is joined
// is all that the product sees; precision and losses below are counted by what
// is true. On Mondays two people look at what a proposal says would be lost or is
// not known, and the majority of them and of who judged before counts; then
// the safe proposals are taken as they are.
//
// The numbers above and the rules of package score were chosen on seeds 0 to 39;
// the test runs on others.
const (
	services   = 12
	judges     = 0.6
	wrong      = 0.05
	joins      = 0.9
	incidents  = 150 // a week
	afterWeeks = 4
)

type kind string

const (
	symptom kind = "symptom"
	cause   kind = "cause"
	lonely  kind = "lonely"
	idle    kind = "idle"
	echo    kind = "echo"
)

type worldRule struct {
	name, service string
	kind          kind
	noise         float64 // a week
	flap          float64 // median of its short noise, in minutes
	long          float64 // share of its noise that lasts
	acks          float64 // share of its noise that somebody takes

	wait          time.Duration
	ticket, cut   bool
	changed       time.Time
	conditionBusy time.Time
}

type world struct {
	rng    *rand.Rand
	rules  []*worldRule
	rows   []score.Row
	truth  map[string]string // alert → its incident
	looked map[string]bool
	n      int
}

func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 4)), truth: map[string]string{}, looked: map[string]bool{}}
	add := func(k kind, n int, noise, flap, long, acks [2]float64) {
		for i := range n {
			w.rules = append(w.rules, &worldRule{
				name: fmt.Sprintf("%s-%02d", k, i), service: fmt.Sprintf("svc-%02d", i%services), kind: k,
				noise: w.between(noise), flap: w.between(flap), long: w.between(long), acks: w.between(acks),
			})
		}
	}
	add(symptom, services, [2]float64{0.05, 0.2}, [2]float64{2, 5}, [2]float64{0.1, 0.3}, [2]float64{0.3, 0.9})
	add(cause, 16, [2]float64{5, 9}, [2]float64{1, 2.5}, [2]float64{0.005, 0.02}, [2]float64{0.1, 0.4})
	add(lonely, 8, [2]float64{5, 9}, [2]float64{1, 2.5}, [2]float64{0.005, 0.02}, [2]float64{0.1, 0.4})
	add(idle, 18, [2]float64{5, 11}, [2]float64{2, 6}, [2]float64{0, 1}, [2]float64{0, 0.2})
	add(echo, 6, [2]float64{0.1, 0.4}, [2]float64{2, 4}, [2]float64{0.1, 0.3}, [2]float64{0.1, 0.4})
	for i, r := range w.rules {
		if r.kind != symptom && r.kind != echo { // a few rules make most of the noise
			r.noise *= math.Exp(0.35 * w.rng.NormFloat64())
		}
		if r.kind == idle {
			r.long = 0.9
			if i%3 == 0 {
				r.long = 0.1
			}
		}
	}
	return w
}

func (w *world) between(r [2]float64) float64 { return r[0] + w.rng.Float64()*(r[1]-r[0]) }

func (w *world) minutes(median, sigma, least float64) time.Duration {
	m := math.Max(least, median*math.Exp(sigma*w.rng.NormFloat64()))
	return time.Duration(m * float64(time.Minute))
}

func (w *world) poisson(mean float64) int {
	n, p, limit := 0, w.rng.Float64(), math.Exp(-mean)
	for p > limit {
		n++
		p *= w.rng.Float64()
	}
	return n
}

// said is one alert with what is true of it.
type said struct {
	row  score.Row
	real string // the incident, "" for noise
	dup  bool   // another page told of it already
}

// condition is what a rule as it was first would fire on.
type condition struct {
	rule  *worldRule
	at    time.Time
	lasts time.Duration
	real  string
}

// week lives one week and returns what the product saw, and how many true
// incidents nobody was woken for.
func (w *world) week(from time.Time) (all []said, lost int) {
	var met []condition
	for i := range incidents {
		met = w.incident(met, from, fmt.Sprintf("%s/%02d", score.WeekID(from), i))
	}
	for _, r := range w.rules {
		for range w.poisson(r.noise) {
			lasts := w.minutes(r.flap, 0.6, 0.5)
			if w.rng.Float64() < r.long {
				lasts = w.minutes(40, 0.8, 3)
			}
			met = append(met, condition{r, from.Add(time.Duration(w.rng.Int64N(int64(7 * score.Day)))), lasts, ""})
		}
	}
	slices.SortFunc(met, func(a, b condition) int { return a.at.Compare(b.at) })
	woken := map[string]bool{}
	for _, c := range met {
		if c.real != "" && !woken[c.real] {
			woken[c.real] = false
		}
		all = w.say(all, c)
		if c.real != "" && len(all) > 0 && all[len(all)-1].real == c.real && all[len(all)-1].row.Severity == alert.Page {
			woken[c.real] = true
		}
	}
	for _, yes := range woken {
		if !yes {
			lost++
		}
	}
	slices.SortFunc(all, func(a, b said) int { return a.row.OpenedAt.Compare(b.row.OpenedAt) })
	w.judge(all)
	for _, s := range all {
		w.rows = append(w.rows, s.row)
	}
	return all, lost
}

func (w *world) incident(met []condition, from time.Time, id string) []condition {
	service := fmt.Sprintf("svc-%02d", w.rng.IntN(services))
	at := from.Add(time.Duration(w.rng.Int64N(int64(7*score.Day - 6*time.Hour))))
	lasts := w.minutes(45, 0.8, 10)
	for _, r := range w.rules {
		if r.kind == lonely && r.service == service && w.rng.Float64() < 0.6 {
			return append(met, condition{r, at, lasts, id})
		}
	}
	for _, r := range w.rules {
		if r.service != service {
			continue
		}
		delay := time.Duration(w.rng.Float64() * float64(2*time.Minute))
		if r.kind == symptom || r.kind == cause && w.rng.Float64() < 0.5 || r.kind == echo && w.rng.Float64() < 0.7 {
			met = append(met, condition{r, at.Add(delay), lasts - delay, id})
		}
	}
	return met
}

// say adds the alert that a condition of a rule makes, as the rule is now.
func (w *world) say(all []said, c condition) []said {
	r, at, lasts, truly := c.rule, c.at, c.lasts, c.real
	if r.cut || lasts < r.wait || at.Before(r.conditionBusy) && truly == "" {
		return all
	}
	w.n++
	s := said{real: truly, row: score.Row{
		ID: fmt.Sprint(w.n), Source: "prometheus", Rule: r.name, Service: r.service, Severity: alert.Page,
		OpenedAt: at.Add(r.wait), ResolvedAt: at.Add(lasts),
	}}
	r.conditionBusy = at.Add(lasts)
	if r.ticket {
		s.row.Severity = alert.Ticket
	}
	if truly != "" && w.rng.Float64() < 0.9 || truly == "" && w.rng.Float64() < r.acks {
		if took := w.minutes(3, 0.7, 0.2); took < lasts-r.wait {
			s.row.AckedAt = s.row.OpenedAt.Add(took)
		}
	}
	if truly != "" && w.rng.Float64() < joins {
		s.row.Incident = truly
	}
	w.truth[s.row.ID] = truly
	return append(all, s)
}

// judge has the person judge.
func (w *world) judge(all []said) {
	told := map[string]bool{}
	for i := range all {
		s := &all[i]
		if s.row.Severity == alert.Page && s.real != "" {
			s.dup, told[s.real] = told[s.real], true
		}
		if w.rng.Float64() >= judges {
			continue
		}
		s.row.JudgedAt = s.row.ResolvedAt.Add(time.Hour)
		s.row.Verdict = w.verdict(s.real)
		if s.real != "" && s.row.Verdict == alert.Actionable && s.dup && w.rng.Float64() < 0.3 {
			s.row.Verdict = alert.Known
		}
	}
}

// verdict is what the person says of an alert, wrong in one of twenty.
func (w *world) verdict(truly string) alert.Verdict {
	if (truly != "") != (w.rng.Float64() < wrong) {
		return alert.Actionable
	}
	return alert.Noise
}

// review is Monday's look. What an incident was made of needs none.
func (w *world) review(now time.Time, defs score.Defs) (looks int) {
	at := map[string]int{}
	for i, r := range w.rows {
		at[r.ID] = i
	}
	for _, p := range score.Propose(w.rows, now.Add(-score.Window), now, defs) {
		for _, l := range slices.Concat(p.Replay.Lost, p.Replay.Late, p.Replay.Unsure) {
			r := &w.rows[at[l.ID]]
			if r.Incident != "" || w.looked[l.ID] {
				continue
			}
			w.looked[l.ID], looks = true, looks+1
			votes := map[alert.Verdict]int{w.verdict(w.truth[l.ID]): 1}
			votes[w.verdict(w.truth[l.ID])]++
			votes[cmp.Or(r.Verdict, w.verdict(w.truth[l.ID]))]++
			r.Verdict, r.JudgedAt = alert.Noise, now
			if votes[alert.Actionable] >= 2 {
				r.Verdict = alert.Actionable
			}
		}
	}
	return looks
}

// loop is what a Monday came to.
type loop struct{ looks, demoted, waits, cut, unsafe int }

// accept changes the rules as the safe proposals say.
func (w *world) accept(now time.Time) (out loop) {
	defs := score.Defs{}
	for _, r := range w.rules {
		defs[r.name] = score.Def{Since: r.changed, For: r.wait}
	}
	clear(w.looked) // each once a Monday
	for looks := -1; looks != 0; out.looks += looks {
		looks = w.review(now, defs)
	}
	for _, p := range score.Propose(w.rows, now.Add(-score.Window), now, defs) {
		if !p.Safe {
			out.unsafe++
			continue
		}
		i := slices.IndexFunc(w.rules, func(r *worldRule) bool { return r.name == p.Rule })
		r := w.rules[i]
		r.changed = now
		switch p.Change.Kind {
		case score.Demote:
			r.ticket, out.demoted = true, out.demoted+1
		case score.Longer:
			r.wait, out.waits = r.wait+p.Change.By, out.waits+1
		case score.Delete:
			r.cut, out.cut = true, out.cut+1
		}
	}
	return out
}

// precision is what is true of the pages.
func precision(all []said) (right, pages int) {
	for _, s := range all {
		if s.row.Severity == alert.Page {
			pages++
			if s.real != "" {
				right++
			}
		}
	}
	return right, pages
}

type lived struct {
	first, last float64
	lost        int
	said        []string
}

func live(seed uint64) lived {
	w := newWorld(seed)
	var out lived
	start := time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)
	for week := range afterWeeks + 1 {
		from := start.AddDate(0, 0, 7*week)
		all, lost := w.week(from)
		right, pages := precision(all)
		p := float64(right) / float64(pages)
		if week == 0 {
			out.first = p
		}
		out.last, out.lost = p, out.lost+lost
		line := fmt.Sprintf("seed %d  week %d  pages %3d  true %3d  precision %5.1f %%  incidents lost %d", seed, week, pages, right, 100*p, lost)
		if week < afterWeeks {
			l := w.accept(from.AddDate(0, 0, 7))
			line += fmt.Sprintf("  then: %d looked at again, %d demoted, %d wait longer, %d deleted, %d not safe and left", l.looks, l.demoted, l.waits, l.cut, l.unsafe)
		}
		out.said = append(out.said, line)
	}
	return out
}

func TestFourLoopsMakePagesTrue(t *testing.T) {
	const seeds, first = 40, 1000
	var all []lived
	for seed := range uint64(seeds) {
		l := live(first + seed)
		all = append(all, l)
		if os.Getenv("HINOBAN_FIGURES") != "" && seed < 3 {
			for _, line := range l.said {
				t.Log("FIGURE " + line)
			}
		}
		if l.lost > 0 {
			t.Errorf("seed %d: %d true incidents lost", first+seed, l.lost)
		}
		if l.first < 0.3 || l.first > 0.5 {
			t.Errorf("seed %d: the corpus begins at %.1f %%, want about 40", first+seed, 100*l.first)
		}
		if l.last < 0.9 {
			t.Errorf("seed %d: %.1f %% after four loops, want 90", first+seed, 100*l.last)
		}
	}
	slices.SortFunc(all, func(a, b lived) int { return cmp.Compare(a.last, b.last) })
	t.Logf("FIGURE %d seeds: from %.1f %% to %.1f %% at worst, %.1f %% at the median", seeds, 100*all[0].first, 100*all[0].last, 100*all[seeds/2].last)
}
