package alertdb

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/store"
)

var _ dispatch.Lease = (*Crew)(nil)

// CrewOptions are what a Crew works with.
type CrewOptions struct {
	ID   string // of this server, the same after a restart
	Live *Live
	Log  *slog.Logger
	Now  func() time.Time
	// Clock is a duration that grows evenly, whatever is done to the wall clock; nil is
	// the time since the start, by the even part of Now.
	Clock func() time.Duration
	Heard func([]dispatch.Alert) // told of news; may be nil
	// Own says that this server knows who has an alert, and others learn it from
	// here; nil: it does not.
	Own func() bool
}

// Crew is the servers on one PostgreSQL, as one of them sees it: it holds leases
// on parts of the groups, beats, hears what the others have kept, and takes over
// from those that are gone. It is safe for concurrent use.
type Crew struct {
	CrewOptions

	state *dispatch.State
	began bool // this server has taken up again what was its own
	last  time.Duration
	pulse pulse
	quiet bool // what fails has been said

	mu      sync.Mutex
	held    map[int]*holding
	trust   time.Duration // until then by the even clock,
	wall    time.Time     // and by the other one
	timer   *time.Timer   // ends what is in hand when trust does
	servers int           // that live
	lapsed  bool          // trust ended, and groups were left to others
	leaving bool
	ends    map[int64]end
	serial  int64
	changed chan struct{} // closed when the leader's seat comes or goes
}

// holding is a seat that this server holds.
type holding struct {
	token  int64
	active bool // the state knows what was told
	giving bool // nothing new is decided, and it is given back when nothing is in hand
	since  time.Time
}

// end cancels what was begun under a lease.
type end struct {
	seat   int
	cancel context.CancelFunc
}

// NewCrew returns a Crew that holds nothing yet.
func NewCrew(o CrewOptions) *Crew {
	if o.Clock == nil {
		start := o.Now()
		o.Clock = func() time.Duration { return o.Now().Sub(start) }
	}
	o.Live.Share(o.ID)
	return &Crew{CrewOptions: o, held: map[int]*holding{}, ends: map[int64]end{}, changed: make(chan struct{})}
}

// trusts reports whether others still leave this server its seats. The wall clock
// counts too, for the even one may stand still while a machine sleeps.
func (c *Crew) trusts() bool {
	if c.Clock() < c.trust && c.Now().Round(0).Before(c.wall) {
		return true
	}
	c.lapsed = true
	return false
}

// Owns implements dispatch.Lease.
func (c *Crew) Owns(group uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.held[seatOf(group)]
	return h != nil && h.active && !h.giving && c.trusts()
}

// Holds implements dispatch.Lease.
func (c *Crew) Holds(group uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[seatOf(group)] != nil && c.trusts()
}

// Token returns the token of the lease on a group, or 0.
func (c *Crew) Token(group uint64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.held[seatOf(group)]; h != nil {
		return h.token
	}
	return 0
}

// Held implements dispatch.Lease.
func (c *Crew) Held(ctx context.Context, group uint64) (context.Context, context.CancelFunc) {
	return c.under(ctx, seatOf(group))
}

func (c *Crew) under(ctx context.Context, seat int) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[seat] == nil || !c.trusts() {
		cancel()
		return ctx, cancel
	}
	c.serial++
	n := c.serial
	c.ends[n] = end{seat, cancel}
	return ctx, func() {
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.ends, n)
	}
}

// Seats is how many parts of the work this server has.
func (c *Crew) Seats() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for seat, h := range c.held {
		if seat != leaderSeat && h.active {
			n++
		}
	}
	return n
}

// Servers is how many servers share the work, this one among them.
func (c *Crew) Servers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(1, c.servers)
}

// Leads reports whether this server does what only one may do.
func (c *Crew) Leads() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[leaderSeat] != nil && c.trusts()
}

// Leader returns a worker that runs fn while this server leads. The ctx of fn ends
// two seconds before another server may lead.
func (c *Crew) Leader(name string, fn func(ctx context.Context) error) run.Worker {
	return run.Worker{Name: name, Run: func(ctx context.Context) error {
		for ctx.Err() == nil {
			c.mu.Lock()
			changed, leads := c.changed, c.held[leaderSeat] != nil && c.trusts()
			c.mu.Unlock()
			if !leads {
				select {
				case <-ctx.Done():
				case <-changed:
				}
				continue
			}
			c.Log.InfoContext(ctx, "this server leads", "server", c.ID)
			own, release := c.under(ctx, leaderSeat)
			err := fn(own)
			release()
			if err != nil {
				return err
			}
			if ctx.Err() == nil {
				c.Log.WarnContext(ctx, "this server no longer leads", "server", c.ID)
			}
		}
		return nil
	}}
}

// renewed notes a beat that was kept and began at start. The lock is held.
func (c *Crew) renewed(start time.Duration, wall time.Time) {
	c.trust, c.wall = start+trusted, wall.Round(0).Add(trusted)
	left := c.trust - c.Clock()
	if c.timer == nil {
		c.timer = time.AfterFunc(left, c.lapse)
		return
	}
	c.timer.Reset(left)
}

// lapse ends what is in hand when the leases can no longer be relied on.
func (c *Crew) lapse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trusts() {
		return
	}
	for _, e := range c.ends {
		e.cancel()
	}
}

// drop forgets a seat and ends what is in hand of it. The lock is held.
func (c *Crew) drop(seat int) {
	delete(c.held, seat)
	for _, e := range c.ends {
		if e.seat == seat {
			e.cancel()
		}
	}
	if seat == leaderSeat {
		c.turn()
	}
}

// turn wakes who waits for the leader's seat. The lock is held.
func (c *Crew) turn() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Run beats and listens until ctx ends. state is loaded; [Crew.Leave] comes after.
func (c *Crew) Run(ctx context.Context, state *dispatch.State) error {
	c.state = state
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		err := c.step(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !c.quiet:
			c.Log.ErrorContext(ctx, "the other servers cannot be heard", "err", err)
		case err == nil && c.quiet:
			c.Log.InfoContext(ctx, "the other servers are heard again")
		}
		c.quiet = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// step is one look, and a beat where it is time for one.
func (c *Crew) step(ctx context.Context) error {
	t, err := c.look(ctx)
	if err != nil {
		return err
	}
	now := c.Clock()
	c.pulse.look(now, t.beats)
	c.mu.Lock()
	c.servers = len(c.pulse.live(c.ID, now))
	c.mu.Unlock()
	if !c.began || now-c.last >= beatEvery || c.wants(t, now) {
		if err := c.beat(ctx); err != nil {
			return fmt.Errorf("beat: %w", err)
		}
		c.last = now
	}
	for seat := range c.busy() {
		if !c.Holds(uint64(seat)) { //nolint:gosec // below 32
			c.state.Rouse() // what is in hand of a lease that has ended keeps its seat from being taken
			break
		}
	}
	return c.activate(ctx)
}

// look takes the news and reads who is there.
func (c *Crew) look(ctx context.Context) (t table, err error) {
	var n news
	err = c.Live.db.Read(ctx, func(tx store.Tx) error {
		if n, err = c.Live.news(ctx, tx); err != nil {
			return err
		}
		t, err = readTable(ctx, tx)
		return err
	})
	if err != nil {
		return t, fmt.Errorf("look: %w", err)
	}
	for _, s := range n.silences {
		if err := c.state.SetSilence(s); err != nil {
			c.Log.ErrorContext(ctx, "a silence of another server is not understood", "silence", s.ID, "err", err)
		}
	}
	if len(n.alerts) > 0 {
		wrong := c.state.News(c.Now(), n.alerts, c.Own != nil && c.Own())
		if c.Heard != nil {
			c.Heard(n.alerts)
		}
		if len(wrong) > 0 {
			if err := c.Live.PutAlerts(ctx, wrong); err != nil {
				return t, err
			}
		}
	}
	c.Live.shared.saw(n.rev)
	return t, nil
}
