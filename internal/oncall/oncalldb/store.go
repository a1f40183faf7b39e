// Package oncalldb keeps pages, the delivery ledger, adjustments of rotas and the
// built-in inbox in the database.
package oncalldb

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Migrations are this room's tables.
//
//go:embed migrations/*.sql
var Migrations embed.FS

var (
	_ oncall.Store           = (*Store)(nil)
	_ oncall.Ledger          = (*Store)(nil)
	_ oncall.AdjustmentStore = (*Store)(nil)
)

// Store implements what the room keeps.
type Store struct {
	db     *store.DB
	log    *bus.Log
	holder string // of this process's leases
}

// New returns a Store on db.
func New(db *store.DB, log *bus.Log) *Store {
	return &Store{db: db, log: log, holder: id.New()}
}

const pageColumns = `id, service, policy, summary, alerts, state, step, round, step_at, opened_at, acked_at, acked_by, closed_at, set_at, doc`

// OpenPage implements oncall.Store.
func (s *Store) OpenPage(ctx context.Context, service string, fn func(*oncall.Page) (*oncall.Page, []oncall.Delivery, []event.Fact)) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		var open *oncall.Page
		p, err := onePage(ctx, tx, `service = $1 AND closed_at = 0`, service)
		switch {
		case err == nil:
			open = &p
		case errs.KindOf(err) != errs.NotFound:
			return fmt.Errorf("load open page of %s: %w", service, err)
		}
		next, ds, facts := fn(open)
		if next == nil {
			return nil
		}
		return s.save(ctx, tx, *next, ds, facts)
	})
}

func (s *Store) save(ctx context.Context, tx store.Tx, p oncall.Page, ds []oncall.Delivery, facts []event.Fact) error {
	for _, d := range ds {
		if err := supersede(ctx, tx, &d); err != nil {
			return err
		}
		if err := putDelivery(ctx, tx, d); err != nil {
			return err
		}
	}
	if err := putPage(ctx, tx, p); err != nil {
		return err
	}
	return s.log.Publish(ctx, tx, facts...)
}

// supersede has a new delivery take the place of what waits for the same device.
func supersede(ctx context.Context, tx store.Tx, d *oncall.Delivery) error {
	if d.Kind != oncall.KindPage || d.State != oncall.Pending || d.Firing < 2 {
		return nil // nothing was there before it
	}
	older, err := store.All(ctx, tx, scanDelivery, `SELECT `+deliveryColumns+` FROM oncall_ledger WHERE page = $1 AND person = $2 AND device = $3 AND kind = 'page' AND state = 'pending'`, d.Page, d.Person, d.Device)
	if err != nil {
		return err
	}
	for _, o := range d.Supersede(older) {
		if err := putDelivery(ctx, tx, o); err != nil {
			return err
		}
	}
	return nil
}

// UpdatePage implements oncall.Store.
func (s *Store) UpdatePage(ctx context.Context, id string, fn func(*oncall.Page, []oncall.Delivery) ([]oncall.Delivery, []event.Fact, error)) (p oncall.Page, err error) {
	err = s.db.Write(ctx, func(tx store.Tx) error {
		if p, err = onePage(ctx, tx, `id = $1`, id); err != nil {
			return err
		}
		ledger, err := ofPage(ctx, tx, id)
		if err != nil {
			return err
		}
		ds, facts, err := fn(&p, ledger)
		if err != nil {
			return err
		}
		return s.save(ctx, tx, p, ds, facts)
	})
	return p, err
}

// Page implements oncall.Store.
func (s *Store) Page(ctx context.Context, id string) (p oncall.Page, ds []oncall.Delivery, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		if p, err = onePage(ctx, tx, `id = $1`, id); err != nil {
			return err
		}
		ds, err = ofPage(ctx, tx, id)
		return err
	})
	return p, ds, err
}

// Head implements oncall.Store.
func (s *Store) Head(ctx context.Context, id string) (p oncall.Page, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		p, err = onePage(ctx, tx, `id = $1`, id)
		return err
	})
	return p, err
}

// Pages implements oncall.Store.
func (s *Store) Pages(ctx context.Context, q oncall.PageQuery) (out []oncall.Page, err error) {
	where := []string{"1 = 1"}
	var args []any
	add := func(cond string, v any) {
		args = append(args, v)
		where = append(where, cond+" $"+strconv.Itoa(len(args)))
	}
	if q.Open {
		where = append(where, "closed_at = 0")
	}
	if q.Service != "" {
		add("service =", q.Service)
	}
	if q.Person != "" {
		args = append(args, q.Person)
		n := strconv.Itoa(len(args))
		where = append(where, "(acked_by = $"+n+" OR id IN (SELECT page FROM oncall_ledger WHERE person = $"+n+"))")
	}
	if q.Before != "" {
		add("id <", q.Before)
	}
	args = append(args, q.Limit)
	text := `SELECT ` + pageColumns + ` FROM oncall_page WHERE ` + strings.Join(where, " AND ") + ` ORDER BY id DESC LIMIT $` + strconv.Itoa(len(args))
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, scanPage, text, args...)
		return err
	})
	return out, err
}

// DuePages implements oncall.Store.
func (s *Store) DuePages(ctx context.Context, now time.Time) (out []string, err error) {
	err = s.db.Read(ctx, func(tx store.Tx) error {
		out, err = store.All(ctx, tx, func(row store.Scanner) (id string, err error) { return id, row.Scan(&id) },
			`SELECT id FROM (SELECT id, step_at FROM oncall_page WHERE step_at > 0 AND step_at <= $1
				UNION SELECT id, step_at FROM oncall_page WHERE set_at > $2 AND closed_at = 0) AS due ORDER BY step_at LIMIT 1000`, store.Micros(now), store.Micros(now.Add(oncall.Skew)))
		return err
	})
	return out, err
}

func onePage(ctx context.Context, tx store.Tx, where, arg string) (oncall.Page, error) {
	p, err := scanPage(tx.QueryRowContext(ctx, `SELECT `+pageColumns+` FROM oncall_page WHERE `+where, arg))
	if errors.Is(err, sql.ErrNoRows) {
		return p, errs.New(errs.NotFound, "page %q does not exist", arg)
	}
	return p, err
}

func scanPage(row store.Scanner) (p oncall.Page, err error) {
	var alerts, doc string
	var stepAt, opened, acked, closed, set int64
	err = row.Scan(&p.ID, &p.Service, &p.Policy, &p.Summary, &alerts, &p.State, &p.Step, &p.Round, &stepAt, &opened, &acked, &p.AckedBy, &closed, &set, &doc)
	if err != nil {
		return p, err
	}
	p.StepAt, p.OpenedAt, p.AckedAt, p.ClosedAt, p.SetAt = store.Time(stepAt), store.Time(opened), store.Time(acked), store.Time(closed), store.Time(set)
	var more pageDoc
	if err := json.Unmarshal([]byte(doc), &more); err != nil {
		return p, fmt.Errorf("read page %s: %w", p.ID, err)
	}
	p.Severity, p.PageNotes = more.Severity, more.PageNotes
	return p, json.Unmarshal([]byte(alerts), &p.Alerts)
}

// pageDoc is what of a page nothing is searched by.
type pageDoc struct {
	Severity string `json:"severity,omitempty"`
	oncall.PageNotes
}

// putPage saves p; an answered or closed page cancels what is still to be sent, and
// one that waits for others what is for those who have answered.
func putPage(ctx context.Context, tx store.Tx, p oncall.Page) error {
	alerts, err := json.Marshal(p.Alerts)
	if err != nil {
		return err
	}
	doc, err := json.Marshal(pageDoc{p.Severity, p.PageNotes})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO oncall_page (`+pageColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (id) DO UPDATE SET policy = excluded.policy, opened_at = excluded.opened_at, summary = excluded.summary, alerts = excluded.alerts, state = excluded.state, step = excluded.step,
			round = excluded.round, step_at = excluded.step_at, acked_at = excluded.acked_at, acked_by = excluded.acked_by, closed_at = excluded.closed_at, set_at = excluded.set_at, doc = excluded.doc`,
		p.ID, p.Service, p.Policy, p.Summary, string(alerts), string(p.State), p.Step, p.Round,
		store.Micros(p.StepAt), store.Micros(p.OpenedAt), store.Micros(p.AckedAt), p.AckedBy, store.Micros(p.ClosedAt), store.Micros(p.SetAt), string(doc))
	if err != nil {
		return fmt.Errorf("save page %s: %w", p.ID, err)
	}
	const cancel = `UPDATE oncall_ledger SET state = 'cancelled', lease = 0 WHERE page = $1 AND state = 'pending' AND kind IN ('page', 'shadow')`
	if p.State == oncall.Answered || p.State == oncall.Closed {
		_, err = tx.ExecContext(ctx, cancel, p.ID)
		return err
	}
	for _, who := range p.Acks {
		if _, err := tx.ExecContext(ctx, cancel+` AND person = $2`, p.ID, who); err != nil {
			return err
		}
	}
	return nil
}

// Paged implements oncall.Store.
func (s *Store) Paged(ctx context.Context, since time.Time) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	err := s.db.Read(ctx, func(tx store.Tx) error {
		_, err := store.All(ctx, tx, func(row store.Scanner) (struct{}, error) {
			var person string
			var at int64
			err := row.Scan(&person, &at)
			out[person] = store.Time(at)
			return struct{}{}, err
		}, `SELECT person, MAX(made_at) FROM oncall_ledger WHERE made_at >= $1 AND kind = 'page' GROUP BY person`, store.Micros(since))
		return err
	})
	return out, err
}

// Shadowed implements oncall.Store.
func (s *Store) Shadowed(ctx context.Context, person string, since time.Time) (n int, err error) {
	name, err := json.Marshal(person)
	if err != nil {
		return 0, err
	}
	err = s.db.Read(ctx, func(tx store.Tx) error {
		// Names of people have no sign that LIKE knows.
		return tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM oncall_page WHERE opened_at >= $1 AND doc LIKE $2`, store.Micros(since), `%"shadows":[%`+string(name)+`%`).Scan(&n)
	})
	return n, err
}
