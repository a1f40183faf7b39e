package homeweb

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// loginView is the page of signing in.
type loginView struct {
	Next, Problem string
	Off           bool // authentication is off: nobody needs to
}

func (d Deps) loginPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	in := auth.ReadLogin(r)
	v := loginView{Next: in.Next, Off: auth.From(ctx).Kind == auth.ByLocal}
	switch in.Problem {
	case auth.TooManyAttempts:
		v.Problem = webkit.T(ctx, "home.login.throttled", webkit.Duration(ctx, in.After))
	case auth.WrongCredentials, auth.Busy, auth.BadForm:
		v.Problem = webkit.T(ctx, "home.login."+string(in.Problem))
	case auth.NoProblem, auth.DeadLink:
	}
	return webkit.Page{Title: webkit.T(ctx, "home.login"), Bare: true, Body: loginBody(v)}, nil
}

func (d Deps) welcomePage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	if auth.From(ctx).Kind == auth.ByLocal {
		return webkit.Page{Title: webkit.T(ctx, "home.login"), Bare: true, Body: loginBody(loginView{Off: true})}, nil
	}
	v, err := d.Gate.WelcomeView(r)
	if err != nil {
		return webkit.Page{}, err
	}
	return webkit.Page{Title: webkit.T(ctx, "home.welcome"), Bare: true, Body: welcomeBody(v)}, nil
}

// settingsView is the page of one's own account.
type settingsView struct {
	Off      bool // authentication is off
	Admin    bool
	Name     string
	Role     string
	Problem  string // of the form that was sent
	Secret   string // of a fresh token: shown this once
	Token    string // the fresh token's name
	Tokens   []tokenView
	Sessions []sessionView
	Scopes   []webkit.Choice
}

type tokenView struct {
	ID, Name, Scopes       string
	Created, Expires, Used time.Time
	Expired                bool
}

type sessionView struct {
	ID, Agent, Address string
	Created, Seen      time.Time
	Mine               bool
}

func (d Deps) settings(ctx context.Context) (settingsView, error) {
	p := auth.From(ctx)
	v := settingsView{Off: p.Kind == auth.ByLocal, Name: p.Name, Role: webkit.T(ctx, "home.role."+string(p.Role)), Admin: p.Role.AtLeast(auth.Admin)}
	if v.Off {
		return v, nil
	}
	tokens, err := d.Gate.Tokens(ctx, p.ID)
	if err != nil {
		return v, err
	}
	now := d.Now()
	for _, t := range tokens {
		v.Tokens = append(v.Tokens, tokenView{
			ID: t.ID, Name: t.Name, Scopes: scopes(t.Scopes), Created: t.CreatedAt, Expires: t.ExpiresAt, Used: t.UsedAt,
			Expired: !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt),
		})
	}
	sessions, err := d.Gate.Sessions(ctx, p.ID)
	if err != nil {
		return v, err
	}
	for _, s := range sessions {
		v.Sessions = append(v.Sessions, sessionView{ID: s.ID, Agent: browser(s.Agent), Address: s.Address, Created: s.CreatedAt, Seen: s.SeenAt, Mine: s.ID == p.Session})
	}
	for _, s := range []string{"ingest", "read", "write", "admin"} {
		if s != "admin" || v.Admin {
			v.Scopes = append(v.Scopes, webkit.Choice{Value: s, Text: webkit.T(ctx, "home.scope."+s)})
		}
	}
	return v, nil
}

func scopes(list []auth.Scope) string {
	var out []string
	for _, s := range list {
		out = append(out, string(s))
	}
	return strings.Join(out, ", ")
}

// browser is the part of a User-Agent that people know. The order matters: each
// of them claims to be all that come after it.
func browser(agent string) string {
	system := ""
	for _, s := range [][2]string{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}} {
		if strings.Contains(agent, s[0]) {
			system = " · " + s[1]
			break
		}
	}
	for _, b := range [][2]string{{"Edg", "Edge"}, {"Firefox", "Firefox"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}} {
		if strings.Contains(agent, b[0]) {
			return b[1] + system
		}
	}
	if agent == "" {
		return "—"
	}
	return agent
}

// said turns an error that the person can mend into a sentence for the form,
// and hands any other on.
func said(err error) (string, error) {
	switch errs.KindOf(err) {
	case errs.Invalid, errs.Conflict, errs.Denied, errs.Unavailable:
		return err.Error(), nil
	case errs.Internal, errs.NotFound, errs.Unauthenticated:
	}
	return "", err
}

func (d Deps) showSettings(ctx context.Context, change func(*settingsView)) (webkit.Page, error) {
	v, err := d.settings(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	change(&v)
	p := webkit.Page{Title: webkit.T(ctx, "home.settings"), Body: settingsBody(v)}
	if v.Problem != "" {
		p.Status = http.StatusUnprocessableEntity
	}
	return p, nil
}

func (d Deps) settingsPage(r *http.Request) (webkit.Page, error) {
	return d.showSettings(r.Context(), func(*settingsView) {})
}

// createToken answers with the page itself: the secret is shown there, once.
func (d Deps) createToken(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	days, err := strconv.Atoi(r.PostFormValue("days"))
	if err != nil || days < 0 || days > 3660 {
		days = 90
	}
	wanted, err := auth.ParseScopes(r.PostForm["scope"])
	var t auth.Token
	secret := ""
	if err == nil {
		t, secret, err = d.Gate.CreateToken(ctx, r.PostFormValue("name"), wanted, time.Duration(days)*24*time.Hour)
	}
	problem := ""
	if err != nil {
		if problem, err = said(err); err != nil {
			return webkit.Page{}, err
		}
	}
	return d.showSettings(ctx, func(v *settingsView) { v.Problem, v.Secret, v.Token = problem, secret, t.Name })
}

func (d Deps) changePassword(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	err := d.Gate.ChangePassword(ctx, r.PostFormValue("old"), r.PostFormValue("new"))
	problem, done := "", ""
	if err != nil {
		if problem, err = said(err); err != nil {
			return webkit.Page{}, err
		}
	} else {
		done = webkit.T(ctx, "home.password.done")
	}
	page, err := d.showSettings(ctx, func(v *settingsView) { v.Problem = problem })
	if done != "" {
		page.Body = withNotice(webkit.OK, done, page.Body)
	}
	return page, err
}

func (d Deps) revokeToken(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	return webkit.Done{To: "/settings", Flash: webkit.T(ctx, "home.token.revoked")}, d.Gate.RevokeToken(ctx, r.PathValue("id"))
}

func (d Deps) revokeSession(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	return webkit.Done{To: "/settings", Flash: webkit.T(ctx, "home.session.revoked")}, d.Gate.RevokeSession(ctx, r.PathValue("id"))
}

const peopleRows = 100

// peopleView is the page of all accounts.
type peopleView struct {
	Head    webkit.Head
	Problem string
	Link    string // of an invitation: shown this once
	LinkFor string
	Rows    []accountView
	Roles   []webkit.Choice
	Next    string
}

type accountView struct {
	ID, Name, Email, Role string
	RoleWord              string
	State                 webkit.State
	Word                  string
	Disabled              bool
	Created               time.Time
}

func (d Deps) showPeople(r *http.Request, change func(*peopleView)) (webkit.Page, error) {
	ctx := r.Context()
	list, err := d.Gate.People(ctx, r.URL.Query().Get("after"), peopleRows+1)
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewPeople(ctx, list)
	change(&v)
	p := webkit.Page{Title: webkit.T(ctx, "home.people"), Live: []string{"auth"}, Body: peopleBody(v)}
	if v.Problem != "" {
		p.Status = http.StatusUnprocessableEntity
	}
	return p, nil
}

func viewPeople(ctx context.Context, list []auth.Person) peopleView {
	v := peopleView{Head: webkit.Head{Sentence: webkit.T(ctx, "home.people"), Detail: webkit.T(ctx, "home.people.text")}}
	if len(list) > peopleRows {
		list = list[:peopleRows]
		v.Next = list[peopleRows-1].ID
	}
	for _, p := range list {
		a := accountView{ID: p.ID, Name: p.Name, Email: p.Email, Role: string(p.Role), RoleWord: webkit.T(ctx, "home.role."+string(p.Role)), State: webkit.OK, Word: webkit.T(ctx, "home.account.active"), Created: p.CreatedAt}
		switch {
		case !p.DisabledAt.IsZero():
			a.Disabled, a.State, a.Word = true, webkit.Muted, webkit.T(ctx, "home.account.disabled")
		case !p.HasPassword:
			a.State, a.Word = webkit.Warning, webkit.T(ctx, "home.account.invited")
		}
		v.Rows = append(v.Rows, a)
	}
	for _, r := range []auth.Role{auth.Viewer, auth.Responder, auth.Admin} {
		v.Roles = append(v.Roles, webkit.Choice{Value: string(r), Text: webkit.T(ctx, "home.role."+string(r))})
	}
	return v
}

func (d Deps) peoplePage(r *http.Request) (webkit.Page, error) {
	return d.showPeople(r, func(*peopleView) {})
}

// answerPeople shows the page again with what came of a form.
func (d Deps) answerPeople(r *http.Request, err error, change func(*peopleView)) (webkit.Page, error) {
	if err == nil {
		return d.showPeople(r, change)
	}
	problem, err := said(err)
	if err != nil {
		return webkit.Page{}, err
	}
	return d.showPeople(r, func(v *peopleView) { v.Problem = problem })
}

// createPerson adds an account and shows the link with which its person sets a
// password.
func (d Deps) createPerson(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	p, err := d.Gate.CreatePerson(ctx, auth.Person{ID: r.PostFormValue("id"), Name: r.PostFormValue("name"), Email: r.PostFormValue("email"), Role: auth.Role(r.PostFormValue("role"))})
	link := ""
	if err == nil {
		link, err = d.Gate.Invite(ctx, p.ID)
	}
	return d.answerPeople(r, err, func(v *peopleView) { v.Link, v.LinkFor = absolute(r, link), p.Name })
}

func (d Deps) invite(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	link, err := d.Gate.Invite(ctx, r.PathValue("id"))
	return d.answerPeople(r, err, func(v *peopleView) { v.Link, v.LinkFor = absolute(r, link), r.PathValue("id") })
}

// absolute is a link as it is handed to somebody else.
func absolute(r *http.Request, path string) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host + path
}

// changePerson sets a role, or disables or enables an account.
func (d Deps) changePerson(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	p, err := d.Gate.Person(ctx, r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	c := auth.PersonChange{Name: p.Name, Email: p.Email, Role: p.Role, Disabled: !p.DisabledAt.IsZero()}
	if role := r.PostFormValue("role"); role != "" {
		c.Role = auth.Role(role)
	}
	if s := r.PostFormValue("disabled"); s != "" {
		c.Disabled = s == "true"
	}
	_, err = d.Gate.UpdatePerson(ctx, p.ID, c)
	return d.answerPeople(r, err, func(*peopleView) {})
}

// lifetimes are the choices of how long a token is good.
func lifetimes(ctx context.Context) []webkit.Choice {
	var out []webkit.Choice
	for _, n := range []int{7, 30, 90, 365} {
		out = append(out, webkit.Choice{Value: strconv.Itoa(n), Text: webkit.T(ctx, "home.days", n)})
	}
	return append(out, webkit.Choice{Value: "0", Text: webkit.T(ctx, "home.token.never")})
}
