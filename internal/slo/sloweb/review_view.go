package sloweb

import (
	"context"
	"encoding/csv"
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
	v := reviewsView{Head: webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "review.head.ok"), Evidence: "/log?name=slo.review_held"}}
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
		v.Head = webkit.Head{Sentence: webkit.T(ctx, "review.head.none")}
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
	v := agendaView{Service: a.Service, Head: webkit.Head{Title: webkit.T(ctx, "review.title", name), State: webkit.OK, Sentence: webkit.T(ctx, "review.suits", len(a.Lines))}}
	loose, tight := 0, 0
	for _, l := range a.Lines {
		line := lineView{Name: l.Name, Href: "/slos/" + url.PathEscape(l.Objective), Target: webkit.T(ctx, "slo.percent", l.Target), State: webkit.OK, Problem: l.Problem, Fit: webkit.T(ctx, "review.fit.suits"), Spend: viewSpend(ctx, l.Spend)}
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

func viewSpend(ctx context.Context, entries []ledger.Entry) (out []spendView) {
	for _, e := range entries {
		v := spendView{Kind: webkit.T(ctx, "ledger.kind."+string(e.Kind)), Title: e.Title, Href: e.Href, Free: e.Free, Bad: webkit.Number(ctx, e.Bad), Share: webkit.Percent(ctx, tenth(e.Share)), First: e.First}
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
	From    time.Time
	To      time.Time
	Rows    []reportRow
	Left    int
}

type reportRow struct {
	Service, Name, Href, Target string
	Period                      periodView
	Bad, Total, Cause, Problem  string
}

func viewReport(ctx context.Context, r review.Report, service string, name func(string) string) reportView {
	q := url.Values{"period": {r.Name}, "zone": {r.Zone}, "service": {service}}
	v := reportView{Period: r.Name, Zone: r.Zone, Service: service, CSV: "/slos/report.csv?" + q.Encode(), From: r.Start, To: r.End, Left: r.Left}
	missed := 0
	for _, row := range r.Rows {
		p := viewPeriod(ctx, row.Period)
		if row.Period.Known && !row.Period.Met {
			missed++
		}
		v.Rows = append(v.Rows, reportRow{
			Service: name(row.Service), Name: row.Name, Href: "/slos/" + url.PathEscape(row.Objective), Target: webkit.T(ctx, "slo.percent", row.Target), Period: p,
			Bad: webkit.Number(ctx, row.Period.Bad), Total: webkit.Number(ctx, row.Period.Total), Cause: row.TopCause, Problem: row.Problem,
		})
	}
	v.Head = webkit.Head{State: webkit.OK, Title: r.Name, Sentence: webkit.T(ctx, "report.head.ok", len(r.Rows))}
	if missed > 0 {
		v.Head.State, v.Head.Sentence = webkit.Firing, webkit.T(ctx, "report.head.missed", missed, len(r.Rows))
	}
	return v
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
			line[7], line[8], line[9], line[10] = strconv.FormatInt(p.Total-p.Bad, 10), strconv.FormatInt(p.Total, 10), six(100*row.Attained), strconv.FormatBool(p.Met)
			line[11], line[12], line[13], line[16] = six(row.Allowed), strconv.FormatInt(p.Bad, 10), six(100*p.Remaining), six(100*row.TopShare)
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

// six writes a figure with six decimals at most.
func six(f float64) string {
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(f, 'f', 6, 64), "0"), ".")
}
