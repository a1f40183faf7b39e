package alertweb

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

const (
	pastDays    = 30
	longSilence = 24 * time.Hour     // hiding a page-level alert longer wants a confirmation
	ghostAfter  = 7 * 24 * time.Hour // a silence that matched nothing for so long is a ghost
	fewAlerts   = 3                  // fewer are never "most of all"
	shownHidden = 50
	batchOfPast = 500
	pastAtMost  = 10 // batches
	maxComment  = 2000
)

// The codes of what must be confirmed before a silence is set.
const (
	warnPage   = "page-long"
	warnMost   = "most"
	warnOthers = "others"
)

// SilenceRow is one silence as it stands.
type SilenceRow struct {
	ID        string                `json:"id"`
	State     dispatch.SilenceState `json:"state" enum:"active,pending,expired"`
	Matchers  []string              `json:"matchers" doc:"As Alertmanager writes them; all must hold."`
	StartsAt  time.Time             `json:"starts_at"`
	EndsAt    time.Time             `json:"ends_at"`
	CreatedBy string                `json:"created_by"`
	Comment   string                `json:"comment"`
	Hides     int                   `json:"hides" doc:"Alerts that it hides now."`
	Pages     int                   `json:"hides_pages" doc:"Those of page level among them."`
	Long      bool                  `json:"long" doc:"It hides an alert of page level for more than a day."`
	Ghost     bool                  `json:"ghost" doc:"It is a week old and matched nothing for a week."`
}

// HiddenAlert is an alert that a silence hides.
type HiddenAlert struct {
	ID      string    `json:"id,omitempty" doc:"In the inbox; empty where it is on its way there."`
	Labels  string    `json:"labels"`
	Summary string    `json:"summary"`
	Service string    `json:"service"`
	Page    bool      `json:"page"`
	Since   time.Time `json:"since"`
}

// SilencePreview is what matchers would hide.
type SilencePreview struct {
	Now      []HiddenAlert `json:"now" doc:"Alerts that fire now, at most 50."`
	NowCount int           `json:"now_count"`
	NowPages int           `json:"now_pages" doc:"Of page level."`
	NowAll   int           `json:"now_all" doc:"All alerts that fire."`

	Past      []HiddenAlert `json:"past" doc:"Alerts that opened in the last 30 days, at most 50, the newest first."`
	PastCount int           `json:"past_count"`
	PastPages int           `json:"past_pages"`
	PastAll   int           `json:"past_all" doc:"All that opened in the last 30 days."`
	Partial   bool          `json:"partial" doc:"More than 5,000 opened: the older ones were not looked at."`

	Others   []string `json:"others,omitempty" doc:"Services of other teams whose alerts it hides."`
	Warnings []string `json:"warnings" doc:"What must be confirmed: page-long, most, others."`
}

func silenceRow(s dispatch.Silence, now time.Time) SilenceRow {
	out := SilenceRow{ID: s.ID, State: s.State(now), StartsAt: s.StartsAt, EndsAt: s.EndsAt, CreatedBy: s.CreatedBy, Comment: s.Comment, Matchers: []string{}}
	for _, m := range s.Matchers {
		out.Matchers = append(out.Matchers, am.MatcherText([]dispatch.Matcher{m}))
	}
	return out
}

// silences are all silences with what each hides now.
func (d Deps) silences(ctx context.Context) ([]SilenceRow, error) {
	now := d.Now()
	hides, pages := map[string]int{}, map[string]int{}
	for _, v := range d.Routes.State.Alerts(now, dispatch.Filter{NoActive: true}) {
		for _, id := range v.SilencedBy {
			hides[id]++
			if v.Alert.Page() {
				pages[id]++
			}
		}
	}
	all := d.Routes.State.Silences(now)
	ghosts, err := d.ghosts(ctx, all, hides)
	out := make([]SilenceRow, 0, len(all))
	for _, s := range all {
		row := silenceRow(s, now)
		row.Hides, row.Pages, row.Ghost = hides[s.ID], pages[s.ID], ghosts[s.ID]
		row.Long = row.State == dispatch.SilenceActive && row.Pages > 0 && s.EndsAt.Sub(s.StartsAt) > longSilence
		out = append(out, row)
	}
	return out, err
}

// ghosts are the silences that are a week old and matched nothing for a week.
func (d Deps) ghosts(ctx context.Context, all []dispatch.Silence, hides map[string]int) (map[string]bool, error) {
	now, out := d.Now(), map[string]bool{}
	suspects := map[string]labels.Matchers{}
	for _, s := range all {
		if s.State(now) != dispatch.SilenceActive || hides[s.ID] > 0 || now.Sub(s.StartsAt) < ghostAfter {
			continue
		}
		ms, err := s.Compile(am.ValidName)
		if err != nil {
			continue // kept by an older version, and matches nothing that can be named
		}
		suspects[s.ID] = ms
	}
	if len(suspects) == 0 {
		return out, nil
	}
	past, partial, err := d.past(ctx, now.Add(-ghostAfter))
	if err != nil || partial {
		return out, err // what was not looked at may have matched
	}
	for id, ms := range suspects {
		out[id] = !slices.ContainsFunc(past, func(a alert.Alert) bool { return setOf(a).Matches(ms) })
	}
	return out, nil
}

// past are the alerts that opened since then, the newest first. partial: there are
// more than are looked at.
func (d Deps) past(ctx context.Context, since time.Time) (out []alert.Alert, partial bool, err error) {
	before := ""
	for range pastAtMost {
		rows, err := d.Inbox.Alerts(ctx, alert.Query{Before: before, Limit: batchOfPast})
		if err != nil {
			return nil, false, err
		}
		for _, a := range rows {
			if !a.OpenedAt.Before(since) || !a.LastAt.Before(since) {
				out = append(out, a)
			}
		}
		if len(rows) < batchOfPast || rows[len(rows)-1].LastAt.Before(since) {
			return out, false, nil
		}
		before = rows[len(rows)-1].ID
	}
	return out, true, nil
}

// preview says what s would hide, for the person who sets it.
func (d Deps) preview(ctx context.Context, s dispatch.Silence, who string) (SilencePreview, error) {
	out := SilencePreview{Now: []HiddenAlert{}, Past: []HiddenAlert{}, Warnings: []string{}}
	ms, err := s.Compile(am.ValidName)
	if err != nil {
		return out, err
	}
	now := d.Now()
	past, partial, err := d.past(ctx, now.Add(-pastDays*24*time.Hour))
	if err != nil {
		return out, err
	}
	out.Partial, out.PastAll = partial, len(past)
	ids, services := map[dispatch.Set]string{}, map[string]bool{}
	for _, a := range past {
		set := setOf(a)
		if a.State() != alert.Resolved {
			ids[named(set)] = a.ID
		}
		if !set.Matches(ms) {
			continue
		}
		h := HiddenAlert{ID: a.ID, Labels: set.Map().String(), Summary: cmp.Or(a.Summary, a.Rule), Service: a.Service, Page: a.Severity == alert.Page, Since: a.OpenedAt}
		out.Past, out.PastCount, out.PastPages = note(out.Past, h, out.PastCount, out.PastPages)
		services[a.Service] = true
	}
	for _, v := range d.Routes.State.Alerts(now, dispatch.Filter{}) {
		out.NowAll++
		if !v.Alert.Match().Matches(ms) {
			continue
		}
		h := HiddenAlert{ID: ids[v.Alert.Labels], Labels: v.Alert.Labels.Map().String(), Summary: cmp.Or(v.Alert.Annotations.Get("summary"), v.Alert.Labels.Get("alertname")), Service: v.Alert.Labels.Get("service"), Page: v.Alert.Page(), Since: v.Alert.StartsAt}
		out.Now, out.NowCount, out.NowPages = note(out.Now, h, out.NowCount, out.NowPages)
		services[h.Service] = true
	}
	out.Others = d.othersOf(ctx, who, services)
	out.Warnings = append(out.Warnings, warnings(out, s, now)...)
	return out, nil
}

func note(list []HiddenAlert, h HiddenAlert, count, pages int) ([]HiddenAlert, int, int) {
	if len(list) < shownHidden {
		list = append(list, h)
	}
	if h.Page {
		pages++
	}
	return list, count + 1, pages
}

// warnings is what must be confirmed before s is set.
func warnings(p SilencePreview, s dispatch.Silence, now time.Time) (out []string) {
	from := s.StartsAt
	if s.ID == "" && from.Before(now) {
		from = now
	}
	if p.NowPages+p.PastPages > 0 && s.EndsAt.Sub(from) > longSilence {
		out = append(out, warnPage)
	}
	if p.NowCount >= fewAlerts && 2*p.NowCount > p.NowAll || p.PastCount >= fewAlerts && 2*p.PastCount > p.PastAll {
		out = append(out, warnMost)
	}
	if len(p.Others) > 0 {
		out = append(out, warnOthers)
	}
	return out
}

// othersOf are the services that a team owns which who is not of. Where who is of no
// team nothing is said.
func (d Deps) othersOf(ctx context.Context, who string, services map[string]bool) (out []string) {
	mine, known := d.ownedBy(ctx, who)
	if !known {
		return nil
	}
	for s := range services {
		o, err := d.Catalog.Owner(ctx, catalog.Question{Service: s})
		if s != "" && err == nil && len(o.Teams)+len(o.People) > 0 && !mine(s) {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}

// teamsOf are the teams that a person is of.
func (d Deps) teamsOf(ctx context.Context, who string) (out []string) {
	for _, t := range d.Catalog.Teams(ctx) {
		if slices.Contains(t.Members, who) {
			out = append(out, t.ID)
		}
	}
	return out
}

// ownedBy says whether a service is owned by a person or by a team of theirs; known
// is false where the person is of no team.
func (d Deps) ownedBy(ctx context.Context, who string) (mine func(service string) bool, known bool) {
	teams := d.teamsOf(ctx, who)
	memo := map[string]bool{}
	return func(service string) bool {
		is, ok := memo[service]
		if !ok {
			o, err := d.Catalog.Owner(ctx, catalog.Question{Service: service})
			is = err == nil && (slices.Contains(o.People, who) || slices.ContainsFunc(o.Teams, func(t string) bool { return slices.Contains(teams, t) }))
			memo[service] = is
		}
		return is
	}, len(teams) > 0
}

// setSilence sets s, or changes the one with its id, after its warnings were
// confirmed: Conflict where they were not.
func (d Deps) setSilence(ctx context.Context, s dispatch.Silence, confirmed bool) (string, SilencePreview, error) {
	if len(s.Comment) > maxComment {
		return "", SilencePreview{}, errs.New(errs.Invalid, "comment: at most %d bytes", maxComment)
	}
	if err := s.Check(d.Now()); err != nil {
		return "", SilencePreview{}, err
	}
	p, err := d.preview(ctx, s, s.CreatedBy)
	if err != nil {
		return "", p, err
	}
	if len(p.Warnings) > 0 && !confirmed {
		return "", p, errs.New(errs.Conflict, "the silence was not set: confirm that it is meant: %v", p.Warnings)
	}
	id, err := d.Routes.Live.SetSilence(ctx, s, am.ValidName)
	return id, p, err
}

// tomorrow is 09:00 of the next day there.
func tomorrow(now time.Time, zone *time.Location) time.Time {
	y, m, day := now.In(zone).Date()
	return time.Date(y, m, day+1, 9, 0, 0, 0, zone).UTC()
}
