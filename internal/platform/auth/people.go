package auth

import (
	"context"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Person is somebody with an account.
type Person struct {
	ID          string    `json:"id"` // the handle, like aoi
	Name        string    `json:"name"`
	Email       string    `json:"email,omitempty"`
	Role        Role      `json:"role"`
	HasPassword bool      `json:"has_password"`
	CreatedAt   time.Time `json:"created_at"`
	DisabledAt  time.Time `json:"disabled_at,omitzero"` // zero while enabled
}

const maxName = 100

// Validate returns an Invalid error that says which field is wrong.
func (p Person) Validate() error {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`).MatchString(p.ID) || p.ID == "local" {
		return errs.New(errs.Invalid, "handle %.70q: want up to 63 of a-z, 0-9, '.', '-' and '_', a letter or digit first, and not \"local\"", p.ID)
	}
	if n := utf8.RuneCountInString(p.Name); n == 0 || n > maxName || strings.ContainsFunc(p.Name, unicode.IsControl) || !utf8.ValidString(p.Name) {
		return errs.New(errs.Invalid, "name of %s: want 1 to %d characters in one line", p.ID, maxName)
	}
	if p.Email != "" {
		if a, err := mail.ParseAddress(p.Email); err != nil || a.Address != p.Email || len(p.Email) > 254 {
			return errs.New(errs.Invalid, "email of %s: want an address like aoi@example.com", p.ID)
		}
	}
	_, err := ParseRole(string(p.Role))
	return err
}

// tidy returns p with its handle and address as they are compared.
func (p Person) tidy() Person {
	p.ID, p.Name, p.Email = fold(p.ID), strings.TrimSpace(p.Name), fold(p.Email)
	if p.Name == "" {
		p.Name = p.ID
	}
	return p
}

func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

const personColumns = `id, name, email, role, password, created_at, disabled_at`

// account is a person with the stored password.
type account struct {
	Person

	password string
}

func scanAccount(s store.Scanner) (account, error) {
	var a account
	var created, disabled int64
	err := s.Scan(&a.ID, &a.Name, &a.Email, &a.Role, &a.password, &created, &disabled)
	a.CreatedAt, a.DisabledAt, a.HasPassword = when(created), when(disabled), a.password != ""
	return a, err
}

func loadAccount(ctx context.Context, tx store.Tx, id string) (account, error) {
	a, err := scanAccount(tx.QueryRowContext(ctx, `SELECT `+personColumns+` FROM auth_person WHERE id = $1`, id))
	return a, found(err, "person %q", id)
}

// Person returns the person called id, or a NotFound error.
func (g *Gate) Person(ctx context.Context, id string) (Person, error) {
	var a account
	err := g.read(ctx, "load person", func(tx store.Tx) (err error) {
		a, err = loadAccount(ctx, tx, id)
		return err
	})
	return a.Person, err
}

// People returns up to limit people whose handles come after the given one.
func (g *Gate) People(ctx context.Context, after string, limit int) ([]Person, error) {
	var out []Person
	err := g.read(ctx, "list people", func(tx store.Tx) error {
		rows, err := store.All(ctx, tx, scanAccount, `SELECT `+personColumns+` FROM auth_person WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
		for _, a := range rows {
			out = append(out, a.Person)
		}
		return err
	})
	return out, err
}

// CreatePerson makes an account without a password: Invite gives its owner a
// way in. Conflict says that the handle or the address is taken.
func (g *Gate) CreatePerson(ctx context.Context, p Person) (Person, error) {
	p = p.tidy()
	if err := p.Validate(); err != nil {
		return Person{}, err
	}
	err := g.write(ctx, "create person", func(tx store.Tx) error {
		var err error
		p, err = g.insertPerson(ctx, tx, p, "")
		return err
	})
	return p, err
}

func (g *Gate) insertPerson(ctx context.Context, tx store.Tx, p Person, password string) (Person, error) {
	p.CreatedAt, p.DisabledAt, p.HasPassword = when(micro(g.Now())), time.Time{}, password != ""
	if err := g.free(ctx, tx, p, `SELECT COUNT(*) FROM auth_person WHERE id = $1 OR (email <> '' AND email = $2)`); err != nil {
		return Person{}, err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO auth_person (`+personColumns+`) VALUES ($1, $2, $3, $4, $5, $6, 0)`,
		p.ID, p.Name, p.Email, string(p.Role), password, micro(p.CreatedAt))
	if err != nil {
		return Person{}, err
	}
	return p, g.publish(ctx, tx, "person/"+p.ID, PersonCreated{Person: p.ID, Name: p.Name, Email: p.Email, Role: p.Role, Address: From(ctx).Address})
}

func (g *Gate) free(ctx context.Context, tx store.Tx, p Person, count string) error {
	var n int
	if err := tx.QueryRowContext(ctx, count, p.ID, p.Email).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return errs.New(errs.Conflict, "handle %s or address %s is taken", p.ID, p.Email)
	}
	return nil
}

// PersonChange is what UpdatePerson changes: the whole of what can be.
type PersonChange struct {
	Name     string
	Email    string
	Role     Role
	Disabled bool
}

// UpdatePerson changes the person called id. A disabled person's sessions end.
// Conflict says that no enabled admin would be left.
func (g *Gate) UpdatePerson(ctx context.Context, id string, c PersonChange) (Person, error) {
	next := Person{ID: id, Name: c.Name, Email: c.Email, Role: c.Role}.tidy()
	if err := next.Validate(); err != nil {
		return Person{}, err
	}
	err := g.write(ctx, "change person", func(tx store.Tx) error {
		a, err := loadAccount(ctx, tx, id)
		if err != nil {
			return err
		}
		before := a.Person
		next.CreatedAt, next.HasPassword, next.DisabledAt = a.CreatedAt, a.HasPassword, a.DisabledAt
		if c.Disabled == a.DisabledAt.IsZero() {
			next.DisabledAt = time.Time{}
			if c.Disabled {
				next.DisabledAt = when(micro(g.Now()))
			}
		}
		return g.savePerson(ctx, tx, before, next)
	})
	if err != nil {
		return Person{}, err
	}
	return next, nil
}

func (g *Gate) savePerson(ctx context.Context, tx store.Tx, before, next Person) error {
	if before == next {
		return nil
	}
	if err := g.free(ctx, tx, next, `SELECT COUNT(*) FROM auth_person WHERE id <> $1 AND email <> '' AND email = $2`); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE auth_person SET name = $2, email = $3, role = $4, disabled_at = $5 WHERE id = $1`,
		next.ID, next.Name, next.Email, string(next.Role), micro(next.DisabledAt))
	if err != nil {
		return err
	}
	wasAdmin := before.Role == Admin && before.DisabledAt.IsZero()
	if isAdmin := next.Role == Admin && next.DisabledAt.IsZero(); wasAdmin && !isAdmin {
		if n, err := countAdmins(ctx, tx); err != nil || n == 0 {
			return firstErr(err, errs.New(errs.Conflict, "%s is the last admin: make another person an admin first", next.ID))
		}
	}
	if !next.DisabledAt.IsZero() {
		if err := g.dropSessions(ctx, tx, next.ID, ""); err != nil {
			return err
		}
	}
	address := From(ctx).Address
	if before.Role != next.Role {
		if err := g.publish(ctx, tx, "person/"+next.ID, RoleChanged{Person: next.ID, Before: before.Role, After: next.Role, Address: address}); err != nil {
			return err
		}
		before.Role = next.Role
	}
	if before == next {
		return nil
	}
	return g.publish(ctx, tx, "person/"+next.ID, PersonChanged{Person: next.ID, Name: next.Name, Email: next.Email, Disabled: !next.DisabledAt.IsZero(), Address: address})
}

func firstErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func countAdmins(ctx context.Context, tx store.Tx) (n int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM auth_person WHERE role = 'admin' AND disabled_at = 0 AND password <> ''`).Scan(&n)
	return n, err
}

// NeedsAdmin reports whether there is no admin who could log in: then the
// server prints an AdminLink.
func (g *Gate) NeedsAdmin(ctx context.Context) (bool, error) {
	var n int
	err := g.read(ctx, "count admins", func(tx store.Tx) (err error) {
		n, err = countAdmins(ctx, tx)
		return err
	})
	return n == 0, err
}

// ChangePassword sets the password of ctx's person, who must give the old one,
// and ends the person's other sessions.
func (g *Gate) ChangePassword(ctx context.Context, old, fresh string) error {
	p := From(ctx)
	if p.Kind != ByPerson {
		return errs.New(errs.Denied, "only a person who logged in has a password to change")
	}
	if err := CheckPassword(fresh); err != nil {
		return err
	}
	if wait := g.account.try(p.ID, g.Now()); wait > 0 {
		return errs.New(errs.Denied, "change password: %w", &ThrottledError{wait})
	}
	var a account
	err := g.read(ctx, "load person", func(tx store.Tx) (err error) {
		a, err = loadAccount(ctx, tx, p.ID)
		return err
	})
	if err != nil {
		return err
	}
	if ok, err := g.hash.verify(ctx, a.password, old); err != nil || !ok {
		return firstErr(err, errs.New(errs.Denied, "the old password is not right"))
	}
	g.account.clear(p.ID)
	sum, err := g.hash.hash(ctx, fresh)
	if err != nil {
		return err
	}
	return g.write(ctx, "change password", func(tx store.Tx) error { return g.setPassword(ctx, tx, p.ID, sum, p.Session) })
}

// setPassword stores sum and ends all sessions but the one kept.
func (g *Gate) setPassword(ctx context.Context, tx store.Tx, id, sum, keep string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE auth_person SET password = $2 WHERE id = $1`, id, sum); err != nil {
		return err
	}
	if err := g.dropSessions(ctx, tx, id, keep); err != nil {
		return err
	}
	return g.publish(ctx, tx, "person/"+id, PasswordChanged{Person: id, Address: From(ctx).Address})
}
