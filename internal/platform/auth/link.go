package auth

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/store"
)

const linkFor = time.Hour

// AdminLink returns the path of a link that makes its holder an admin, once,
// within an hour: "/welcome?token=…". Links made before are worth nothing any
// more. Whoever calls it has the machine; nobody else may see the result.
func (g *Gate) AdminLink(ctx context.Context) (string, error) { return g.makeLink(ctx, "") }

// Invite returns the path of a link with which the person called id sets a
// password, once, within an hour: for a new person, or one who forgot it.
func (g *Gate) Invite(ctx context.Context, id string) (string, error) {
	if id == "" {
		return "", errs.New(errs.Invalid, "an invitation is for somebody")
	}
	return g.makeLink(ctx, id)
}

func (g *Gate) makeLink(ctx context.Context, person string) (string, error) {
	key, sum := mint(linkKey)
	err := g.write(ctx, "make link", func(tx store.Tx) error {
		subject := "auth/admin-link"
		if person != "" {
			a, err := loadAccount(ctx, tx, person)
			if err != nil {
				return err
			}
			if !a.DisabledAt.IsZero() {
				return errs.New(errs.Conflict, "%s is disabled", person)
			}
			subject = "person/" + person
		}
		now := g.Now()
		if _, err := tx.ExecContext(ctx, `DELETE FROM auth_link WHERE person = $1 OR expires_at <= $2`, person, micro(now)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO auth_link (hash, person, expires_at) VALUES ($1, $2, $3)`, sum, person, micro(now.Add(linkFor)))
		if err != nil {
			return err
		}
		return g.publish(ctx, tx, subject, LinkMade{Person: person, Address: From(ctx).Address})
	})
	if err != nil {
		return "", err
	}
	return "/welcome?token=" + key, nil
}

// Link is what the holder of a link may do.
type Link struct {
	Person    Person // whose password it sets; zero for a new admin
	ExpiresAt time.Time
}

// Link returns what token is good for, or a Denied error when it is used up,
// expired or made up. It does not use it up.
func (g *Gate) Link(ctx context.Context, token string) (Link, error) {
	var l Link
	err := g.read(ctx, "look at link", func(tx store.Tx) (err error) {
		l, err = g.loadLink(ctx, tx, token)
		return err
	})
	return l, err
}

func (g *Gate) loadLink(ctx context.Context, tx store.Tx, token string) (Link, error) {
	dead := errs.New(errs.Denied, "this link is used up or expired: ask for a new one")
	sum, ok := sumOf(linkKey, token)
	if !ok {
		return Link{}, dead
	}
	var person string
	var expires int64
	err := tx.QueryRowContext(ctx, `SELECT person, expires_at FROM auth_link WHERE hash = $1`, sum).Scan(&person, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Link{}, dead
	case err != nil:
		return Link{}, err
	}
	l := Link{ExpiresAt: when(expires)}
	if !g.Now().Before(l.ExpiresAt) {
		return Link{}, dead
	}
	if person == "" {
		return l, nil
	}
	a, err := loadAccount(ctx, tx, person)
	if err != nil || !a.DisabledAt.IsZero() {
		return Link{}, firstErr(err, dead)
	}
	l.Person = a.Person
	return l, nil
}

// Welcoming is what the holder of a link fills in. ID, Name and Email are for
// a new admin's link only.
type Welcoming struct {
	Token           string
	ID, Name, Email string
	Password        string
	Agent           string // the browser
}

// Welcome uses a link up: it makes the admin, or sets the person's password,
// and logs the person in.
func (g *Gate) Welcome(ctx context.Context, in Welcoming) (Ticket, error) {
	l, err := g.Link(ctx, in.Token)
	if err != nil {
		return Ticket{}, err
	}
	p := l.Person
	if p.ID == "" {
		p = Person{ID: in.ID, Name: in.Name, Email: in.Email, Role: Admin}.tidy()
		if err := p.Validate(); err != nil {
			return Ticket{}, err
		}
	}
	sum, err := g.hash.hash(ctx, in.Password)
	if err != nil {
		return Ticket{}, err
	}
	ctx = With(ctx, Principal{ID: p.ID, Name: p.Name, Kind: ByPerson, Role: p.Role, Address: From(ctx).Address})
	var t Ticket
	err = g.write(ctx, "use link", func(tx store.Tx) error {
		now, err := g.loadLink(ctx, tx, in.Token) // another may have been faster
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM auth_link WHERE hash = $1`, digest(in.Token)); err != nil {
			return err
		}
		if now.Person.ID != "" {
			err = g.setPassword(ctx, tx, p.ID, sum, "")
		} else {
			p, err = g.insertPerson(ctx, tx, p, sum)
		}
		if err != nil {
			return err
		}
		t, err = g.openSession(ctx, tx, p, in.Agent)
		return err
	})
	return t, err
}
