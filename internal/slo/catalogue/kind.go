package catalogue

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
)

// Spec is the spec of a BurnRateCatalogue.
type Spec struct {
	Description string      `json:"description,omitempty" maxLength:"1050"`
	Entries     []EntrySpec `json:"entries" minItems:"1" maxItems:"200" doc:"The first that matches an objective wins."`
}

// EntrySpec is one entry.
type EntrySpec struct {
	ID           string            `json:"id" pattern:"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" patternDescription:"a DNS label" doc:"Unique in the catalogue. catalogue/tier1 means the entries whose id is tier1 or begins with tier1-."`
	Match        MatchSpec         `json:"match,omitzero" doc:"For which objectives; what is left out matches all."`
	Pairs        []PairSpec        `json:"pairs" minItems:"1" maxItems:"16" doc:"Each calls on its own."`
	BudgetAlerts []BudgetAlertSpec `json:"budgetAlerts,omitempty" maxItems:"16" doc:"What the budget itself does."`
	NoData       *NoDataSpec       `json:"noData,omitempty" doc:"When silence calls; left out: never."`
	Promises     []PromiseSpec     `json:"promises,omitempty" maxItems:"16" doc:"What the entry has to keep: hinoban slo catalogue test."`
	ScaleFrom    string            `json:"scaleFrom,omitempty" pattern:"^[0-9]+[smhdwMQY]$" patternDescription:"a duration such as 28d" doc:"The windows are for this period and scale with the objective's."`
	Rationale    string            `json:"rationale,omitempty" maxLength:"2000" doc:"Why these numbers."`
}

// MatchSpec says for which objectives an entry is.
type MatchSpec struct {
	Tier             []string         `json:"tier,omitempty" doc:"Tiers of services: tier1 or 1."`
	Period           []string         `json:"period,omitempty" doc:"Periods of objectives: 28d, 30d, 1M."`
	Target           []ascode.Decimal `json:"target,omitempty" minItems:"2" maxItems:"2" doc:"The lowest and the highest target, as shares: [0.995, 0.9999]."`
	MinEventsPerHour float64          `json:"minEventsPerHour,omitempty" minimum:"0"`
	MaxEventsPerHour *float64         `json:"maxEventsPerHour,omitempty" minimum:"0" doc:"Such an entry matches only where the traffic is known."`
}

// PairSpec is one pair. Its rate is given in one of three ways.
type PairSpec struct {
	Severity      string  `json:"severity" enum:"page,ticket" doc:"page wakes somebody, ticket waits for the week."`
	Budget        string  `json:"budget,omitempty" pattern:"^[0-9]+(\\.[0-9]+)?%$" patternDescription:"a percentage such as 2%" doc:"The share of the budget that is gone when it fires: the rate follows."`
	BurnRate      float64 `json:"burnRate,omitempty" minimum:"0" doc:"The rate itself, times just enough."`
	BadRatio      string  `json:"badRatio,omitempty" pattern:"^[0-9]+(\\.[0-9]+)?%$" patternDescription:"a percentage such as 30%" doc:"The share of events that is bad: the rate follows from the target."`
	Long          string  `json:"long" pattern:"^[0-9]+[smhdwMQY]$" patternDescription:"a duration such as 1h" doc:"The long window."`
	Short         string  `json:"short,omitempty" pattern:"^[0-9]+[smhdwMQY]$" patternDescription:"a duration such as 5m" doc:"The short window, a twelfth of the long one as a rule; left out: one window."`
	ShortBurnRate float64 `json:"shortBurnRate,omitempty" minimum:"0" doc:"The rate over the short window where it is another one."`
	For           string  `json:"for,omitempty" pattern:"^[0-9]+[smhdwMQY]$" patternDescription:"a duration such as 0s" doc:"How long both must burn without a break."`
	MinEvents     int64   `json:"minEvents,omitempty" minimum:"0" doc:"Fewer events in the long window call nobody."`
	MinFailures   int64   `json:"minFailures,omitempty" minimum:"0" doc:"Fewer bad events in the long window call nobody."`
	Confidence    float64 `json:"confidence,omitempty" minimum:"0" maximum:"0.999999999" doc:"0.99: not where so many bad events come by chance in one of 100 cases."`
	Against       string  `json:"against,omitempty" enum:"limit,budget" doc:"What chance is measured against: the pair's own limit, or a service that just keeps its target."`
	Method        string  `json:"method,omitempty" enum:"plain,volume,slices" doc:"volume weighs a window by its share of the period's events; slices counts at least as many events as the window has slices."`
}

// BudgetAlertSpec is an alert on the budget: one of remaining, drop and exhaustsIn.
type BudgetAlertSpec struct {
	Severity   string `json:"severity" enum:"page,ticket,info"`
	Remaining  string `json:"remaining,omitempty" pattern:"^[0-9]+(\\.[0-9]+)?%$" patternDescription:"a percentage such as 50%" doc:"At or below this share of the budget."`
	Drop       string `json:"drop,omitempty" pattern:"^[0-9]+(\\.[0-9]+)?%$" patternDescription:"a percentage such as 10%" doc:"This share of the budget was spent within over."`
	ExhaustsIn string `json:"exhaustsIn,omitempty" pattern:"^[0-9]+[smhdwMQY]$" patternDescription:"a duration such as 72h" doc:"At the pace of the window over, the budget lasts less."`
	Over       string `json:"over,omitempty" pattern:"^[0-9]+[smhdwMQY]$" patternDescription:"a duration such as 15m"`
}

// NoDataSpec says when silence calls.
type NoDataSpec struct {
	After    string `json:"after" pattern:"^(auto|[0-9]+[smhdwMQY])$" patternDescription:"auto, or a duration such as 10m" doc:"auto: as long as the first pair takes to notice total failure."`
	Severity string `json:"severity" enum:"page,ticket,info"`
}

// PromiseSpec is what an entry has to keep.
type PromiseSpec struct {
	BadRatio string `json:"badRatio" pattern:"^[0-9]+(\\.[0-9]+)?%$" patternDescription:"a percentage such as 100%" doc:"Where this share of events is bad …"`
	Within   string `json:"within" pattern:"^[0-9]+[smhdwMQY]$" patternDescription:"a duration such as 3m" doc:"… somebody is called in this time."`
	Severity string `json:"severity,omitempty" enum:"page,ticket" doc:"page where it is left out."`
}

const example = `apiVersion: hinoban/v1
kind: BurnRateCatalogue
metadata: {name: std, version: 3, owner: sre, reviewBy: 2027-04-01}
spec:
  entries:
  - id: tier1-30d
    match: {period: [28d, 30d, 1M], target: [0.995, 0.9999], minEventsPerHour: 1000}
    pairs:
    - {severity: page,   budget: 2%,  long: 1h, short: 5m,  confidence: 0.99}
    - {severity: page,   budget: 5%,  long: 6h, short: 30m, confidence: 0.99}
    - {severity: ticket, budget: 10%, long: 1d, short: 2h,  confidence: 0.95}
    - {severity: ticket, burnRate: 1.1, long: 3d, short: 6h, confidence: 0.95}
    budgetAlerts:
    - {remaining: 50%, severity: info}
    - {drop: 10%, over: 15m, severity: page}
    - {exhaustsIn: 72h, over: 10m, severity: ticket}
    noData: {after: auto, severity: ticket}
    promises: [{badRatio: 100%, within: 5m}]
    rationale: 2 % of the budget in an hour wakes somebody; a tenth in three days waits for the week.
`

// Kind is the document that the package reads.
func Kind() ascode.Kind {
	return ascode.DefineVersioned("hinoban/v1", "BurnRateCatalogue", "Burn rates that an organisation has agreed on.", example, check)
}

func check(e ascode.VersionedEnvelope[Spec]) (out []ascode.FieldError) {
	if _, err := reviewDay(e.Metadata.ReviewBy); err != nil {
		out = append(out, ascode.Fieldf("metadata.reviewBy", "for example 2027-04-01", "%v", err))
	}
	seen := map[string]bool{}
	for i, spec := range e.Spec.Entries {
		path := fmt.Sprintf("spec.entries[%d]", i)
		if seen[spec.ID] {
			out = append(out, ascode.Fieldf(path+".id", "give it a name of its own", "there are two entries %q", spec.ID))
		}
		seen[spec.ID] = true
		_, bad := spec.entry(path)
		out = append(out, bad...)
	}
	return out
}

func reviewDay(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.DateOnly, s)
}

// reader turns the text of an entry into values and keeps what is wrong.
type reader struct{ bad []ascode.FieldError }

func (r *reader) say(path, fix, format string, args ...any) {
	r.bad = append(r.bad, ascode.Fieldf(path, fix, format, args...))
}

var durationForm = regexp.MustCompile(`^([0-9]{1,6})([smhdwMQY])$`)

// duration reads 0s, 5m, 1h, 3d, 1w, 1M (30 days), 1Q (90), 1Y (365).
func (r *reader) duration(path, s string) time.Duration {
	if s == "" {
		return 0
	}
	m := durationForm.FindStringSubmatch(s)
	if m == nil {
		r.say(path, "for example 5m, 1h or 3d", "%q is not a duration", s)
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // six digits
	unit := map[string]time.Duration{"s": time.Second, "m": minute, "h": hour, "d": day, "w": 7 * day, "M": 30 * day, "Q": 90 * day, "Y": 365 * day}[m[2]]
	if time.Duration(n) > 1000*day/unit {
		r.say(path, "for example 30d", "%q is longer than 1000 days", s)
		return 0
	}
	return time.Duration(n) * unit
}

// percent reads 2% as 0.02.
func (r *reader) percent(path, s string) float64 {
	if s == "" {
		return 0
	}
	f, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || f > 100 {
		r.say(path, "for example 2%", "%q is not a percentage up to 100%%", s)
		return 0
	}
	return digits(f / 100)
}

func (s EntrySpec) entry(path string) (Entry, []ascode.FieldError) {
	r := &reader{}
	e := Entry{ID: s.ID, Rationale: s.Rationale, ScaleFrom: r.duration(path+".scaleFrom", s.ScaleFrom), Match: s.Match.match(r, path+".match")}
	for i, p := range s.Pairs {
		e.Pairs = append(e.Pairs, p.row(r, fmt.Sprintf("%s.pairs[%d]", path, i)))
	}
	for i, b := range s.BudgetAlerts {
		e.Budgets = append(e.Budgets, b.alert(r, fmt.Sprintf("%s.budgetAlerts[%d]", path, i)))
	}
	if n := s.NoData; n != nil {
		e.Absent = Absence{Auto: n.After == "auto", Severity: alert.Severity(n.Severity)}
		if !e.Absent.Auto {
			e.Absent.After = r.duration(path+".noData.after", n.After)
		}
	}
	for i, p := range s.Promises {
		at := fmt.Sprintf("%s.promises[%d]", path, i)
		q := Promise{Bad: r.percent(at+".badRatio", p.BadRatio), Within: r.duration(at+".within", p.Within), Severity: alert.Page}
		if p.Severity != "" {
			q.Severity = alert.Severity(p.Severity)
		}
		e.Promises = append(e.Promises, q)
	}
	return e, r.bad
}

func (s MatchSpec) match(r *reader, path string) Match {
	m := Match{Tiers: s.Tier, MinEvents: s.MinEventsPerHour}
	for i, p := range s.Period {
		if d := r.duration(fmt.Sprintf("%s.period[%d]", path, i), p); d > 0 {
			m.Periods = append(m.Periods, d)
		}
	}
	if s.MaxEventsPerHour != nil {
		m.MaxEvents, m.MaxEventsPresent = *s.MaxEventsPerHour, true
		if m.MaxEvents <= m.MinEvents {
			r.say(path+".maxEventsPerHour", "", "maxEventsPerHour must be more than minEventsPerHour")
		}
	}
	if len(s.Target) == 2 {
		from, err1 := slo.ParseTarget(string(s.Target[0]), false)
		to, err2 := slo.ParseTarget(string(s.Target[1]), false)
		switch {
		case err1 != nil:
			r.say(path+".target[0]", "for example 0.99", "%v", err1)
		case err2 != nil:
			r.say(path+".target[1]", "for example 0.9999", "%v", err2)
		case from.Budget() < to.Budget():
			r.say(path+".target", "write the lower one first", "the lowest target is above the highest")
		}
		m.From, m.To, m.Bounded = from, to, true
	}
	return m
}

func (s PairSpec) row(r *reader, path string) Row {
	row := Row{Budget: r.percent(path+".budget", s.Budget), Bad: r.percent(path+".badRatio", s.BadRatio)}
	row.Pair = slo.Pair{
		Severity: alert.Severity(s.Severity), Rate: s.BurnRate, ShortRate: s.ShortBurnRate,
		Long: r.duration(path+".long", s.Long), Short: r.duration(path+".short", s.Short), For: r.duration(path+".for", s.For),
		Gate: slo.Gate{Confidence: s.Confidence, MinEvents: s.MinEvents, MinFailures: s.MinFailures},
	}
	if s.Against == "budget" {
		row.Gate.Against = s.Against
	}
	if s.Method != "plain" {
		row.Gate.Method = s.Method
	}
	given := 0
	for _, has := range []bool{s.Budget != "", s.BadRatio != "", s.BurnRate > 0} {
		if has {
			given++
		}
	}
	switch {
	case given != 1:
		r.say(path, "give one of budget:, burnRate: and badRatio:", "exactly one of budget, burnRate and badRatio must be given, and be above 0")
	case s.Budget != "" && row.Budget == 0, s.BadRatio != "" && row.Bad == 0:
		r.say(path, "for example budget: 2%", "a rate of 0 would always call")
	case row.Long < time.Minute:
		r.say(path+".long", "for example 1h", "a window is a minute or longer")
	case row.Short >= row.Long:
		r.say(path+".short", "a twelfth of the long one is usual", "the short window must be shorter than the long one")
	case s.ShortBurnRate > 0 && s.Short == "":
		r.say(path+".shortBurnRate", "add short:", "there is no short window")
	case s.Confidence > 0 && s.Confidence < 0.5:
		r.say(path+".confidence", "for example 0.99", "a confidence below 0.5 is none")
	}
	return row
}

func (s BudgetAlertSpec) alert(r *reader, path string) slo.BudgetAlert {
	b := slo.BudgetAlert{Severity: alert.Severity(s.Severity), Over: r.duration(path+".over", s.Over)}
	given := 0
	if s.Remaining != "" {
		b.Watch, b.Share, given = "remaining", r.percent(path+".remaining", s.Remaining), given+1
	}
	if s.Drop != "" {
		b.Watch, b.Share, given = "drop", r.percent(path+".drop", s.Drop), given+1
	}
	if s.ExhaustsIn != "" {
		b.Watch, b.ExhaustsIn, given = "exhausts_in", r.duration(path+".exhaustsIn", s.ExhaustsIn), given+1
	}
	switch {
	case given != 1:
		r.say(path, "give one of remaining:, drop: and exhaustsIn:", "exactly one of remaining, drop and exhaustsIn must be given")
	case b.Watch != "remaining" && b.Over == 0:
		r.say(path, "add over: 15m", "over says in which time")
	case b.Watch == "remaining" && b.Over > 0:
		r.say(path+".over", "leave it out", "what remains is not measured over a window")
	}
	return b
}

// Build makes the catalogues of a set, with the seeds. Documents that their own
// check has found fault with are left out.
func Build(set *ascode.Set) *Set {
	var own []Catalogue
	for _, d := range ascode.Of[ascode.Versioned[Spec]](set) {
		day, err := reviewDay(d.Spec.ReviewBy)
		if err != nil {
			continue
		}
		c := Catalogue{
			Name: d.Metadata.Name, Title: d.Metadata.Title(), Version: d.Spec.Version, Owner: d.Spec.Owner, ReviewBy: day,
			Source: fmt.Sprintf("%s:%d", d.File, d.Line),
		}
		for i, s := range d.Spec.Spec.Entries {
			e, bad := s.entry(fmt.Sprintf("spec.entries[%d]", i))
			if len(bad) == 0 {
				c.Entries = append(c.Entries, e)
			}
		}
		own = append(own, c)
	}
	return NewSet(own)
}

// Read reads catalogues from the text of a file: what a server is asked to try.
func Read(file, text string) ([]Catalogue, ascode.Problems) {
	set, problems := ascode.Parse(map[string]string{file: text}, []ascode.Kind{Kind()})
	if len(problems) > 0 {
		return nil, problems
	}
	var own []Catalogue
	for _, c := range Build(set).all {
		if !c.Seed {
			own = append(own, c)
		}
	}
	return own, nil
}
