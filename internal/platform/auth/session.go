package auth

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Session is a browser that is logged in.
type Session struct {
	ID        string    `json:"id"`
	Person    string    `json:"person"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at"` // to a few minutes
	Address   string    `json:"address"`
	Agent     string    `json:"agent"`
}

// Ticket is what a login gives: the cookie's value, and until when it is good
// at the longest.
type Ticket struct {
	Key    string
	Until  time.Time
	Person Person
}

const (
	seenEvery   = 5 * time.Minute // how exact seen_at is
	maxSessions = 50              // of one person; the oldest end
)

// Credentials are what a login form holds.
type Credentials struct {
	Account  string // handle or mail address
	Password string
	Agent    string // the browser
}

// Login opens a session. A wrong name and a wrong password are the same Denied
// error after the same time; too many of them carry ThrottledError. ctx's principal
// has the remote address.
func (g *Gate) Login(ctx context.Context, c Credentials) (Ticket, error) {
	name, from, now := fold(c.Account), network(From(ctx).Address), g.Now()
	if len(name) > 254 {
		name = name[:254] // nobody is called so; the throttle need not keep it
	}
	a, err := g.byName(ctx, strings.ToValidUTF8(name, ""))
	if err != nil {
		return Ticket{}, err
	}
	if a.ID != "" {
		name = a.ID // a second name is no second chance
	}
	wait := g.client.try(from, now)
	if wait == 0 {
		if wait = g.account.try(name, now); wait > 0 {
			g.client.undo(from)
		}
	}
	if wait > 0 {
		return Ticket{}, errs.New(errs.Denied, "log in: %w", &ThrottledError{wait})
	}
	stored := a.password
	if !a.DisabledAt.IsZero() {
		stored = ""
	}
	ok, err := g.hash.verify(ctx, stored, c.Password)
	if err != nil { // we could not look: that is nobody's failure
		g.account.undo(name)
		g.client.undo(from)
		return Ticket{}, err
	}
	if !ok {
		return Ticket{}, firstErr(g.tellFailure(ctx, a.ID), errs.New(errs.Denied, "name or password is not right"))
	}
	g.account.clear(name)
	g.client.undo(from)
	return g.enter(ctx, a, c)
}

// byName returns the account of a handle or a mail address, or an empty one.
func (g *Gate) byName(ctx context.Context, name string) (account, error) {
	var a account
	if strings.ContainsRune(name, 0) {
		return a, nil // PostgreSQL would refuse it
	}
	err := g.read(ctx, "load person", func(tx store.Tx) (err error) {
		a, err = scanAccount(tx.QueryRowContext(ctx,
			`SELECT `+personColumns+` FROM auth_person WHERE id = $1 OR (email <> '' AND email = $1) ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1`, name))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return a, err
}

func (g *Gate) enter(ctx context.Context, a account, c Credentials) (Ticket, error) {
	fresh := ""
	if g.hash.outdated(a.password) {
		var err error
		if fresh, err = g.hash.hash(ctx, c.Password); err != nil {
			fresh = "" // an old password that today's rules refuse still opens
		}
	}
	ctx = With(ctx, Principal{ID: a.ID, Name: a.Name, Kind: ByPerson, Role: a.Role, Address: From(ctx).Address})
	var t Ticket
	err := g.write(ctx, "log in", func(tx store.Tx) error {
		// Between the check and here the password or the account may have changed.
		now, err := loadAccount(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if now.password != a.password || !now.DisabledAt.IsZero() {
			return errs.New(errs.Denied, "name or password is not right")
		}
		if fresh != "" {
			if _, err := tx.ExecContext(ctx, `UPDATE auth_person SET password = $2 WHERE id = $1`, a.ID, fresh); err != nil {
				return err
			}
		}
		t, err = g.openSession(ctx, tx, now.Person, c.Agent)
		return err
	})
	return t, err
}

// tellFailure puts a failed login into the log, but not each one of a flood:
// one a minute of an account, sixty of all.
func (g *Gate) tellFailure(ctx context.Context, person string) error {
	now := g.Now()
	quiet, due := g.told.due("person/"+person, now)
	if !due || !g.tellAll.allow(now) {
		return nil
	}
	subject := "auth/login"
	if person != "" {
		subject = "person/" + person
	}
	ev := LoginFailed{Person: person, Address: From(ctx).Address, Quiet: quiet}
	return g.write(ctx, "note failed login", func(tx store.Tx) error { return g.publish(ctx, tx, subject, ev) })
}

func (g *Gate) openSession(ctx context.Context, tx store.Tx, p Person, agent string) (Ticket, error) {
	key, sum := mint(sessionKey)
	now := g.Now()
	s := Session{ID: g.NewID(), Person: p.ID, Address: From(ctx).Address, Agent: notify.Line(agent, 200)}
	_, err := tx.ExecContext(ctx, `DELETE FROM auth_session WHERE seen_at <= $1 OR created_at <= $2`,
		micro(now.Add(-g.Config.Idle)), micro(now.Add(-g.Config.Longest)))
	if err != nil {
		return Ticket{}, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM auth_session WHERE person = $1 AND id NOT IN (
		SELECT id FROM auth_session WHERE person = $1 ORDER BY seen_at DESC, id DESC LIMIT $2)`, p.ID, maxSessions-1)
	if err != nil {
		return Ticket{}, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO auth_session (id, hash, person, created_at, seen_at, address, agent) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		s.ID, sum, s.Person, micro(now), micro(now), s.Address, s.Agent)
	if err != nil {
		return Ticket{}, err
	}
	t := Ticket{Key: key, Until: now.Add(g.Config.Longest), Person: p}
	return t, g.publish(ctx, tx, "person/"+p.ID, LoggedIn{Person: p.ID, Session: s.ID, Address: s.Address})
}

const sessionColumns = `s.id, s.person, s.created_at, s.seen_at, s.address, s.agent`

func scanSession(sc store.Scanner) (Session, error) {
	var s Session
	var created, seen int64
	err := sc.Scan(&s.ID, &s.Person, &created, &seen, &s.Address, &s.Agent)
	s.CreatedAt, s.SeenAt = when(created), when(seen)
	return s, err
}

// bySession returns the principal of a cookie's value, or an Unauthenticated
// error.
func (g *Gate) bySession(ctx context.Context, key string) (Principal, error) {
	over := errs.New(errs.Unauthenticated, "the session is over: log in again")
	sum, ok := sumOf(sessionKey, key)
	if !ok {
		return Principal{}, over
	}
	now := g.Now()
	var p Principal
	var created, seen, disabled int64
	err := g.read(ctx, "load session", func(tx store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT s.id, s.created_at, s.seen_at, p.id, p.name, p.role, p.disabled_at
			FROM auth_session s JOIN auth_person p ON p.id = s.person WHERE s.hash = $1`, sum).
			Scan(&p.Session, &created, &seen, &p.ID, &p.Name, &p.Role, &disabled)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Principal{}, over
	}
	if err != nil {
		return Principal{}, err
	}
	idle := now.Sub(when(seen))
	if disabled != 0 || idle >= g.Config.Idle || now.Sub(when(created)) >= g.Config.Longest {
		return Principal{}, over
	}
	p.Kind = ByPerson
	if idle >= seenEvery {
		g.touch(ctx, `UPDATE auth_session SET seen_at = $2 WHERE id = $1 AND seen_at < $2`, p.Session, now)
	}
	return p, nil
}

// touch notes that something was used. That it could not be noted must not
// keep a responder out while the disk is full.
func (g *Gate) touch(ctx context.Context, q, id string, now time.Time) {
	err := g.write(ctx, "note use", func(tx store.Tx) error {
		_, err := tx.ExecContext(ctx, q, id, micro(now))
		return err
	})
	if err != nil {
		g.Log.WarnContext(ctx, "use not noted", "id", id, "err", err)
	}
}

// Logout ends the session of ctx's principal.
func (g *Gate) Logout(ctx context.Context) error {
	p := From(ctx)
	if p.Session == "" {
		return nil
	}
	return g.write(ctx, "log out", func(tx store.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM auth_session WHERE id = $1`, p.Session); err != nil {
			return err
		}
		return g.publish(ctx, tx, "person/"+p.ID, LoggedOut{Person: p.ID, Session: p.Session, Address: p.Address})
	})
}

// Sessions returns the sessions of a person that are not over, the last used first.
func (g *Gate) Sessions(ctx context.Context, person string) ([]Session, error) {
	var out []Session
	now := g.Now()
	err := g.read(ctx, "list sessions", func(tx store.Tx) (err error) {
		out, err = store.All(ctx, tx, scanSession, `SELECT `+sessionColumns+` FROM auth_session s
			WHERE s.person = $1 AND s.seen_at > $2 AND s.created_at > $3 ORDER BY s.seen_at DESC, s.id DESC LIMIT $4`,
			person, micro(now.Add(-g.Config.Idle)), micro(now.Add(-g.Config.Longest)), maxSessions)
		return err
	})
	return out, err
}

// RevokeSession ends a session of ctx's principal, or, for an admin, of
// anybody. NotFound says that there is none such.
func (g *Gate) RevokeSession(ctx context.Context, id string) error {
	return g.write(ctx, "revoke session", func(tx store.Tx) error {
		s, err := scanSession(tx.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM auth_session s WHERE s.id = $1`, id))
		if err := found(err, "session %.40q", id); err != nil {
			return err
		}
		if !From(ctx).manages(s.Person) {
			return errs.New(errs.NotFound, "session %.40q", id)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM auth_session WHERE id = $1`, id); err != nil {
			return err
		}
		return g.publish(ctx, tx, "person/"+s.Person, SessionRevoked{Person: s.Person, Sessions: []string{id}, Address: From(ctx).Address})
	})
}

// dropSessions ends all sessions of a person but the one kept.
func (g *Gate) dropSessions(ctx context.Context, tx store.Tx, person, keep string) error {
	ids, err := store.All(ctx, tx, func(s store.Scanner) (id string, err error) { return id, s.Scan(&id) },
		`DELETE FROM auth_session WHERE person = $1 AND id <> $2 RETURNING id`, person, keep)
	if err != nil || len(ids) == 0 {
		return err
	}
	return g.publish(ctx, tx, "person/"+person, SessionRevoked{Person: person, Sessions: ids, Address: From(ctx).Address})
}

// bearer returns the token in an Authorization header's value: as a bearer, or
// as the password of senders that know only that.
func bearer(user, password string, basic bool, header string) string {
	if basic {
		if strings.HasPrefix(user, string(tokenKey)) {
			return user
		}
		return password
	}
	scheme, rest, _ := strings.Cut(header, " ")
	if strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(rest)
	}
	return ""
}
