package auth

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// Problem is why a form comes back, for the page to say in its language.
type Problem string

// The problems.
const (
	NoProblem        Problem = ""
	WrongCredentials Problem = "credentials" // name or password is not right
	TooManyAttempts  Problem = "throttled"   // wait for After
	BadForm          Problem = "form"        // a field is not valid; Detail says which
	DeadLink         Problem = "link"        // used up or expired
	Busy             Problem = "busy"        // try again in a moment
)

// LoginView is what the page GET /login shows.
type LoginView struct {
	Next    string // where to go afterwards, a path
	Problem Problem
	After   time.Duration // with TooManyAttempts
}

// ReadLogin reads the view of a GET /login from its URL.
func ReadLogin(r *http.Request) LoginView {
	q := r.URL.Query()
	v := LoginView{Next: safeNext(q.Get("next"))}
	switch p := Problem(q.Get("problem")); p {
	case WrongCredentials, TooManyAttempts, Busy, BadForm:
		v.Problem = p
	case NoProblem, DeadLink:
	}
	if s, err := strconv.Atoi(q.Get("after")); err == nil && s > 0 && s <= 24*3600 {
		v.After = time.Duration(s) * time.Second
	}
	return v
}

// WelcomeView is what the page GET /welcome shows.
type WelcomeView struct {
	Token    string
	NewAdmin bool   // ask for handle, name and address too
	Person   Person // of an invitation
	Problem  Problem
	Detail   string // with BadForm, in English
}

// WelcomeView reads the view of a GET /welcome; a link that is worth nothing is a
// view with DeadLink.
func (g *Gate) WelcomeView(r *http.Request) (WelcomeView, error) {
	q := r.URL.Query()
	v := WelcomeView{Token: q.Get("token")}
	l, err := g.Link(r.Context(), v.Token)
	switch {
	case errs.KindOf(err) == errs.Denied:
		return WelcomeView{Problem: DeadLink}, nil
	case err != nil:
		return WelcomeView{}, err
	}
	v.Person, v.NewAdmin = l.Person, l.Person.ID == ""
	if q.Get("problem") == string(BadForm) {
		v.Problem, v.Detail = BadForm, q.Get("detail")
	}
	return v, nil
}

// Routes are POST /login, POST /logout and POST /welcome. They take a form,
// which they answer with a redirect (back to the form with the problem in the
// URL), or JSON with the same names, which they answer with JSON.
func (g *Gate) Routes() []httpd.Route {
	const maxForm = 16 << 10
	return []httpd.Route{
		{Pattern: "POST /login", Access: httpd.Public, MaxBody: maxForm, Handler: http.HandlerFunc(g.postLogin)},
		{Pattern: "POST /logout", Access: httpd.Public, MaxBody: maxForm, Handler: http.HandlerFunc(g.postLogout)},
		{Pattern: "POST /welcome", Access: httpd.Public, MaxBody: maxForm, Handler: http.HandlerFunc(g.postWelcome)},
	}
}

// form is the fields of a request, sent as a form or as JSON.
type form struct {
	values map[string]string
	json   bool
}

func readForm(r *http.Request) (form, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "application/json" {
		f := form{json: true}
		if err := json.NewDecoder(r.Body).Decode(&f.values); err != nil {
			return f, errs.New(errs.Invalid, "the body is not a JSON object of texts")
		}
		return f, nil
	}
	if err := r.ParseForm(); err != nil {
		return form{}, errs.New(errs.Invalid, "the body is not a form")
	}
	f := form{values: map[string]string{}}
	for k := range r.PostForm {
		f.values[k] = r.PostForm.Get(k)
	}
	return f, nil
}

func (g *Gate) postLogin(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(r)
	var t Ticket
	if err == nil {
		t, err = g.Login(r.Context(), Credentials{Account: f.values["account"], Password: f.values["password"], Agent: r.UserAgent()})
	}
	next := safeNext(f.values["next"])
	if err != nil {
		g.sendBack(w, r, f, "/login", url.Values{"next": {next}}, err)
		return
	}
	g.letIn(w, r, f, t, next)
}

func (g *Gate) postWelcome(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(r)
	var t Ticket
	if err == nil {
		t, err = g.Welcome(r.Context(), Welcoming{
			Token: f.values["token"], ID: f.values["id"], Name: f.values["name"], Email: f.values["email"],
			Password: f.values["password"], Agent: r.UserAgent(),
		})
	}
	if err != nil {
		g.sendBack(w, r, f, "/welcome", url.Values{"token": {f.values["token"]}}, err)
		return
	}
	g.letIn(w, r, f, t, "/")
}

func (g *Gate) postLogout(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(r)
	if err == nil {
		err = g.Logout(r.Context())
	}
	if err != nil {
		httpd.Fail(g.Log, w, r, err)
		return
	}
	g.dropCookie(w, r)
	if f.json {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func (g *Gate) letIn(w http.ResponseWriter, r *http.Request, f form, t Ticket, next string) {
	g.setCookie(w, r, t)
	w.Header().Set("Cache-Control", "no-store")
	if !f.json {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// The client may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(t.Person)
}

func (g *Gate) sendBack(w http.ResponseWriter, r *http.Request, f form, page string, q url.Values, err error) {
	problem, after := classify(err)
	if after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds(after)))
	}
	if f.json || problem == NoProblem {
		if problem == TooManyAttempts {
			httpd.WriteProblem(w, httpd.Problem{Status: http.StatusTooManyRequests, Detail: err.Error()})
			return
		}
		httpd.Fail(g.Log, w, r, err)
		return
	}
	q.Set("problem", string(problem))
	if after > 0 {
		q.Set("after", strconv.Itoa(seconds(after)))
	}
	if problem == BadForm && page == "/welcome" {
		q.Set("detail", err.Error())
	}
	http.Redirect(w, r, page+"?"+q.Encode(), http.StatusSeeOther)
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func classify(err error) (Problem, time.Duration) {
	if t, ok := errors.AsType[*ThrottledError](err); ok {
		return TooManyAttempts, t.After
	}
	switch errs.KindOf(err) {
	case errs.Denied:
		return WrongCredentials, 0
	case errs.Invalid, errs.Conflict:
		return BadForm, 0
	case errs.Unavailable:
		return Busy, 0
	case errs.Internal, errs.NotFound, errs.Unauthenticated:
	}
	return NoProblem, 0
}

// safeNext returns next when it is a path of ours, and else "/": a login page
// must not send people to other sites.
func safeNext(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") || len(next) > 2000 {
		return "/"
	}
	if u.Path == "/login" || u.Path == "/logout" || u.Path == "/welcome" {
		return "/"
	}
	return next
}
