package oncallweb

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
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
	return d.schedulePage(r, overrideForm{})
}

func (d Deps) schedulePage(r *http.Request, form overrideForm) (webkit.Page, error) {
	ctx := r.Context()
	q := r.URL.Query()
	in := scheduleInput{plan: d.Pager.Plan(), span: readSpan(ctx, q), names: d.names(ctx), me: d.me(r), form: form, people: d.Catalog.People(ctx), services: d.Catalog.Services(ctx), simulate: q.Get("simulate")}
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
	if in.simulate != "" {
		in.calls, err = d.Pager.Simulate(ctx, in.simulate, "", now)
		if errs.KindOf(err) == errs.NotFound {
			in.uncovered, err = true, nil
		}
		if err != nil {
			return webkit.Page{}, err
		}
	}
	v := viewSchedule(ctx, in)
	v.ActAs = d.actAs(r, "")
	return webkit.Page{Title: webkit.T(ctx, "oncall.title"), Active: "oncall", Wide: true, Live: []string{"oncall", "config"}, Body: schedulePage(v)}, nil
}

// overrideForm is what somebody has typed, and what is wrong with it.
type overrideForm struct {
	rota, person, start, end, reason string
	failed                           string
}

func (d Deps) addOverride(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(d.Kit.Context(r))
	ctx := r.Context()
	f := overrideForm{rota: r.PostFormValue("rota"), person: r.PostFormValue("person"), start: r.PostFormValue("start"), end: r.PostFormValue("end"), reason: r.PostFormValue("reason")}
	o, err := f.override(d.Pager.Plan(), auth.Actor(ctx, webkit.AskedAs(r)))
	if err == nil {
		_, err = d.Pager.Adjust(ctx, o)
	}
	switch {
	case err == nil:
		webkit.SetFlash(w, webkit.Flash{State: webkit.OK, Text: webkit.T(ctx, "oncall.done.override", d.names(ctx).of(o.Person), o.Start, o.End)})
		http.Redirect(w, r, "/oncall#overrides", http.StatusSeeOther)
	case errs.KindOf(err) != errs.Invalid:
		d.Kit.Fail(w, r, err)
	default:
		f.failed = err.Error()
		p, err := d.schedulePage(r, f)
		if err != nil {
			d.Kit.Fail(w, r, err)
			return
		}
		p.Status = http.StatusUnprocessableEntity
		d.Kit.Render(w, r, p)
	}
}

// override reads the form; its times are by the clock of the rota's zone.
func (f overrideForm) override(plan *oncall.Plan, by string) (oncall.Adjustment, error) {
	o := oncall.Adjustment{Kind: rota.Override, Of: rota.Everybody, Rota: f.rota, Person: f.person, Reason: f.reason, By: by}
	r := plan.Rota(f.rota)
	if r == nil {
		return o, errs.New(errs.Invalid, "there is no rota %q", f.rota)
	}
	if len(f.reason) > 500 {
		return o, errs.New(errs.Invalid, "the reason is longer than 500 bytes")
	}
	var bad, err error
	o.Start, err = time.ParseInLocation(clockLayout, f.start, r.Zone().Location())
	bad = errors.Join(bad, err)
	o.End, err = time.ParseInLocation(clockLayout, f.end, r.Zone().Location())
	if errors.Join(bad, err) != nil {
		return o, errs.New(errs.Invalid, "write both times as 2026-11-20T09:00")
	}
	o.Start, o.End = o.Start.UTC(), o.End.UTC()
	return o, nil
}
