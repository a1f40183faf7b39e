package auth

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// Me is who calls.
type Me struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Kind   Kind    `json:"kind"`
	Role   Role    `json:"role,omitempty"`
	Scopes []Scope `json:"scopes,omitempty"`
}

// PeoplePage is one page of people; Next is the cursor of the page after it.
type PeoplePage struct {
	People []Person `json:"people"`
	Next   string   `json:"next,omitempty"`
}

// FreshToken is a token with its secret, which is never shown again.
type FreshToken struct {
	Token

	Secret string `json:"secret"`
}

// FreshLink is a link to hand to its person; it is never shown again.
type FreshLink struct {
	Path string `json:"path"`
}

// Done is the answer where there is nothing to say.
type Done struct {
	OK bool `json:"ok"`
}

type (
	nothing struct{}
	byID    struct {
		ID string `path:"id" maxLength:"64"`
	}
	peopleIn struct {
		After string `query:"after" maxLength:"64"`
		Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	personIn struct {
		Body struct {
			ID    string `json:"id"`
			Name  string `json:"name,omitempty"`
			Email string `json:"email,omitempty"`
			Role  string `json:"role" enum:"viewer,responder,admin"`
		}
	}
	changeIn struct {
		ID   string `path:"id" maxLength:"64"`
		Body struct {
			Name     string `json:"name"`
			Email    string `json:"email,omitempty"`
			Role     string `json:"role" enum:"viewer,responder,admin"`
			Disabled bool   `json:"disabled,omitempty"`
		}
	}
	tokenIn struct {
		Body struct {
			Name   string   `json:"name"`
			Scopes []string `json:"scopes"`
			Days   int      `json:"days,omitempty" minimum:"0" maximum:"3660" doc:"0 never expires"`
		}
	}
	passwordIn struct {
		Body struct {
			Old string `json:"old"`
			New string `json:"new"`
		}
	}
)

// API registers the operations on people, tokens and sessions. What is one's
// own takes the role of a viewer, other people's takes an admin.
func (g *Gate) API(a *httpd.API) {
	own := func(id, summary string) httpd.Op {
		return httpd.Op{ID: id, Tag: "auth", Summary: summary, Access: httpd.Viewer}
	}
	admin := func(id, summary string) httpd.Op {
		return httpd.Op{ID: id, Tag: "auth", Summary: summary, Access: httpd.Admin}
	}
	httpd.Get(a, "/api/v1/me", own("get-me", "Who calls"), func(ctx context.Context, _ *nothing) (Me, error) {
		p := From(ctx)
		return Me{ID: p.ID, Name: p.Name, Kind: p.Kind, Role: p.Role, Scopes: p.Scopes}, nil
	})
	httpd.Put(a, "/api/v1/me/password", own("change-password", "Change one's password"), func(ctx context.Context, in *passwordIn) (Done, error) {
		return done(g.ChangePassword(ctx, in.Body.Old, in.Body.New))
	})
	httpd.Get(a, "/api/v1/tokens", own("list-tokens", "List one's tokens"), func(ctx context.Context, _ *nothing) ([]Token, error) {
		return listed(g.Tokens(ctx, From(ctx).ID))
	})
	httpd.Post(a, "/api/v1/tokens", own("create-token", "Make a token; its secret is shown once"), g.apiCreateToken)
	httpd.Delete(a, "/api/v1/tokens/{id}", own("revoke-token", "Revoke a token"), func(ctx context.Context, in *byID) (Done, error) {
		return done(g.RevokeToken(ctx, in.ID))
	})
	httpd.Get(a, "/api/v1/sessions", own("list-sessions", "List one's sessions"), func(ctx context.Context, _ *nothing) ([]Session, error) {
		return listed(g.Sessions(ctx, From(ctx).ID))
	})
	httpd.Delete(a, "/api/v1/sessions/{id}", own("revoke-session", "End a session"), func(ctx context.Context, in *byID) (Done, error) {
		return done(g.RevokeSession(ctx, in.ID))
	})
	httpd.Get(a, "/api/v1/people", own("list-people", "List people"), g.apiPeople)
	httpd.Get(a, "/api/v1/people/{id}", own("get-person", "Get a person"), func(ctx context.Context, in *byID) (Person, error) {
		return g.Person(ctx, in.ID)
	})
	httpd.Post(a, "/api/v1/people", admin("create-person", "Add a person"), func(ctx context.Context, in *personIn) (Person, error) {
		return g.CreatePerson(ctx, Person{ID: in.Body.ID, Name: in.Body.Name, Email: in.Body.Email, Role: Role(in.Body.Role)})
	})
	httpd.Put(a, "/api/v1/people/{id}", admin("update-person", "Change a person"), func(ctx context.Context, in *changeIn) (Person, error) {
		return g.UpdatePerson(ctx, in.ID, PersonChange{Name: in.Body.Name, Email: in.Body.Email, Role: Role(in.Body.Role), Disabled: in.Body.Disabled})
	})
	httpd.Post(a, "/api/v1/people/{id}/invite", admin("invite-person", "Make a link with which a person sets a password"), func(ctx context.Context, in *byID) (FreshLink, error) {
		path, err := g.Invite(ctx, in.ID)
		return FreshLink{Path: path}, err
	})
	httpd.Get(a, "/api/v1/people/{id}/tokens", admin("list-person-tokens", "List a person's tokens"), func(ctx context.Context, in *byID) ([]Token, error) {
		return listed(g.Tokens(ctx, in.ID))
	})
	httpd.Get(a, "/api/v1/people/{id}/sessions", admin("list-person-sessions", "List a person's sessions"), func(ctx context.Context, in *byID) ([]Session, error) {
		return listed(g.Sessions(ctx, in.ID))
	})
}

func (g *Gate) apiCreateToken(ctx context.Context, in *tokenIn) (FreshToken, error) {
	scopes, err := ParseScopes(in.Body.Scopes)
	if err != nil {
		return FreshToken{}, err
	}
	t, secret, err := g.CreateToken(ctx, in.Body.Name, scopes, time.Duration(in.Body.Days)*24*time.Hour)
	return FreshToken{Token: t, Secret: secret}, err
}

func (g *Gate) apiPeople(ctx context.Context, in *peopleIn) (PeoplePage, error) {
	if in.Limit < 1 {
		return PeoplePage{}, errs.New(errs.Invalid, "limit %d: want 1 to 500", in.Limit)
	}
	rows, err := listed(g.People(ctx, in.After, in.Limit+1))
	if err != nil {
		return PeoplePage{}, err
	}
	page := PeoplePage{People: rows}
	if len(rows) > in.Limit {
		page.People = rows[:in.Limit]
		page.Next = page.People[in.Limit-1].ID
	}
	return page, nil
}

// listed makes an empty list of none, so that JSON says [] and not null.
func listed[T any](items []T, err error) ([]T, error) {
	if items == nil {
		items = []T{}
	}
	return items, err
}

func done(err error) (Done, error) { return Done{OK: err == nil}, err }
