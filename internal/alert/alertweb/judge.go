package alertweb

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/score"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// Judging is what judging needs besides [Deps]; without it nothing is judged.
type Judging struct {
	Jury   *alert.Jury
	Signer *alert.Signer
	Bench  *score.Bench
	Team   func(service string) string // the team that owns a service, or ""
}

// judgeView is an alert to be judged: the four verdicts as buttons.
type judgeView struct {
	ID, To, Back string
	Said         alert.Verdict // the viewer's, or the alert's where nobody is signed in
	First        alert.Verdict // what a link asked for: the first button
	ActAs        webkit.ActAs
	May          bool
	Asked        string // what is asked, in words
	Everybody    []saidView
	Word         string // the alert's verdict, or ""
	Note         string
}

type saidView struct {
	Who, Word, Note string
	At              time.Time
}

// Verdicts are the buttons, what a link asked for first.
func (v judgeView) Verdicts() []alert.Verdict {
	all := alert.Verdicts()
	if i := slices.Index(all, v.First); i > 0 {
		all = append([]alert.Verdict{v.First}, slices.Delete(all, i, i+1)...)
	}
	return all
}

func verdictWord(ctx context.Context, v alert.Verdict) string {
	if v == "" {
		return ""
	}
	return webkit.T(ctx, "judge.verdict."+string(v))
}

func viewJudge(ctx context.Context, a alert.Alert, said []alert.Judgement, me string, names map[string]string) judgeView {
	v := judgeView{
		ID: a.ID, To: "/alerts/" + url.PathEscape(a.ID) + "/judge", May: auth.MayAct(ctx), Asked: webkit.T(ctx, "judge.asked.open"),
		Word: verdictWord(ctx, alert.VerdictOf(said)),
	}
	if a.State() == alert.Resolved {
		v.Asked = webkit.T(ctx, "judge.asked.over")
	}
	for _, j := range said {
		if j.Person == me {
			v.Said, v.Note = j.Verdict, j.Note
		}
		v.Everybody = append(v.Everybody, saidView{Who: nameOf(names, j.Person), Word: verdictWord(ctx, j.Verdict), Note: j.Note, At: j.At})
	}
	return v
}

// judgement is what the alert's own page asks.
func (d Deps) judgement(r *http.Request, a alert.Alert) (judgeView, error) {
	if d.Judge == nil {
		return judgeView{}, nil
	}
	ctx := r.Context()
	said, err := d.Judge.Jury.Judgements(ctx, a.ID)
	if err != nil {
		return judgeView{}, err
	}
	v := viewJudge(ctx, a, said[a.ID], auth.Actor(ctx, webkit.AskedAs(r)), d.names(ctx))
	v.ActAs = d.actAs(r)
	return v, nil
}

// verdictsOf fills in what was said of the rows of a list.
func (d Deps) verdictsOf(ctx context.Context, sections []section) (map[string]alert.Verdict, error) {
	if d.Judge == nil {
		return nil, nil
	}
	var ids []string
	for _, s := range sections {
		for _, a := range s.rows {
			ids = append(ids, a.ID)
		}
	}
	said, err := d.Judge.Jury.Judgements(ctx, ids...)
	out := map[string]alert.Verdict{}
	for _, id := range ids {
		out[id] = alert.VerdictOf(said[id]) // "" where nobody judged, and may
	}
	return out, err
}

// JudgeRoutes are the pages and forms of judging.
func JudgeRoutes(d Deps) []httpd.Route {
	if d.Judge == nil {
		return nil
	}
	page := func(pattern string, access httpd.Access, fn func(*http.Request) (webkit.Page, error)) httpd.Route {
		return httpd.Route{Pattern: "GET " + pattern, Access: access, Handler: d.Kit.Page(fn)}
	}
	form := func(pattern string, access httpd.Access, fn func(*http.Request) (webkit.Done, error)) httpd.Route {
		return httpd.Route{Pattern: "POST " + pattern, Access: access, Handler: webkit.KeepAs(d.Kit.Post(fn))}
	}
	return []httpd.Route{
		page("/alerts/{id}/judge", httpd.Viewer, d.judgePanel),
		form("/alerts/{id}/judge", httpd.Responder, d.judgeForm),
		page("/judge/{token}", httpd.Public, d.tapPage),
		form("/judge/{token}", httpd.Public, d.tapForm),
		page("/rules", httpd.Viewer, d.leaguePage),
		page("/rules/proposals", httpd.Viewer, d.proposalsPage),
		page("/alerts/weekly", httpd.Viewer, d.weeklyPage),
		form("/alerts/missed", httpd.Responder, d.missedForm),
	}
}

// judgePanel is the alert's judgement as a part of another page.
func (d Deps) judgePanel(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	a, err := d.Inbox.Alert(ctx, r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	v, err := d.judgement(r, a)
	return webkit.Page{Title: webkit.T(ctx, "judge.title"), Active: "alerts", Crumbs: []webkit.Crumb{{Text: a.Rule, Href: "/alerts/" + url.PathEscape(a.ID)}, {Text: webkit.T(ctx, "judge.title")}}, Body: judgeBox(v)}, err
}

func (d Deps) judgeForm(r *http.Request) (webkit.Done, error) {
	ctx, id := r.Context(), r.PathValue("id")
	// As with an acknowledgement: a judgement is somebody's.
	if auth.From(ctx).Kind == auth.ByLocal && webkit.AskedAs(r) == "" {
		return webkit.Done{To: "/alerts/" + url.PathEscape(id) + "#judge", Flash: webkit.T(ctx, "alerts.choose")}, nil
	}
	j := alert.Judgement{Alert: id, Person: auth.Actor(ctx, webkit.AskedAs(r)), Verdict: alert.Verdict(r.PostFormValue("verdict")), Note: r.PostFormValue("note"), Source: "web"}
	a, _, err := d.Judge.Jury.Judge(ctx, j)
	return webkit.Done{To: back(r, id), Flash: webkit.T(ctx, "judge.done", a.Summary, verdictWord(ctx, j.Verdict))}, err
}

// tapView is what a link of a message leads to.
type tapView struct {
	judgeView

	Summary, Service, Rule string
	Alert                  string // the address of its page
	At                     time.Time
	Auto                   bool // the browser sends the first button by itself
	Done                   string
	Who                    string
}

// tapPage changes nothing: whoever looks at links before people do has not
// judged.
func (d Deps) tapPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	b, err := d.Judge.Signer.Open(r.PathValue("token"), d.Now())
	if err != nil {
		return webkit.Page{}, err
	}
	a, err := d.Inbox.Alert(ctx, b.Alert)
	if err != nil {
		return webkit.Page{}, err
	}
	said, err := d.Judge.Jury.Judgements(ctx, a.ID)
	if err != nil {
		return webkit.Page{}, err
	}
	names := d.names(ctx)
	v := tapView{judgeView: viewJudge(ctx, a, said[a.ID], b.Person, names), Summary: a.Summary, Service: a.Service, Rule: a.Rule, Alert: "/alerts/" + url.PathEscape(a.ID), At: a.OpenedAt, Who: nameOf(names, b.Person)}
	v.To, v.May = "/judge/"+url.PathEscape(r.PathValue("token")), true // the link is the right to
	if v.Summary == "" {
		v.Summary = a.Rule
	}
	v.First = alert.Verdict(r.URL.Query().Get("v"))
	if !slices.Contains(alert.Verdicts(), v.First) {
		v.First = ""
	}
	v.Auto = v.First != "" && v.First != v.Said
	if v.Said != "" && !v.Auto {
		v.Done = webkit.T(ctx, "judge.tap.done", verdictWord(ctx, v.Said))
	}
	return webkit.Page{Title: webkit.T(ctx, "judge.title"), Bare: true, Body: tapPage(v)}, nil
}

func (d Deps) tapForm(r *http.Request) (webkit.Done, error) {
	ctx, token := r.Context(), r.PathValue("token")
	b, err := d.Judge.Signer.Open(token, d.Now())
	if err != nil {
		return webkit.Done{}, err
	}
	source := b.Via
	if source == "" {
		source = "link"
	}
	_, _, err = d.Judge.Jury.Judge(ctx, alert.Judgement{Alert: b.Alert, Person: b.Person, Verdict: alert.Verdict(r.PostFormValue("verdict")), Note: r.PostFormValue("note"), Source: source})
	return webkit.Done{To: "/judge/" + url.PathEscape(token)}, err
}

func (d Deps) missedForm(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	if auth.From(ctx).Kind == auth.ByLocal && webkit.AskedAs(r) == "" {
		return webkit.Done{To: "/alerts/weekly#missed", Flash: webkit.T(ctx, "alerts.choose")}, nil
	}
	at, err := time.ParseInLocation("2006-01-02T15:04", r.PostFormValue("at"), webkit.Zone(ctx))
	if err != nil {
		at = time.Time{} // the jury says what is wanted
	}
	m := alert.Miss{ID: d.NewID(), Service: r.PostFormValue("service"), At: at.UTC(), What: r.PostFormValue("what"), Rule: r.PostFormValue("rule"), By: auth.Actor(ctx, webkit.AskedAs(r))}
	if at.IsZero() {
		m.At = at
	}
	m, err = d.Judge.Jury.Missed(ctx, m, "web")
	return webkit.Done{To: "/alerts/weekly?week=" + score.WeekID(m.At.In(webkit.Zone(ctx))) + "#missed", Flash: webkit.T(ctx, "judge.missed.done")}, err
}
