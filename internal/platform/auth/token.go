package auth

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Token is what a program acts with, without its secret.
type Token struct {
	ID        string    `json:"id"`
	Person    string    `json:"person"`
	Name      string    `json:"name"`
	Scopes    []Scope   `json:"scopes"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero for never
	UsedAt    time.Time `json:"used_at,omitzero"`    // to a few minutes; zero for never
}

const (
	maxTokens    = 100 // of one person
	maxTokenName = 80
)

const tokenColumns = `t.id, t.person, t.name, t.scopes, t.created_at, t.expires_at, t.used_at`

func scanToken(s store.Scanner) (Token, error) {
	var t Token
	var scopes string
	var created, expires, used int64
	err := s.Scan(&t.ID, &t.Person, &t.Name, &scopes, &created, &expires, &used)
	t.Scopes, t.CreatedAt, t.ExpiresAt, t.UsedAt = splitScopes(scopes), when(created), when(expires), when(used)
	return t, err
}

// CreateToken makes a token for ctx's principal and returns its secret, which
// is not kept: it is shown once. A lifetime of 0 never ends. Denied says that
// the principal may not hand on such scopes.
func (g *Gate) CreateToken(ctx context.Context, name string, scopes []Scope, lifetime time.Duration) (Token, string, error) {
	p, now := From(ctx), g.Now()
	t := Token{ID: g.NewID(), Person: p.ID, Name: notify.Line(name, maxTokenName), Scopes: scopes, CreatedAt: when(micro(now))}
	switch {
	case p.Kind == ByToken && !slices.Contains(p.Scopes, ScopeAdmin):
		return Token{}, "", errs.New(errs.Denied, "only a token with the scope admin makes tokens")
	case p.Kind == ByLocal:
		return Token{}, "", errs.New(errs.Conflict, "authentication is off: no token is needed")
	case t.Name == "":
		return Token{}, "", errs.New(errs.Invalid, "a token needs a name that says what uses it")
	case len(scopes) == 0:
		return Token{}, "", errs.New(errs.Invalid, "a token needs a scope")
	case lifetime < 0:
		return Token{}, "", errs.New(errs.Invalid, "a token's lifetime cannot be negative")
	case lifetime > 0:
		t.ExpiresAt = when(micro(now.Add(lifetime)))
	}
	for _, s := range scopes {
		if need, ok := s.needs(); !ok || !p.Role.AtLeast(need) {
			return Token{}, "", errs.New(errs.Denied, "you may not hand on the scope %q", s)
		}
	}
	key, sum := mint(tokenKey)
	err := g.write(ctx, "create token", func(tx store.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM auth_token WHERE person = $1`, p.ID).Scan(&n); err != nil {
			return err
		}
		if n >= maxTokens {
			return errs.New(errs.Conflict, "%s has %d tokens already: revoke some", p.ID, n)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO auth_token (id, hash, person, name, scopes, created_at, expires_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`,
			t.ID, sum, t.Person, t.Name, joinScopes(t.Scopes), micro(now), micro(t.ExpiresAt))
		if err != nil {
			return err
		}
		return g.publish(ctx, tx, "person/"+p.ID, TokenCreated{Person: p.ID, Token: t.ID, Name: t.Name, Scopes: t.Scopes, Address: p.Address})
	})
	if err != nil {
		return Token{}, "", err
	}
	return t, key, nil
}

// Tokens returns the tokens of a person, the newest first.
func (g *Gate) Tokens(ctx context.Context, person string) ([]Token, error) {
	var out []Token
	err := g.read(ctx, "list tokens", func(tx store.Tx) (err error) {
		out, err = store.All(ctx, tx, scanToken, `SELECT `+tokenColumns+` FROM auth_token t WHERE t.person = $1 ORDER BY t.created_at DESC, t.id DESC LIMIT $2`, person, maxTokens)
		return err
	})
	return out, err
}

// RevokeToken ends a token of ctx's principal, or, for an admin, of anybody.
// NotFound says that there is none such.
func (g *Gate) RevokeToken(ctx context.Context, id string) error {
	return g.write(ctx, "revoke token", func(tx store.Tx) error {
		t, err := scanToken(tx.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM auth_token t WHERE t.id = $1`, id))
		if err := found(err, "token %.40q", id); err != nil {
			return err
		}
		if !From(ctx).manages(t.Person) {
			return errs.New(errs.NotFound, "token %.40q", id)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM auth_token WHERE id = $1`, id); err != nil {
			return err
		}
		return g.publish(ctx, tx, "person/"+t.Person, TokenRevoked{Person: t.Person, Token: t.ID, Name: t.Name, Address: From(ctx).Address})
	})
}

// byToken returns the principal of a token's secret, or an Unauthenticated
// error.
func (g *Gate) byToken(ctx context.Context, key string) (Principal, error) {
	bad := errs.New(errs.Unauthenticated, "the token is unknown, expired or revoked")
	sum, ok := sumOf(tokenKey, key)
	if !ok {
		return Principal{}, bad
	}
	now := g.Now()
	p := Principal{Kind: ByToken}
	var stored, scopes string
	var expires, used, disabled int64
	err := g.read(ctx, "load token", func(tx store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT t.id, t.hash, t.scopes, t.expires_at, t.used_at, p.id, p.name, p.role, p.disabled_at
			FROM auth_token t JOIN auth_person p ON p.id = t.person WHERE t.hash = $1`, sum).
			Scan(&p.Token, &stored, &scopes, &expires, &used, &p.ID, &p.Name, &p.Role, &disabled)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Principal{}, bad
	}
	if err != nil {
		return Principal{}, err
	}
	over := expires != 0 && !now.Before(when(expires))
	if over || disabled != 0 || subtle.ConstantTimeCompare([]byte(stored), []byte(sum)) != 1 {
		return Principal{}, bad
	}
	for _, s := range splitScopes(scopes) {
		// What a person may no longer do, their tokens may not either.
		if need, ok := s.needs(); ok && (s != ScopeIngest || p.Role.AtLeast(need)) {
			p.Scopes = append(p.Scopes, s)
		}
	}
	p.Role = limit(p.Role, p.Scopes)
	if now.Sub(when(used)) >= seenEvery {
		g.touch(ctx, `UPDATE auth_token SET used_at = $2 WHERE id = $1 AND used_at < $2`, p.Token, now)
	}
	return p, nil
}
