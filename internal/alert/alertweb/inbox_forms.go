package alertweb

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

const maxBulk = 200

func mayAct(ctx context.Context) bool { return auth.MayAct(ctx) }

// BulkResult is what became of one alert of several.
type BulkResult struct {
	ID    string `json:"id"`
	Done  bool   `json:"done"`
	Error string `json:"error,omitempty"`

	summary string
	warned  bool // a silence wants a confirmation
}

// BulkAnswer is what became of each.
type BulkAnswer struct {
	Results []BulkResult `json:"results" doc:"In the order of the request."`
}

// bulk does one thing to several alerts, each for itself.
func (d Deps) bulk(ctx context.Context, ids []string, do string, span time.Duration, by, source string) ([]BulkResult, error) {
	if len(ids) == 0 || len(ids) > maxBulk {
		return nil, errs.New(errs.Invalid, "name 1 to %d alerts, not %d", maxBulk, len(ids))
	}
	var act func(context.Context, string, string, string) (alert.Alert, error)
	switch do {
	case "ack":
		act = d.Inbox.Ack
	case "resolve":
		act = d.Inbox.Resolve
	case "silence":
		act = func(ctx context.Context, id, by, _ string) (alert.Alert, error) {
			return d.silenceAlert(ctx, id, by, span)
		}
	default:
		return nil, errs.New(errs.Invalid, "%q is none of ack, silence, resolve", do)
	}
	out := make([]BulkResult, 0, len(ids))
	for _, id := range ids {
		a, err := act(ctx, id, by, source)
		r := BulkResult{ID: id, Done: err == nil, summary: a.Summary}
		if err != nil {
			if errs.KindOf(err) == errs.Internal {
				d.Log.ErrorContext(ctx, "alert not changed", "alert", id, "do", do, "err", err)
				err = errs.New(errs.Internal, "something went wrong here: the program's log says what")
			}
			r.Error, r.warned = err.Error(), do == "silence" && errs.KindOf(err) == errs.Conflict
		}
		out = append(out, r)
	}
	return out, nil
}

// silenceAlert silences what has exactly the labels of an alert.
func (d Deps) silenceAlert(ctx context.Context, id, by string, span time.Duration) (alert.Alert, error) {
	a, err := d.Inbox.Alert(ctx, id)
	if err != nil {
		return a, err
	}
	if a.State() == alert.Resolved {
		return a, errs.New(errs.Conflict, "alert %s is resolved already", id)
	}
	now := d.Now()
	ms, err := am.ParseMatchers(strings.Join(offered(named(setOf(a))), "\n"))
	if err != nil {
		return a, err
	}
	s := dispatch.Silence{StartsAt: now, EndsAt: now.Add(span), CreatedBy: by, Comment: "silenced from the inbox: " + a.Summary, Matchers: am.OfMatchers(ms)}
	if len(s.Comment) > maxComment {
		s.Comment = strings.ToValidUTF8(s.Comment[:maxComment], "")
	}
	_, _, err = d.setSilence(ctx, s, false)
	return a, err
}

func bulkSpan(text string) time.Duration {
	if text == "4h" {
		return 4 * time.Hour
	}
	return time.Hour
}

type bulkView struct {
	Head webkit.Head
	Back string
	Rows []bulkRow
}

type bulkRow struct {
	ID, Href, Text string
	State          webkit.State
	Word           string
	Mend, MendText string
}

// postBulk does it, and says what became of each where not all went well.
func (d Deps) postBulk(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(d.Kit.Context(r))
	ctx := r.Context()
	if err := r.ParseForm(); err != nil {
		d.Kit.Fail(w, r, errs.New(errs.Invalid, "read the form: %w", err))
		return
	}
	to := r.PostFormValue("back")
	if !strings.HasPrefix(to, "/alerts") {
		to = "/alerts"
	}
	say := func(state webkit.State, text string) {
		webkit.SetFlash(w, webkit.Flash{State: state, Text: text})
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
	ids := slices.Compact(slices.Sorted(slices.Values(r.PostForm["id"])))
	if len(ids) == 0 {
		say(webkit.Warning, webkit.T(ctx, "alerts.bulk.none"))
		return
	}
	if auth.From(ctx).Kind == auth.ByLocal && webkit.AskedAs(r) == "" {
		say(webkit.Warning, webkit.T(ctx, "alerts.choose"))
		return
	}
	do := r.PostFormValue("do")
	results, err := d.bulk(ctx, ids, do, bulkSpan(r.PostFormValue("for")), d.by(r), "web")
	if err != nil {
		d.Kit.Fail(w, r, err)
		return
	}
	if !slices.ContainsFunc(results, func(x BulkResult) bool { return !x.Done }) {
		say(webkit.OK, webkit.T(ctx, "alerts.bulk.done."+do, len(results)))
		return
	}
	d.Kit.Page(func(r *http.Request) (webkit.Page, error) {
		v := viewBulk(r.Context(), results, to)
		return webkit.Page{Title: v.Head.Sentence, Active: "alerts", Status: http.StatusConflict, Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "alerts.bulk.crumb")}}, Body: bulkPage(v)}, nil
	}).ServeHTTP(w, r)
}

func viewBulk(ctx context.Context, results []BulkResult, back string) bulkView {
	v := bulkView{Back: back}
	done := 0
	for _, x := range results {
		row := bulkRow{ID: x.ID, Href: "/alerts/" + url.PathEscape(x.ID), Text: x.summary, State: webkit.OK, Word: webkit.T(ctx, "alerts.bulk.ok")}
		if row.Text == "" {
			row.Text = x.ID
		}
		if x.Done {
			done++
		} else {
			row.State, row.Word = webkit.Firing, x.Error
		}
		if x.warned {
			row.Mend, row.MendText, row.Word = "/silences/new?alert="+url.QueryEscape(x.ID), webkit.T(ctx, "silences.this"), webkit.T(ctx, "alerts.bulk.warned")
		}
		v.Rows = append(v.Rows, row)
	}
	v.Head = webkit.Head{State: webkit.Warning, Sentence: webkit.T(ctx, "alerts.bulk.partly", done, len(results)), Detail: webkit.T(ctx, "alerts.bulk.each")}
	return v
}

// postFilter saves the filter in use under a name.
func (d Deps) postFilter(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	q, err := url.ParseQuery(r.PostFormValue("query"))
	if err != nil {
		return webkit.Done{}, errs.New(errs.Invalid, "the filter cannot be read: %w", err)
	}
	f, err := d.saveFilter(ctx, r.PostFormValue("name"), queryOf(q), r.PostFormValue("team"), d.by(r))
	return webkit.Done{To: "/alerts?" + f.Query, Flash: webkit.T(ctx, "alerts.saved.done", f.Name)}, err
}

func (d Deps) saveFilter(ctx context.Context, name, query, team, by string) (alert.SavedFilter, error) {
	f := alert.SavedFilter{ID: d.NewID(), Name: strings.TrimSpace(name), Query: query, Owner: by, Team: team, CreatedAt: d.Now()}
	if err := f.Validate(); err != nil {
		return f, err
	}
	if team != "" && !slices.Contains(d.teamsOf(ctx, by), team) {
		return f, errs.New(errs.Denied, "you are not of team %q", team)
	}
	return f, d.Routes.Filters.PutFilter(ctx, f)
}

// changeFilter renames a filter; with the name "" it deletes it.
func (d Deps) changeFilter(ctx context.Context, id, name, by string) error {
	return d.Routes.Filters.ChangeFilter(ctx, id, func(f alert.SavedFilter) (*alert.SavedFilter, error) {
		if !f.MayChange(by, d.teamsOf(ctx, by)) {
			return nil, errs.New(errs.Denied, "the filter %q is not yours", f.Name)
		}
		if name == "" {
			return nil, nil
		}
		f.Name = strings.TrimSpace(name)
		return &f, f.Validate()
	})
}

// inboxForms are the forms of the list beside those of one alert.
func (d Deps) inboxForms() []httpd.Route {
	form := func(pattern string, h http.Handler) httpd.Route {
		return httpd.Route{Pattern: "POST " + pattern, Access: httpd.Responder, Handler: webkit.KeepAs(h)}
	}
	return []httpd.Route{
		form("/alerts/bulk", http.HandlerFunc(d.postBulk)),
		form("/alerts/filters", d.Kit.Post(d.postFilter)),
		form("/alerts/filters/{filter}/rename", d.Kit.Post(func(r *http.Request) (webkit.Done, error) {
			name := strings.TrimSpace(r.PostFormValue("name"))
			if name == "" {
				return webkit.Done{}, errs.New(errs.Invalid, "a filter needs a name")
			}
			return webkit.Done{To: "/alerts", Flash: webkit.T(r.Context(), "alerts.saved.done", name)}, d.changeFilter(r.Context(), r.PathValue("filter"), name, d.by(r))
		})),
		form("/alerts/filters/{filter}/delete", d.Kit.Post(func(r *http.Request) (webkit.Done, error) {
			return webkit.Done{To: "/alerts", Flash: webkit.T(r.Context(), "alerts.saved.gone")}, d.changeFilter(r.Context(), r.PathValue("filter"), "", d.by(r))
		})),
	}
}

// FilterList is the saved filters that somebody sees.
type FilterList struct {
	Filters []alert.SavedFilter `json:"filters"`
}

type (
	bulkIn struct {
		Body struct {
			IDs []string `json:"ids" minItems:"1" maxItems:"200"`
			Do  string   `json:"do" enum:"ack,silence,resolve"`
			For string   `json:"for,omitempty" enum:"1h,4h" default:"1h" doc:"How long to silence."`
			As  string   `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
		}
	}
	filterSaveIn struct {
		Body struct {
			Name  string `json:"name" minLength:"1" maxLength:"60"`
			Query string `json:"query" maxLength:"2000" doc:"The query of the inbox's address: severity=page&service=shop."`
			Team  string `json:"team,omitempty" maxLength:"200" doc:"A team of yours that sees it too."`
			As    string `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
		}
	}
	filterChangeIn struct {
		ID   string `path:"filter" maxLength:"64"`
		Body struct {
			Name string `json:"name" minLength:"1" maxLength:"60"`
			As   string `json:"as,omitempty" maxLength:"64"`
		}
	}
	filterIn struct {
		ID string `path:"filter" maxLength:"64"`
		As string `query:"as" maxLength:"64"`
	}
	filterGone struct {
		Deleted string `json:"deleted"`
	}
)

// inboxAPI registers the operations on several alerts and on saved filters.
func inboxAPI(a *httpd.API, d Deps) {
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "alert", Summary: summary} }
	httpd.Post(a, "/api/v1/alerts/bulk", op("bulk-alerts", "Acknowledge, silence or resolve several alerts; each is answered for itself"), func(ctx context.Context, in *bulkIn) (BulkAnswer, error) {
		results, err := d.bulk(ctx, in.Body.IDs, in.Body.Do, bulkSpan(in.Body.For), auth.Actor(ctx, in.Body.As), "api")
		return BulkAnswer{listed(results)}, err
	})
	httpd.Get(a, "/api/v1/alert-filters", op("list-filters", "List your saved filters and those of your teams"), func(ctx context.Context, in *struct {
		As string `query:"as" maxLength:"64"`
	},
	) (FilterList, error) {
		who := auth.Actor(ctx, in.As)
		all, err := d.Routes.Filters.Filters(ctx, who, d.teamsOf(ctx, who))
		return FilterList{listed(all)}, err
	})
	create := op("save-filter", "Save a filter of the inbox under a name")
	create.Status = http.StatusCreated
	httpd.Post(a, "/api/v1/alert-filters", create, func(ctx context.Context, in *filterSaveIn) (alert.SavedFilter, error) {
		q, err := url.ParseQuery(in.Body.Query)
		if err != nil {
			return alert.SavedFilter{}, errs.New(errs.Invalid, "query: %w", err)
		}
		return d.saveFilter(ctx, in.Body.Name, queryOf(q), in.Body.Team, auth.Actor(ctx, in.Body.As))
	})
	httpd.Put(a, "/api/v1/alert-filters/{filter}", op("rename-filter", "Rename a saved filter"), func(ctx context.Context, in *filterChangeIn) (FilterList, error) {
		who := auth.Actor(ctx, in.Body.As)
		if err := d.changeFilter(ctx, in.ID, in.Body.Name, who); err != nil {
			return FilterList{}, err
		}
		all, err := d.Routes.Filters.Filters(ctx, who, d.teamsOf(ctx, who))
		return FilterList{listed(all)}, err
	})
	httpd.Delete(a, "/api/v1/alert-filters/{filter}", op("delete-filter", "Delete a saved filter"), func(ctx context.Context, in *filterIn) (filterGone, error) {
		return filterGone{in.ID}, d.changeFilter(ctx, in.ID, "", auth.Actor(ctx, in.As))
	})
}
