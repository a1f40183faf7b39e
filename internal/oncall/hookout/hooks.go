package hookout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Standing is how a subscription stands.
type Standing struct {
	Subscription string    `json:"subscription"`
	Waiting      int       `json:"waiting"`
	GivenUp      int       `json:"given_up" doc:"Of the messages that are kept."`
	Last         *Message  `json:"last,omitempty" doc:"The one that was tried last."`
	OldestAt     time.Time `json:"oldest_at,omitzero" doc:"When the oldest that waits was made."`
}

// Store keeps messages. One call is one transaction.
type Store interface {
	// Since returns from when on each subscription is told, and keeps now for those
	// that it does not know. It forgets the others, and what waits for them.
	Since(ctx context.Context, names []string, now time.Time) (map[string]time.Time, error)
	// Put adds messages. What is there for the same subscription and event stays.
	Put(ctx context.Context, all []Message) error
	// Due returns at most n messages of a subscription that are due, each the first
	// of its page that waits.
	Due(ctx context.Context, subscription string, now time.Time, n int) ([]Message, error)
	// Settle hands a message to fn and saves it with the facts fn returns.
	Settle(ctx context.Context, id string, fn func(*Message) []event.Fact) error
	// Standing returns how the subscriptions stand that have messages, by name.
	Standing(ctx context.Context) ([]Standing, error)
	// Prune removes what was done before the given time.
	Prune(ctx context.Context, before time.Time) error
}

// Asks is what is asked of the rest of the product.
type Asks struct {
	Page func(ctx context.Context, id string) (oncall.Page, error)
	// Before returns the last event of a page before seq among [Heard], or nil.
	Before func(ctx context.Context, page string, seq int64) (*event.Record, error)
	// Called are those whom the first step for a service tells at a time.
	Called  func(ctx context.Context, service string, at time.Time) []string
	Catalog *catalog.Catalog
	// Post hands a message to an address.
	Post func(ctx context.Context, s Subscription, m Message) Outcome
}

// Hooks tells subscriptions. It is safe for concurrent use.
type Hooks struct {
	store   Store
	asks    Asks
	baseURL string
	now     func() time.Time
	newID   func() string

	mu    sync.Mutex
	subs  map[string]Subscription
	turn  int                  // of Replace
	since map[string]time.Time // nil: the store has to be asked
	busy  map[string]bool      // subscriptions that are being told
	wg    sync.WaitGroup
}

// New returns Hooks without subscriptions.
func New(store Store, asks Asks, baseURL string, now func() time.Time, newID func() string) *Hooks {
	return &Hooks{store: store, asks: asks, baseURL: baseURL, now: now, newID: newID, subs: map[string]Subscription{}, busy: map[string]bool{}}
}

// Replace puts subscriptions in use.
func (h *Hooks) Replace(all []Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subs, h.since = map[string]Subscription{}, nil
	h.turn++
	for _, s := range all {
		h.subs[s.Name] = s
	}
}

// using returns the subscriptions, and from when on each is told.
func (h *Hooks) using(ctx context.Context) (map[string]Subscription, map[string]time.Time, error) {
	h.mu.Lock()
	subs, since, turn := h.subs, h.since, h.turn
	h.mu.Unlock()
	if since != nil {
		return subs, since, nil
	}
	names := make([]string, 0, len(subs))
	for name := range subs {
		names = append(names, name)
	}
	since, err := h.store.Since(ctx, names, h.now())
	if err != nil {
		return nil, nil, fmt.Errorf("look since when subscriptions are told: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.turn == turn {
		h.since = since
	}
	return subs, since, nil
}

// Hear makes the messages of an event of the log. Repeating it is no news.
func (h *Hooks) Hear(ctx context.Context, r event.Record) error {
	subs, since, err := h.using(ctx)
	if err != nil || len(subs) == 0 || h.now().Sub(r.RecordedAt) > GiveUp {
		return err
	}
	t, ok, err := h.told(ctx, r)
	if err != nil || !ok {
		return err
	}
	body, err := t.Body()
	if err != nil {
		return fmt.Errorf("encode %s of page %s: %w", t.News.Type, t.Page.ID, err)
	}
	var out []Message
	for name, s := range subs {
		if r.RecordedAt.Before(since[name]) || !s.Wants(t.News.Type, t.Page.Service, t.Team) {
			continue
		}
		out = append(out, Message{
			ID: h.newID(), Subscription: name, Event: r.ID, Seq: r.Seq, Page: t.Page.ID, Service: t.Page.Service, Type: t.News.Type, Body: body,
			State: Waiting, CreatedAt: r.RecordedAt, DueAt: h.now(),
		})
	}
	if len(out) == 0 {
		return nil
	}
	return h.store.Put(ctx, out)
}

// told gathers what a body says.
func (h *Hooks) told(ctx context.Context, r event.Record) (t Told, ok bool, err error) {
	n, _, err := Of(r, nil)
	if err != nil || n.Page == "" {
		return t, false, err
	}
	before, err := h.asks.Before(ctx, n.Page, r.Seq)
	if err != nil {
		return t, false, fmt.Errorf("look before %s: %w", r.ID, err)
	}
	if n, ok, err = Of(r, before); err != nil || !ok {
		return t, false, err
	}
	page, err := h.asks.Page(ctx, n.Page)
	if err != nil {
		return t, false, fmt.Errorf("load page %s: %w", n.Page, err)
	}
	if n.Type.calls() && len(n.People) == 0 {
		n.People = h.asks.Called(ctx, page.Service, r.At)
	}
	t = Told{ID: r.ID, At: r.At, News: n, Page: page, Names: map[string]string{}, BaseURL: h.baseURL}
	if s, err := h.asks.Catalog.Service(ctx, page.Service); err == nil {
		t.Team, t.Names["service/"+s.ID] = s.Team, s.Name
	}
	if team, err := h.asks.Catalog.Team(ctx, t.Team); err == nil {
		t.Names["team/"+team.ID] = team.Name
	}
	for _, who := range append([]string{trimPerson(n.Agent)}, n.People...) {
		if p, err := h.asks.Catalog.Person(ctx, who); err == nil {
			t.Names["user/"+who] = p.Name
		}
	}
	return t, true, nil
}

func trimPerson(actor string) string {
	const person = "person/"
	if len(actor) > len(person) && actor[:len(person)] == person {
		return actor[len(person):]
	}
	return ""
}

const (
	atOnce = 8 // messages of one subscription that are sent side by side
	kept   = 30 * 24 * time.Hour
)

// Send has every subscription told what is due. It is one round of a worker; it
// does not wait for anybody's answer.
func (h *Hooks) Send(ctx context.Context) error {
	subs, _, err := h.using(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for name, s := range subs {
		h.mu.Lock()
		busy := h.busy[name]
		h.mu.Unlock()
		if busy {
			continue
		}
		due, err := h.store.Due(ctx, name, h.now(), atOnce)
		if err != nil {
			failed = append(failed, fmt.Errorf("find what is due for %s: %w", name, err))
			continue
		}
		if len(due) > 0 {
			h.start(ctx, s, due)
		}
	}
	return errors.Join(failed...)
}

// start tells a subscription until nothing is due.
func (h *Hooks) start(ctx context.Context, s Subscription, due []Message) {
	h.mu.Lock()
	h.busy[s.Name] = true
	h.mu.Unlock()
	h.wg.Go(func() {
		defer func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			delete(h.busy, s.Name)
		}()
		for len(due) > 0 && ctx.Err() == nil {
			if !h.sendAll(ctx, s, due) {
				return // the next round begins anew
			}
			var err error
			if due, err = h.store.Due(ctx, s.Name, h.now(), atOnce); err != nil {
				return // the next round says so
			}
		}
	})
}

// sendAll sends messages of different pages side by side.
func (h *Hooks) sendAll(ctx context.Context, s Subscription, due []Message) bool {
	var wg sync.WaitGroup
	ok := make([]bool, len(due))
	for i, m := range due {
		wg.Go(func() { ok[i] = h.sendOne(ctx, s, m) })
	}
	wg.Wait()
	for _, good := range ok {
		if !good {
			return false
		}
	}
	return true
}

func (h *Hooks) sendOne(ctx context.Context, s Subscription, m Message) bool {
	o := h.asks.Post(ctx, s, m)
	if o.Err != nil && ctx.Err() != nil {
		return false // cut short by the shutdown: it is sent after the next start
	}
	err := h.store.Settle(context.WithoutCancel(ctx), m.ID, func(m *Message) []event.Fact { return m.Settle(o, h.now()) })
	return err == nil || errs.KindOf(err) == errs.NotFound // its subscription was removed meanwhile
}

// Drain waits until nothing is being sent. It belongs after the last round.
func (h *Hooks) Drain() { h.wg.Wait() }

// Prune forgets what was done long ago.
func (h *Hooks) Prune(ctx context.Context) error { return h.store.Prune(ctx, h.now().Add(-kept)) }

// Standing returns how each subscription stands, by name.
func (h *Hooks) Standing(ctx context.Context) ([]Standing, error) { return h.store.Standing(ctx) }

// Subscriptions returns those in use, by name.
func (h *Hooks) Subscriptions() map[string]Subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.subs
}
