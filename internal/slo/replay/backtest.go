package replay

import (
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo"
)

// Options say how a back-test reads what it finds. The zero value is UTC and no
// slack.
type Options struct {
	Zone  *time.Location // whose nights count
	Slack time.Duration  // a page this long before an incident was declared, or after its end, is still its page
}

// DefaultSlack covers that incidents are declared by people, after the page.
const DefaultSlack = 30 * time.Minute

// Result is what one plan would have called.
type Result struct {
	Name         string        `json:"name"`
	Fired        []PairResult  `json:"fired"`
	Pages        []Interval    `json:"pages"`
	Tickets      []Interval    `json:"tickets"`
	PagesPerWeek float64       `json:"pages_per_week"`
	Precision    *float64      `json:"precision,omitempty"` // share of pages within an incident; nil without pages or incidents
	Recall       *float64      `json:"recall,omitempty"`    // share of incidents with a page; nil without incidents
	Incidents    []Found       `json:"incidents"`
	Detection    time.Duration `json:"detection"` // mean over the incidents that were found
	Reset        time.Duration `json:"reset"`     // mean over the same
	NightPages   int           `json:"night_pages"`
	SleepLost    time.Duration `json:"sleep_lost"`
}

// PairResult is how often one pair fired.
type PairResult struct {
	Pair     string         `json:"pair"`
	Severity alert.Severity `json:"severity"`
	Times    int            `json:"times"`
}

// Found is an incident and the page that it got.
type Found struct {
	Incident  Interval      `json:"incident"`
	Paged     bool          `json:"paged"`
	Detection time.Duration `json:"detection"` // from its begin to the page; below 0 where the page came first
	Reset     time.Duration `json:"reset"`     // from its end to the end of the page; below 0 where the page ended first
}

// Backtest runs plans over a history of o and compares what they call with the
// incidents of that time.
func Backtest(h History, o slo.Objective, plans []Plan, incidents []Interval, opt Options) []Result {
	out := make([]Result, 0, len(plans))
	for _, p := range plans {
		out = append(out, backtest(h, o, p, incidents, opt))
	}
	return out
}

func backtest(h History, o slo.Objective, p Plan, incidents []Interval, opt Options) Result {
	r := Result{Name: p.Name, Fired: []PairResult{}, Incidents: []Found{}}
	var page, ticket [][]span
	for _, pair := range p.Pairs {
		f := fires(h, pair, o)
		r.Fired = append(r.Fired, PairResult{Pair: pair.Name(), Severity: pair.Severity, Times: len(f)})
		if pages(pair) {
			page = append(page, f)
		} else {
			ticket = append(ticket, f)
		}
	}
	r.Pages, r.Tickets = h.intervals(union(page...)), h.intervals(union(ticket...))
	r.agree(h, incidents, opt)
	return r
}

// agree fills in what follows from the pages and the incidents.
func (r *Result) agree(h History, incidents []Interval, opt Options) {
	r.PagesPerWeek = perWeek(len(r.Pages), h.Length())
	seen := within(h, incidents)
	paired, found := match(r.Pages, seen, opt.Slack)
	r.Incidents = found
	if len(seen) > 0 && len(r.Pages) > 0 {
		share := float64(paired) / float64(len(r.Pages))
		r.Precision = &share
	}
	if len(seen) > 0 {
		n := 0
		for _, f := range found {
			if f.Paged {
				n++
				r.Detection += f.Detection
				r.Reset += f.Reset
			}
		}
		share := float64(n) / float64(len(seen))
		r.Recall = &share
		if n > 0 {
			r.Detection, r.Reset = r.Detection/time.Duration(n), r.Reset/time.Duration(n)
		}
	}
	for _, p := range r.Pages {
		if lost := SleepLost(p, opt.Zone); lost > 0 {
			r.NightPages++
			r.SleepLost += lost
		}
	}
}

func perWeek(n int, length time.Duration) float64 {
	if length <= 0 {
		return 0
	}
	return float64(n) * float64(7*24*time.Hour) / float64(length)
}

// within keeps the incidents that h saw something of.
func within(h History, incidents []Interval) []Interval {
	var out []Interval
	for _, i := range incidents {
		if i.overlaps(Interval{h.Start, h.End()}) {
			out = append(out, i)
		}
	}
	return out
}

// match gives each incident its first page, and counts the pages that belong to
// an incident.
func match(calls, incidents []Interval, slack time.Duration) (paired int, found []Found) {
	found = make([]Found, 0, len(incidents))
	for _, i := range incidents {
		found = append(found, Found{Incident: i})
	}
	for _, p := range calls {
		hit := false
		for n := range found {
			f := &found[n]
			wide := Interval{f.Incident.From.Add(-slack), f.Incident.To.Add(slack)}
			if !p.overlaps(wide) {
				continue
			}
			hit = true
			if !f.Paged {
				f.Paged, f.Detection = true, p.From.Sub(f.Incident.From)
			}
			f.Reset = p.To.Sub(f.Incident.To)
		}
		if hit {
			paired++
		}
	}
	return paired, found
}

const (
	nightFrom = 22 // o'clock
	nightTo   = 7
	awake     = 30 * time.Minute // the least that a page at night costs
)

// SleepLost is what a page costs of the night: nothing where it comes between
// 07:00 and 22:00 in the zone (nil: UTC); else the time until it ends, half an
// hour at least, and no more than until 07:00.
func SleepLost(p Interval, zone *time.Location) time.Duration {
	if zone == nil {
		zone = time.UTC
	}
	at := p.From.In(zone)
	if at.Hour() >= nightTo && at.Hour() < nightFrom {
		return 0
	}
	up := time.Date(at.Year(), at.Month(), at.Day(), nightTo, 0, 0, 0, zone)
	if !up.After(at) {
		up = time.Date(at.Year(), at.Month(), at.Day()+1, nightTo, 0, 0, 0, zone)
	}
	return min(max(p.Length(), awake), up.Sub(at))
}
