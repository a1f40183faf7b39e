package alertweb

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/score"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

type weeklyView struct {
	Head       webkit.Head
	Week       string
	Last, Next string // addresses
	Facts      []webkit.Pair
	Worst      []leagueRow
	Silent     []silentView
	SilentMore int
	Missed     []missView
	Teams      []loadView
	Moved      []moveView
	Services   []webkit.Choice
	Service    string
	ActAs      webkit.ActAs
	May        bool
	Now        string
	Proposals  int
}

type silentView struct {
	Rule, Href, Source string
	At                 time.Time
}

type missView struct {
	Service, What, Rule, Who, Incident string
	At                                 time.Time
}

type loadView struct {
	Team, PerShift, Change string
	Pages, Busiest         int
	TooMany                bool
}

type moveView struct {
	Rule, Href, Change string
	Precision          precisionView
}

const shownSilent = 30

// week makes the week that id names, or the last whole one.
func (d Deps) week(ctx context.Context, id string, zone *time.Location) (score.Week, error) {
	if id == "" {
		id = score.WeekID(d.Now().In(zone).AddDate(0, 0, -7))
	}
	from, err := score.WeekStart(id, zone)
	if err != nil {
		return score.Week{}, err
	}
	board, err := d.Judge.Bench.Board(ctx)
	if err != nil {
		return score.Week{}, err
	}
	missed, err := d.Judge.Jury.Misses(ctx, from.UTC(), from.AddDate(0, 0, 7).UTC())
	if err != nil {
		return score.Week{}, err
	}
	return score.Weekly{Board: board, From: from, Missed: missed, Team: d.Judge.Team}.Make(), nil
}

func (d Deps) weeklyPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	w, err := d.week(ctx, r.URL.Query().Get("week"), webkit.Zone(ctx))
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewWeekly(ctx, w, d.names(ctx))
	for _, s := range d.Catalog.Services(ctx) {
		v.Services = append(v.Services, webkit.Choice{Value: s.ID, Text: s.ID})
	}
	v.Service, v.ActAs, v.May = r.URL.Query().Get("service"), d.actAs(r), auth.MayAct(ctx)
	v.Now = webkit.Now(ctx).In(webkit.Zone(ctx)).Format("2006-01-02T15:04")
	return webkit.Page{
		Title: webkit.T(ctx, "judge.weekly") + " " + w.ID, Active: "alerts", Live: []string{"alert"},
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "judge.weekly")}, {Text: w.ID}}, Body: weeklyPage(v),
	}, nil
}

func viewWeekly(ctx context.Context, w score.Week, names map[string]string) weeklyView {
	at := func(days int) string { return "/alerts/weekly?week=" + score.WeekID(w.From.AddDate(0, 0, days)) }
	v := weeklyView{Week: w.ID, Last: at(-7)}
	if w.To.Before(webkit.Now(ctx)) {
		v.Next = at(7)
	}
	v.Head = weeklyHead(ctx, w)
	v.Facts = []webkit.Pair{
		{Key: webkit.T(ctx, "judge.week.pages"), Value: webkit.T(ctx, "judge.week.was", w.Pages, w.PagesLast)},
		{Key: webkit.T(ctx, "judge.col.precision"), Body: precision(viewPrecision(ctx, w.Precision)), Definition: webkit.T(ctx, "judge.col.precision.means")},
		{Key: webkit.T(ctx, "judge.week.before"), Body: precision(viewPrecision(ctx, w.Last))},
		{Key: webkit.T(ctx, "judge.week.judged"), Value: webkit.T(ctx, "judge.of", w.Judged.K, w.Judged.N)},
		{Key: webkit.T(ctx, "judge.week.alerts"), Value: webkit.Number(ctx, int64(w.Alerts))},
	}
	for _, s := range w.Worst {
		v.Worst = append(v.Worst, viewLeagueRow(ctx, w.Board, s, nil))
	}
	for i, f := range w.Silent {
		if i == shownSilent {
			v.SilentMore = len(w.Silent) - i
			break
		}
		v.Silent = append(v.Silent, silentView{f.Rule, ruleHref(w.Board, f.Key), f.Source, f.LastAt})
	}
	for _, m := range w.Missed {
		v.Missed = append(v.Missed, viewMiss(m, names))
	}
	for _, t := range w.Teams {
		l := loadView{Team: t.Team, Pages: t.Pages, Busiest: t.Busiest, PerShift: webkit.Decimal(ctx, t.PerShift, 2), Change: webkit.T(ctx, "judge.week.was", t.Pages, t.Before), TooMany: t.PerShift > score.PagesAShift || float64(t.Busiest) > 2*score.PagesAShift}
		if l.Team == "" {
			l.Team = webkit.T(ctx, "judge.noteam")
		}
		v.Teams = append(v.Teams, l)
	}
	for _, m := range w.Moved {
		v.Moved = append(v.Moved, moveView{m.Rule, ruleHref(w.Board, m.Key), webkit.T(ctx, "judge.week.was", m.Now.Pages, m.Before.Pages), viewPrecision(ctx, m.Now.Precision)})
	}
	return v
}

func viewMiss(m alert.Miss, names map[string]string) missView {
	v := missView{Service: m.Service, What: m.What, Rule: m.Rule, Who: nameOf(names, m.By), At: m.At}
	if m.Incident != "" {
		v.Incident = "/incidents/" + url.PathEscape(m.Incident)
	}
	return v
}

// weeklyHead is the week in a sentence.
func weeklyHead(ctx context.Context, w score.Week) webkit.Head {
	h := webkit.Head{State: webkit.OK, Title: w.ID, Detail: webkit.T(ctx, "judge.week.detail", len(w.Missed), len(w.Silent))}
	switch {
	case w.Pages == 0:
		h.Sentence = webkit.T(ctx, "judge.week.quiet")
	case !w.Precision.Told:
		h.State, h.Sentence = webkit.Unknown, webkit.T(ctx, "judge.week.untold", w.Pages, w.Precision.N)
	default:
		h.Sentence = webkit.T(ctx, "judge.week.told", w.Pages, percent(w.Precision.At))
		if w.Precision.At < 0.9 {
			h.State = webkit.Warning
		}
		if w.Precision.At < 0.5 {
			h.State = webkit.Firing
		}
	}
	return h
}

// zoneOf is a zone by its name; Invalid where there is none.
func zoneOf(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, errs.New(errs.Invalid, "zone %q is not an IANA zone, such as Asia/Tokyo", name)
	}
	return zone, nil
}
