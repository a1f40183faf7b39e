package review

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/ledger"
	"github.com/hinoban/hinoban/internal/slo/period"
)

// pages counts the page-level burns of the newest period, and what people said
// of their alerts where they did.
func (d *Desk) pages(ctx context.Context, o slo.Objective, now time.Time, l *Line) error {
	if d.Events == nil {
		return nil
	}
	records, err := d.Events.Events(ctx, event.Query{Subjects: []string{slo.Subject(o.ID)}, Names: []string{slo.Burning{}.EventName()}, From: now.Add(-o.Window), Limit: 1000})
	if err != nil {
		return fmt.Errorf("read the pages of %s: %w", o.ID, err)
	}
	for _, r := range records {
		var b slo.Burning
		if json.Unmarshal(r.Payload, &b) == nil && b.Severity == "page" {
			l.Pages++
		}
	}
	judged, err := d.Events.Events(ctx, event.Query{Services: []string{o.Service}, Names: []string{"alert.judged"}, From: now.Add(-o.Window), Newest: true, Limit: 1000})
	if err != nil {
		return fmt.Errorf("read the judgements of %s: %w", o.Service, err)
	}
	seen := map[string]bool{} // the newest word on an alert counts, and each comes first here
	for _, r := range judged {
		var j struct {
			Rule       string `json:"rule"`
			Actionable *bool  `json:"actionable"`
		}
		newest := !seen[r.Subject]
		seen[r.Subject] = true
		if json.Unmarshal(r.Payload, &j) == nil && newest && j.Rule == o.ID && j.Actionable != nil {
			l.Judged++
			if *j.Actionable {
				l.Right++
			}
		}
	}
	return nil
}

// Row is one objective in a report.
type Row struct {
	Service   string   `json:"service"`
	Objective string   `json:"objective"`
	Name      string   `json:"name"`
	Target    string   `json:"target"` // percent
	Attained  float64  `json:"attained"`
	Allowed   float64  `json:"allowed"` // bad events
	TopCause  string   `json:"top_cause,omitempty"`
	TopShare  float64  `json:"top_share"`
	Problem   string   `json:"problem,omitempty"`
	Period    Attained `json:"attainment"`
}

// Report is a period of many objectives.
type Report struct {
	Name  string    `json:"period"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Zone  string    `json:"zone"`
	Rows  []Row     `json:"rows"`
	Left  int       `json:"left_out"` // objectives beyond the most that a report has
}

var periodForm = regexp.MustCompile(`^(\d{4})(?:-(?:(\d{2})|Q([1-4])|W(\d{2})))?$`)

// ParsePeriod reads 2026, 2026-Q4, 2026-11 or 2026-W47 (ISO 8601) in a zone; ""
// is the month that contains now.
func ParsePeriod(text, zoneName string, now time.Time) (period.Period, string, error) {
	loc, err := time.LoadLocation(zoneName)
	if err != nil || zoneName == "" || zoneName == "Local" {
		return period.Period{}, "", errs.New(errs.Invalid, "%q is not a time zone such as Asia/Tokyo", zoneName)
	}
	if text == "" {
		text = now.In(loc).Format("2006-01")
	}
	start, end, ok := dates(text)
	if !ok || start.Year() < 1971 || start.Year() > 2200 {
		return period.Period{}, text, errs.New(errs.Invalid, "%q is not a period: write 2026, 2026-Q4, 2026-11 or 2026-W47", text)
	}
	return period.Period{Start: period.Civil(start, loc), End: period.Civil(end, loc)}, text, nil
}

// dates are the first day of a period and the one after its last.
func dates(text string) (start, end time.Time, ok bool) {
	m := periodForm.FindStringSubmatch(text)
	if m == nil {
		return start, end, false
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0 // the form has digits there
		}
		return n
	}
	day := func(month time.Month) time.Time { return time.Date(number(m[1]), month, 1, 0, 0, 0, 0, time.UTC) }
	switch {
	case m[2] != "":
		month := time.Month(number(m[2]))
		return day(month), day(month + 1), month >= time.January && month <= time.December
	case m[3] != "":
		month := time.Month(3*number(m[3]) - 2)
		return day(month), day(month + 3), true
	case m[4] != "":
		fourth := day(time.January).AddDate(0, 0, 3) // lies in the first week
		start = fourth.AddDate(0, 0, 7*(number(m[4])-1)-(int(fourth.Weekday())+6)%7)
		year, week := start.ISOWeek()
		return start, start.AddDate(0, 0, 7), year == number(m[1]) && week == number(m[4])
	}
	return day(time.January), day(time.January + 12), true
}

// Report is what all objectives of a service ("" for all) did in a period, up to
// now. What cannot be counted says why.
func (d *Desk) Report(ctx context.Context, name string, p period.Period, zone, service string) (Report, error) {
	now := d.Now().UTC()
	out := Report{Name: name, Start: p.Start.UTC(), End: p.End.UTC(), Zone: zone, Rows: []Row{}}
	if !p.Start.Before(now) {
		return out, errs.New(errs.Invalid, "the period %s has not begun", name)
	}
	if p.End.After(now) {
		p.End = now
	}
	for _, o := range d.Objectives() {
		if o.PartOf != "" || (service != "" && o.Service != service) {
			continue
		}
		if len(out.Rows) == most {
			out.Left++
			continue
		}
		if ctx.Err() != nil {
			return out, errs.New(errs.Unavailable, "the report takes too long: ask for one service")
		}
		out.Rows = append(out.Rows, d.row(ctx, o, p))
	}
	return out, nil
}

func (d *Desk) row(ctx context.Context, o slo.Objective, p period.Period) Row {
	r := Row{Service: o.Service, Objective: o.ID, Name: o.Name, Target: o.Target.Percent()}
	l, err := d.Ledgers.Ledger(ctx, o, p.Start, p.End)
	if err != nil {
		r.Problem = err.Error()
		r.Period = Attained{Start: p.Start.UTC(), End: p.End.UTC()}
		return r
	}
	r.Period, r.Allowed = attain(o, p, l), l.Allowed
	if l.Total > 0 {
		r.Attained = 1 - float64(l.Spent)/float64(l.Total)
	}
	for _, e := range l.Entries {
		if !e.Free {
			r.TopCause, r.TopShare = cause(e), e.Share
			break
		}
	}
	return r
}

func cause(e ledger.Entry) string {
	if e.Title == "" {
		return string(e.Kind)
	}
	return string(e.Kind) + ": " + e.Title
}
