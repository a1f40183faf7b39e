package auth

import (
	"context"
	"slices"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// Role is what a person may do.
type Role string

// The roles; each may all that the one before may.
const (
	Viewer    Role = "viewer"
	Responder Role = "responder"
	Admin     Role = "admin"
)

func (r Role) rank() int {
	switch r {
	case Viewer:
		return 1
	case Responder:
		return 2
	case Admin:
		return 3
	}
	return 0
}

// AtLeast reports whether r may all that other may. The empty role may nothing.
func (r Role) AtLeast(other Role) bool { return r.rank() > 0 && r.rank() >= other.rank() }

// ParseRole returns s as a role, or an Invalid error.
func ParseRole(s string) (Role, error) {
	if r := Role(s); r.rank() > 0 {
		return r, nil
	}
	return "", errs.New(errs.Invalid, "role %q: want viewer, responder or admin", s)
}

// Scope is a part of a person's rights that a token has.
type Scope string

// The scopes. Ingest lets a program send signals, and nothing else.
const (
	ScopeRead   Scope = "read"
	ScopeWrite  Scope = "write"
	ScopeAdmin  Scope = "admin"
	ScopeIngest Scope = "ingest"
)

// needs is the role that a person must have to hand on the scope.
func (s Scope) needs() (Role, bool) {
	switch s {
	case ScopeRead:
		return Viewer, true
	case ScopeWrite, ScopeIngest:
		return Responder, true
	case ScopeAdmin:
		return Admin, true
	}
	return "", false
}

// scopeFor is the scope that lets a token through to access.
func scopeFor(access httpd.Access) Scope {
	switch access {
	case httpd.Ingest:
		return ScopeIngest
	case httpd.Responder:
		return ScopeWrite
	case httpd.Admin:
		return ScopeAdmin
	case httpd.Public, httpd.Keyed, httpd.Viewer:
	}
	return ScopeRead
}

// ParseScopes returns names as scopes, sorted and once each, or an Invalid error.
func ParseScopes(names []string) ([]Scope, error) {
	var out []Scope
	for _, n := range names {
		if _, ok := Scope(n).needs(); !ok {
			return nil, errs.New(errs.Invalid, "scope %q: want read, write, admin or ingest", n)
		}
		out = append(out, Scope(n))
	}
	if len(out) == 0 {
		return nil, errs.New(errs.Invalid, "a token needs at least one scope: read, write, admin or ingest")
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// limit returns what of role the scopes leave.
func limit(role Role, scopes []Scope) Role {
	var most Role
	for _, s := range scopes {
		r, ok := s.needs()
		if ok && s != ScopeIngest && r.rank() > most.rank() {
			most = r
		}
	}
	if most.rank() < role.rank() {
		return most
	}
	return role
}

// Kind is how a principal proved who they are.
type Kind string

// The kinds. Local is anybody on this machine, where authentication is off.
const (
	ByPerson Kind = "person"
	ByToken  Kind = "token"
	ByLocal  Kind = "local"
)

// Principal is whoever a request comes from. The zero value is nobody.
type Principal struct {
	ID      string // the person's handle; for a token, its person's
	Name    string
	Kind    Kind
	Role    Role    // for a token, what its scopes leave of its person's role
	Scopes  []Scope // of a token
	Token   string  // the token's id, for a token
	Session string  // the session's id, for a browser
	Address string  // the remote address, without the port
}

// Known reports whether p is anybody.
func (p Principal) Known() bool { return p.Kind != "" }

// Actor is p as an event's Actor: "person/aoi", or "" for nobody.
func (p Principal) Actor() string {
	if p.ID == "" {
		return ""
	}
	return "person/" + p.ID
}

// Source is p as an event's Source: "web" or "api".
func (p Principal) Source() string {
	if p.Kind == ByToken {
		return "api"
	}
	return "web"
}

// May reports whether p may call a route of that access.
func (p Principal) May(access httpd.Access) bool {
	switch access {
	case httpd.Public, httpd.Keyed:
		return true
	case httpd.Ingest:
		return p.Role.AtLeast(Responder) || slices.Contains(p.Scopes, ScopeIngest)
	case httpd.Viewer:
		return p.Role.AtLeast(Viewer)
	case httpd.Responder:
		return p.Role.AtLeast(Responder)
	case httpd.Admin:
		return p.Role.AtLeast(Admin)
	}
	return false
}

// manages reports whether p may end sessions and tokens of person: of oneself,
// though not with a token that may only read, or as an admin.
func (p Principal) manages(person string) bool {
	if p.Role.AtLeast(Admin) {
		return true
	}
	writes := p.Kind != ByToken || slices.Contains(p.Scopes, ScopeWrite)
	return p.ID != "" && p.ID == person && writes
}

type principalKey struct{}

// From returns the principal of ctx, or nobody.
func From(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// With returns ctx with p as its principal. The guard calls it; so do tests.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// Local is the principal where authentication is off: an admin called "local".
func Local(address string) Principal {
	return Principal{ID: "local", Name: "local", Kind: ByLocal, Role: Admin, Address: address}
}

func joinScopes(s []Scope) string {
	names := make([]string, 0, len(s))
	for _, sc := range s {
		names = append(names, string(sc))
	}
	return strings.Join(names, " ")
}

func splitScopes(s string) []Scope {
	var out []Scope
	for n := range strings.FieldsSeq(s) {
		out = append(out, Scope(n))
	}
	return out
}
