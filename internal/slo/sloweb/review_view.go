package sloweb

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo/ledger"
	"github.com/hinoban/hinoban/internal/slo/review"
)

// reviewsView is the page of all reviews.
type reviewsView struct {
	Head webkit.Head
	Rows []reviewRow
	Held []heldView
}

// reviewRow is one service and its reviews.
type reviewRow struct {
	ID, Name, Href  string
	State           webkit.State
	Word            string
	Due, Next, Last time.Time
}

// heldView is one review that was held.
type heldView struct {
	Name, Href, Decision, By, Notes string
	At                              time.Time
}

// agendaView is the page of one service's review.
type agendaView struct {
	Head      webkit.Head
	Service   string
	Lines     []lineView
	Held      []heldView
	Signed    *heldView // the review that is shown, or nil for one that may be held
	Decisions []webkit.Choice
	ActAs     webkit.ActAs
}

// lineView is one objective on the agenda.
type lineView struct {
	Name, Href, Target string
	State              webkit.State
	Fit                string
	Periods            []periodView
	Spend              []spendView
	Pages, Problem     string
}

type periodView struct {
	Start, End time.Time
	State      webkit.State
	Word       string
	Attained   string
	Left       string
}

// spendView is one line of a ledger.
type spendView struct {
	Kind, Title, Href string
	Free              bool
	Bad, Share        string
	First             time.Time
}

func viewReviews(ctx context.Context, all []review.Standing, held []review.Record, name func(string) string) reviewsView {
	v := reviewsView{Head: webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "review.head.ok"), Detail: webkit.T(ctx, "review.head.detail"), Actions: subnav("reviews"), Evidence: "/log?name=slo.review_held"}}
	due := 0
	for _, s := range all {
		r := reviewRow{ID: s.Service, Name: name(s.Service), Href: "/slos/reviews/of/" + url.PathEscape(s.Service), Due: s.Due, Next: s.Next, Last: s.Last, Word: webkit.T(ctx, "review.status."+string(s.Status))}
		switch s.Status {
		case review.Done:
			r.State = webkit.OK
		case review.Due:
			r.State = webkit.Warning
			due++
		case review.Overdue:
			r.State = webkit.Firing
			due++
		case review.NoCycle:
			r.State = webkit.Muted
		}
		v.Rows = append(v.Rows, r)
	}
	switch {
	case len(all) == 0:
		v.Head = webkit.Head{Sentence: webkit.T(ctx, "review.head.none"), Actions: subnav("reviews")}
	case due > 0:
		v.Head.State, v.Head.Sentence = webkit.Warning, webkit.T(ctx, "review.head.due", due)
	}
	v.Held = viewHeld(ctx, held, name)
	return v
}

func viewHeld(ctx context.Context, held []review.Record, name func(string) string) (out []heldView) {
	for _, r := range held {
		out = append(out, heldView{
			Name: name(r.Service), Href: "/slos/reviews/of/" + url.PathEscape(r.Service) + "?held=" + url.QueryEscape(r.ID),
			Decision: webkit.T(ctx, "review.decision."+r.Decision), By: r.By, Notes: r.Notes, At: r.Held,
		})
	}
	return out
}

func viewAgenda(ctx context.Context, a review.Agenda, name string) agendaView {
	v := agendaView{Service: a.Service, Head: webkit.Head{Actions: subnav("reviews"), Title: webkit.T(ctx, "review.title", name), Detail: webkit.T(ctx, "review.detail"), State: webkit.OK, Sentence: webkit.T(ctx, "review.suits", len(a.Lines))}}
	loose, tight := 0, 0
	for _, l := range a.Lines {
		line := lineView{Name: l.Name, Href: "/slos/" + url.PathEscape(l.Objective), Target: webkit.T(ctx, "slo.percent", l.Target), State: webkit.OK, Problem: l.Problem, Fit: webkit.T(ctx, "review.fit.suits"), Spend: viewSpend(ctx, l.Spend, l.Unit)}
		switch l.Fit {
		case review.TooLoose:
			line.State, line.Fit = webkit.Warning, webkit.T(ctx, "review.fit.loose")
			loose++
		case review.TooTight:
			line.State, line.Fit = webkit.Firing, webkit.T(ctx, "review.fit.tight")
			tight++
		case review.Suits:
		}
		for _, p := range l.Periods {
			line.Periods = append(line.Periods, viewPeriod(ctx, p))
		}
		line.Pages = webkit.T(ctx, "review.pages", l.Pages)
		if l.Judged > 0 {
			line.Pages += webkit.T(ctx, "review.precision", l.Right, l.Judged)
		}
		v.Lines = append(v.Lines, line)
	}
	if loose+tight > 0 {
		v.Head.State, v.Head.Sentence = webkit.Warning, webkit.T(ctx, "review.unfit", loose, tight)
	}
	for _, d := range review.Decisions() {
		v.Decisions = append(v.Decisions, webkit.Choice{Value: d, Text: webkit.T(ctx, "review.decision."+d)})
	}
	return v
}

func viewPeriod(ctx context.Context, p review.Attained) periodView {
	v := periodView{Start: p.Start, End: p.End, State: webkit.Unknown, Word: webkit.T(ctx, "webkit.nodata"), Attained: "—", Left: "—"}
	if !p.Known {
		return v
	}
	v.State, v.Word = webkit.OK, webkit.T(ctx, "review.met")
	if !p.Met {
		v.State, v.Word = webkit.Firing, webkit.T(ctx, "review.missed")
	}
	v.Attained = webkit.Percent(ctx, 1-float64(p.Bad)/float64(p.Total))
	v.Left = webkit.Percent(ctx, tenth(p.Remaining))
	return v
}

func viewSpend(ctx context.Context, entries []ledger.Entry, unit int64) (out []spendView) {
	for _, e := range entries {
		v := spendView{Kind: webkit.T(ctx, "ledger.kind."+string(e.Kind)), Title: e.Title, Href: e.Href, Free: e.Free, Bad: amount(ctx, e.Bad, unit), Share: webkit.Percent(ctx, tenth(e.Share)), First: e.First}
		if e.Free {
			v.Share = webkit.T(ctx, "ledger.free")
		}
		out = append(out, v)
	}
	return out
}

// reportView is a report as a page.
type reportView struct {
	Head    webkit.Head
	Period  string
	Zone    string
	Service string
	CSV     string
	Dates   string // first and last day, in the report's zone
	Rows    []reportRow
	Left    int
	Over    bool   // the period has ended
	Unknown int    // objectives without data
	Prev    string // addresses of the neighbours
	Next    string
}

type reportRow struct {
	Service, Name, Href, Target string
	Period                      periodView
	Bad, Total, Cause, Problem  string
}

func viewReport(ctx context.Context, r review.Report, service string, name func(string) string) reportView {
	q := url.Values{"period": {r.Name}, "zone": {r.Zone}, "service": {service}}
	v := reportView{Period: r.Name, Zone: r.Zone, Service: service, CSV: "/slos/report.csv?" + q.Encode(), Dates: datesText(ctx, r), Left: r.Left}
	v.Prev, v.Next = neighbours(r, service, webkit.Now(ctx))
	missed := 0
	for _, row := range r.Rows {
		p := viewPeriod(ctx, row.Period)
		if row.Period.Known && !row.Period.Met {
			missed++
		}
		if !row.Period.Known {
			v.Unknown++
		}
		v.Rows = append(v.Rows, reportRow{
			Service: name(row.Service), Name: row.Name, Href: "/slos/" + url.PathEscape(row.Objective), Target: webkit.T(ctx, "slo.percent", row.Target), Period: p,
			Bad: amount(ctx, row.Period.Bad, row.Period.Unit), Total: amount(ctx, row.Period.Total, row.Period.Unit), Cause: causeText(ctx, row.TopCause), Problem: row.Problem,
		})
	}
	v.Head = webkit.Head{State: webkit.OK, Title: webkit.T(ctx, "report.title", r.Name), Sentence: webkit.T(ctx, "report.head.ok", len(r.Rows)), Actions: subnav("report")}
	v.Over = !r.End.After(webkit.Now(ctx))
	switch {
	case len(r.Rows) == 0:
		v.Head.State, v.Head.Sentence = "", webkit.T(ctx, "report.head.none")
	case v.Unknown == len(r.Rows):
		v.Head.State, v.Head.Sentence = webkit.Unknown, webkit.T(ctx, "report.head.unknown")
	case !v.Over:
		v.Head.Sentence = webkit.T(ctx, "report.head.sofar", len(r.Rows)-v.Unknown)
	default:
		v.Head.Sentence = webkit.T(ctx, "report.head.ok", len(r.Rows)-v.Unknown)
	}
	if !v.Over {
		v.Head.Detail = webkit.T(ctx, "report.sofar")
	}
	if missed > 0 {
		v.Head.State, v.Head.Sentence = webkit.Firing, webkit.T(ctx, "report.head.missed", missed, len(r.Rows))
	}
	return v
}

// datesText are the first and the last day of a report, in its zone.
func datesText(ctx context.Context, r review.Report) string {
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		zone = time.UTC // a report has been refused by then
	}
	return webkit.T(ctx, "report.dates", r.Start.In(zone).Format(time.DateOnly), r.End.Add(-time.Second).In(zone).Format(time.DateOnly), r.Zone)
}

// neighbours are the addresses of the periods before and after; "" for one that has
// not begun.
func neighbours(r review.Report, service string, now time.Time) (before, after string) {
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		return "", ""
	}
	to := func(t time.Time) string {
		q := url.Values{"period": {periodName(r.Name, t.In(zone))}, "zone": {r.Zone}}
		if service != "" {
			q.Set("service", service)
		}
		return "/slos/report?" + q.Encode()
	}
	if before = to(r.Start.Add(-time.Hour)); r.End.Before(now) {
		after = to(r.End.Add(time.Hour))
	}
	return before, after
}

// periodName names the period of a time, in the form of another name.
func periodName(like string, t time.Time) string {
	switch {
	case strings.Contains(like, "Q"):
		return strconv.Itoa(t.Year()) + "-Q" + strconv.Itoa((int(t.Month())+2)/3)
	case strings.Contains(like, "W"):
		year, week := t.ISOWeek()
		return fmt.Sprintf("%d-W%02d", year, week)
	case strings.Contains(like, "-"):
		return t.Format("2006-01")
	}
	return t.Format("2006")
}

// writeCSV writes a report with one line for each objective. Numbers are plain;
// a text that a spreadsheet would take for a formula is quoted.
func writeCSV(w io.Writer, r review.Report) error {
	c := csv.NewWriter(w)
	lines := [][]string{{"period", "start", "end", "service", "slo", "name", "target_percent", "good", "total", "attained_percent", "met", "budget_events", "bad", "budget_left_percent", "slots_without_data", "top_cause", "top_cause_share_percent", "problem"}}
	for _, row := range r.Rows {
		p := row.Period
		line := []string{r.Name, p.Start.Format(time.RFC3339), p.End.Format(time.RFC3339), plain(row.Service), plain(row.Objective), plain(row.Name), row.Target, "", "", "", "", "", "", "", strconv.Itoa(p.Unknown), plain(row.TopCause), "", plain(row.Problem)}
		if p.Known {
			line[7], line[8], line[9], line[10] = inEvents(p.Total-p.Bad, p.Unit), inEvents(p.Total, p.Unit), six(100*row.Attained), strconv.FormatBool(p.Met)
			line[11], line[12], line[13], line[16] = six(row.Allowed/float64(unitOf(p.Unit))), inEvents(p.Bad, p.Unit), six(100*p.Remaining), six(100*row.TopShare)
		}
		lines = append(lines, line)
	}
	return c.WriteAll(lines)
}

// plain keeps a text from being a formula.
func plain(s string) string {
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r") {
		return "'" + s
	}
	return s
}

// inEvents writes events that are counted in parts: whole ones as whole numbers.
func inEvents(n, unit int64) string {
	if unitOf(unit) == 1 {
		return strconv.FormatInt(n, 10)
	}
	return six(float64(n) / float64(unit))
}

// causeText writes the largest cause: a kind, or a kind and a title.
func causeText(ctx context.Context, cause string) string {
	kind, title, titled := strings.Cut(cause, ": ")
	switch {
	case kind == "":
		return ""
	case titled:
		return webkit.T(ctx, "ledger.kind."+kind) + ": " + title
	}
	return webkit.T(ctx, "ledger.kind."+kind)
}

// six writes a figure with six decimals at most.
func six(f float64) string {
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(f, 'f', 6, 64), "0"), ".")
}
