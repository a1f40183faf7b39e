package sloweb

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
	"github.com/hinoban/hinoban/internal/slo/replay"
)

// ratesView is the page of all burn rates.
type ratesView struct {
	Head    webkit.Head
	Rows    []rateRow
	Without string
	Chosen  entryView
	Try     backtestForm
}

// rateRow is one entry in the table.
type rateRow struct {
	ID, Ref, Title, Href string
	For                  string
	Used                 string
	Pages                string
	Precision            string
	State                webkit.State
	Word                 string
	Current              bool
	Seed                 bool
}

// rank is 0 for what is in use, 1 for what is one's own, 2 for what is built in.
func (r rateRow) rank() int {
	switch {
	case r.Used != "—":
		return 0
	case !r.Seed:
		return 1
	}
	return 2
}

// entryView is one entry with what follows from it.
type entryView struct {
	Title  string
	Facts  []webkit.Pair
	Shown  string
	Shares []string
	Lines  []entryLine
	Wrong  []string
	Users  []userView
}

// entryLine is one pair of an entry.
type entryLine struct {
	Name, Severity, Share string
	State                 webkit.State
	Word                  string
	Cells                 []cellView
}

// cellView is what happens at one share of bad events.
type cellView struct{ After, Reset, Spent string }

// userView is an objective that uses an entry.
type userView struct{ Name, Href, Pages string }

// backtestForm is the form of a back-test.
type backtestForm struct {
	Objective webkit.Input
	Days      webkit.Input
	YAML      webkit.Input
	Any       bool
}

// backtestView is the page of a back-test.
type backtestView struct {
	Head    webkit.Head
	Problem string
	Rows    []tryRow
	Lead    string
	Form    backtestForm
}

// tryRow is what one plan would have called.
type tryRow struct {
	Name, Pages, PerWeek, Tickets, Precision, Recall, Detection, Reset, Night string
	Now                                                                       bool
}

func (w *door) ratesPage(r *http.Request) (webkit.Page, error) {
	ctx, q := r.Context(), r.URL.Query()
	pages, err := w.pagesPerWeek(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	target, wrong := slo.ParseTarget(q.Get("target"), true)
	if wrong != nil {
		target, _ = slo.ParseTarget("99.9", true) // a target that is none shows the usual one
	}
	words, err := w.judgements(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	set := w.rates()
	by, without := w.uses(set)
	v := w.viewRates(ctx, known{set, by, pages, words}, q.Get("entry"), target)
	if len(without) > 0 {
		v.Without = webkit.T(ctx, "slo.rates.without", len(without))
	}
	v.Try = w.form(ctx, url.Values{})
	return webkit.Page{Title: webkit.T(ctx, "slo.rates.nav"), Active: "burn-rates", Live: []string{"config"}, Body: ratesBody(v)}, nil
}

// known is what is known of entries and who uses them.
type known struct {
	set   *catalogue.Set
	by    map[string]*use
	pages map[string]float64
	words map[string]judged
}

func (w *door) viewRates(ctx context.Context, k known, chosen string, target slo.Target) ratesView {
	v, set, by, pages := ratesView{}, k.set, k.by, k.pages
	if chosen == "" {
		chosen = usual(set, by)
	}
	used, overdue, broken := 0, 0, 0
	for _, c := range set.All() {
		for _, e := range c.Entries {
			row := rateRow{ID: entryKey(c, e), Ref: entryKey(c, e), Title: c.Title, Seed: c.Seed, For: matchText(ctx, e), State: webkit.Muted, Word: webkit.T(ctx, "slo.rates.unused"), Pages: "—", Used: "—", Precision: "—"}
			row.Href = webkit.WithQuery(ctx, "entry", row.ID)
			wrong := len(problemsOf(c, e))
			if u := by[row.ID]; u != nil {
				used += len(u.slos)
				row.State, row.Word = webkit.OK, webkit.T(ctx, "slo.rates.used")
				row.Precision = u.judged(k.words).text(ctx)
				row.Used, row.Pages = webkit.Number(ctx, int64(len(u.slos))), webkit.Decimal(ctx, perWeekOf(u, pages), 1)
				if wrong > 0 {
					broken++
				}
			}
			switch {
			case c.Overdue(w.Now()):
				overdue++
				row.State, row.Word = webkit.Warning, webkit.T(ctx, "slo.rates.overdue")
			case wrong > 0:
				row.State, row.Word = webkit.Warning, webkit.T(ctx, "slo.rates.wrong", wrong)
			}
			if row.Current = row.ID == chosen || (chosen == "" && len(v.Rows) == 0); row.Current {
				v.Chosen = w.viewEntry(ctx, k, c, e, target)
			}
			v.Rows = append(v.Rows, row)
		}
	}
	// What is in use or wrong comes before what merely exists.
	slices.SortStableFunc(v.Rows, func(a, b rateRow) int { return a.rank() - b.rank() })
	v.Head = webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "slo.rates.head", used, len(v.Rows)), Detail: webkit.T(ctx, "slo.rates.lead"), Actions: subnav("burn-rates")}
	if overdue+broken > 0 {
		v.Head.State, v.Head.Sentence = webkit.Warning, webkit.T(ctx, "slo.rates.head.wrong", overdue, broken)
	}
	return v
}

// usual is the entry that is shown where none is asked for: the one that most
// objectives have, or what the SRE Workbook recommends.
func usual(set *catalogue.Set, by map[string]*use) (key string) {
	most := 0
	for _, c := range set.All() {
		for _, e := range c.Entries {
			k := entryKey(c, e)
			if u := by[k]; u != nil && len(u.slos) > most {
				key, most = k, len(u.slos)
			}
			if most == 0 && c.Seed && c.Name == "google-30d" {
				key = k
			}
		}
	}
	return key
}

func perWeekOf(u *use, pages map[string]float64) (n float64) {
	for _, s := range u.slos {
		n += pages[s.Objective.ID]
	}
	return n
}

// matchText says for which objectives an entry is.
func matchText(ctx context.Context, e catalogue.Entry) string {
	var parts []string
	m := e.Match
	if len(m.Tiers) > 0 {
		parts = append(parts, strings.Join(m.Tiers, ", "))
	}
	if len(m.Periods) > 0 {
		var ps []string
		for _, p := range m.Periods {
			ps = append(ps, span(ctx, p))
		}
		parts = append(parts, strings.Join(slices.Compact(ps), ", "))
	}
	if m.Bounded {
		parts = append(parts, percent(ctx, m.From)+"–"+percent(ctx, m.To))
	}
	switch {
	case m.MaxEventsPresent:
		parts = append(parts, webkit.T(ctx, "slo.rates.traffic", figure(ctx, m.MinEvents), figure(ctx, m.MaxEvents)))
	case m.MinEvents > 0:
		parts = append(parts, webkit.T(ctx, "slo.rates.traffic.from", figure(ctx, m.MinEvents)))
	}
	if len(parts) == 0 {
		return webkit.T(ctx, "slo.rates.any")
	}
	return strings.Join(parts, " · ")
}

func (w *door) viewEntry(ctx context.Context, k known, c catalogue.Catalogue, e catalogue.Entry, target slo.Target) entryView {
	u, pages := k.by[entryKey(c, e)], k.pages
	precision := "—"
	if u != nil {
		precision = u.judged(k.words).text(ctx)
	}
	target, period := e.Shown(target)
	v := entryView{Title: entryKey(c, e), Shown: webkit.T(ctx, "slo.rates.shown", percent(ctx, target), span(ctx, period)), Wrong: problemsOf(c, e)}
	owner, review := c.Owner, "—"
	if owner == "" {
		owner = "—"
	}
	if !c.ReviewBy.IsZero() {
		review = c.ReviewBy.Format(time.DateOnly)
		if c.Overdue(w.Now()) {
			review += " · " + webkit.T(ctx, "slo.rates.overdue")
		}
	}
	v.Facts = []webkit.Pair{
		{Key: webkit.T(ctx, "slo.rates.source"), Value: c.Source},
		{Key: webkit.T(ctx, "slo.rates.for"), Value: matchText(ctx, e)},
		{Key: webkit.T(ctx, "slo.rates.owner"), Value: owner},
		{Key: webkit.T(ctx, "slo.rates.review"), Value: review},
		{Key: webkit.T(ctx, "slo.rates.why"), Value: e.Rationale},
		{Key: webkit.T(ctx, "slo.rates.precision"), Value: precision, Definition: webkit.T(ctx, "slo.def.precision")},
	}
	for _, s := range catalogue.Shares() {
		v.Shares = append(v.Shares, webkit.Percent(ctx, s))
	}
	for _, l := range catalogue.Lines(target, period, e.PairsFor(target, period)) {
		v.Lines = append(v.Lines, viewLine(ctx, l))
	}
	if u != nil {
		for _, s := range u.slos {
			v.Users = append(v.Users, userView{Name: s.Objective.Name, Href: "/slos/" + s.Objective.ID, Pages: webkit.Decimal(ctx, pages[s.Objective.ID], 1)})
		}
	}
	return v
}

func viewLine(ctx context.Context, l catalogue.Line) entryLine {
	v := entryLine{
		Name: limit(ctx, l.Pair), Severity: webkit.T(ctx, "slo.severity."+string(l.Pair.Severity)), Share: ratio(ctx, l.Share),
		State: webkit.OK, Word: webkit.T(ctx, "slo.rates.reachable"),
	}
	switch {
	case !l.Reachable:
		v.State, v.Word = webkit.Firing, webkit.T(ctx, "slo.rates.unreachable")
	case l.Pair.Rate < 1:
		v.State, v.Word = webkit.Warning, webkit.T(ctx, "slo.rates.below")
	case !l.Margin:
		v.State, v.Word = webkit.Warning, webkit.T(ctx, "slo.rates.margin")
	}
	for _, c := range l.Cells {
		cell := cellView{After: "—", Reset: "—", Spent: "—"}
		if c.Fires {
			cell = cellView{webkit.Duration(ctx, c.After.Round(time.Second)), webkit.Duration(ctx, c.Reset.Round(time.Second)), webkit.Percent(ctx, tenth(c.Spent))}
		}
		v.Cells = append(v.Cells, cell)
	}
	return v
}

// form is the form of a back-test with what was asked last.
func (w *door) form(ctx context.Context, q url.Values) backtestForm {
	f := backtestForm{
		Objective: webkit.Input{Name: "slo", Type: "select", Label: webkit.T(ctx, "slo.try.slo"), Value: q.Get("slo")},
		Days:      webkit.Input{Name: "days", Type: "number", Label: webkit.T(ctx, "slo.try.days"), Value: q.Get("days")},
		YAML:      webkit.Input{Name: "catalogue", Type: "textarea", Rows: 12, Label: webkit.T(ctx, "slo.try.catalogue"), Help: webkit.T(ctx, "slo.try.catalogue.help"), Value: q.Get("catalogue")},
	}
	if f.Days.Value == "" {
		f.Days.Value = "90"
	}
	for _, s := range w.standings() {
		if f.Any = true; len(f.Objective.Choices) < 500 {
			f.Objective.Choices = append(f.Objective.Choices, webkit.Choice{Value: s.Objective.ID, Text: w.Service(ctx, s.Objective.Service) + " · " + s.Objective.Name})
		}
	}
	return f
}

// tryPage compares what an objective has now with what is proposed.
func (w *door) tryPage(r *http.Request) (webkit.Page, error) {
	ctx, q := r.Context(), r.URL.Query()
	v := backtestView{Form: w.form(ctx, q)}
	days, err := strconv.Atoi(v.Form.Days.Value)
	if err != nil {
		days = 0 // refused with the others out of range
	}
	t, results, err := w.backtest(ctx, q.Get("slo"), strings.TrimSpace(q.Get("catalogue")), days, webkit.Zone(ctx))
	v.Head = webkit.Head{Title: webkit.T(ctx, "slo.try.title"), Sentence: webkit.T(ctx, "slo.try.none"), Actions: subnav("burn-rates")}
	if err != nil {
		v.Problem = err.Error()
		v.Head.State = webkit.Unknown
	} else {
		v.Head.Sentence = webkit.T(ctx, "slo.try.head", t.standing.Objective.Name, span(ctx, time.Duration(days)*24*time.Hour))
		v.Lead = webkit.T(ctx, "slo.try.lead", len(results[0].Incidents), webkit.Duration(ctx, t.history.Step))
		for _, res := range results {
			v.Rows = append(v.Rows, viewBacktest(ctx, res))
		}
	}
	return webkit.Page{
		Title: webkit.T(ctx, "slo.try.title"), Active: "burn-rates", Body: tryBody(v),
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "slo.try.title")}},
	}, nil
}

func viewBacktest(ctx context.Context, r replay.Result) tryRow {
	share := func(v *float64) string {
		if v == nil {
			return webkit.T(ctx, "webkit.nodata")
		}
		return webkit.Percent(ctx, tenth(*v))
	}
	row := tryRow{
		Name: r.Name, Pages: webkit.Number(ctx, int64(len(r.Pages))), PerWeek: webkit.Decimal(ctx, r.PagesPerWeek, 2), Tickets: webkit.Number(ctx, int64(len(r.Tickets))),
		Precision: share(r.Precision), Recall: share(r.Recall), Detection: "—", Reset: "—", Now: r.Name == planNow,
		Night: webkit.T(ctx, "slo.try.night", r.NightPages, int(math.Round(r.SleepLost.Minutes()))),
	}
	if row.Now {
		row.Name = webkit.T(ctx, "slo.try.now")
	}
	if r.Recall != nil && *r.Recall > 0 {
		row.Detection, row.Reset = signed(ctx, r.Detection), signed(ctx, r.Reset)
	}
	return row
}

// signed writes a duration that may lie before.
func signed(ctx context.Context, d time.Duration) string {
	if d < 0 {
		return "−" + webkit.Duration(ctx, -d.Round(time.Second))
	}
	return webkit.Duration(ctx, d.Round(time.Second))
}
