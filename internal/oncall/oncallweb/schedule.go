package oncallweb

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/hinoban/hinoban/internal/platform/webkit"
)

const (
	clockLayout = "2006-01-02T15:04" // of a datetime-local field
	dayLayout   = "2006-01-02"
	ahead       = 7 * 24 * time.Hour // in which a gap is a warning
)

// span is the stretch that the calendar shows.
type span struct {
	start time.Time
	weeks int
}

// readSpan reads ?from=2026-11-16&view=month in the viewer's zone; nothing is
// this week.
func readSpan(ctx context.Context, q url.Values) span {
	zone := webkit.Zone(ctx)
	day := webkit.Now(ctx).In(zone)
	if at, err := time.ParseInLocation(dayLayout, q.Get("from"), zone); err == nil {
		day = at
	}
	back := (int(day.Weekday()) + 6) % 7 // to Monday
	s := span{start: time.Date(day.Year(), day.Month(), day.Day()-back, 0, 0, 0, 0, zone), weeks: 1}
	if q.Get("view") == "month" {
		s.weeks = 4
	}
	return s
}

func (s span) end() time.Time { return s.start.AddDate(0, 0, 7*s.weeks) }

func (d Deps) schedule(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	q := r.URL.Query()
	in := scheduleInput{plan: d.Pager.Plan(), span: readSpan(ctx, q), names: d.names(ctx), me: d.me(r), people: d.Catalog.People(ctx), services: d.Catalog.Services(ctx)}
	var err error
	if in.now, err = d.Pager.OnCallNow(ctx); err != nil {
		return webkit.Page{}, err
	}
	if in.turns, _, err = d.Pager.Turns(ctx, in.span.start, in.span.end()); err != nil {
		return webkit.Page{}, err
	}
	now := webkit.Now(ctx)
	if in.load, in.adjusted, err = d.Pager.Turns(ctx, now, now.AddDate(0, 0, 28)); err != nil {
		return webkit.Page{}, err
	}
	v := viewSchedule(ctx, in)
	v.ActAs = d.actAs(r, "")
	return webkit.Page{Title: webkit.T(ctx, "oncall.title"), Active: "oncall", Wide: true, Live: []string{"oncall", "config"}, Body: schedulePage(v)}, nil
}
