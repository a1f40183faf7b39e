package alertdb

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// wants reports whether there is something to take or to give back.
func (c *Crew) wants(t table, now time.Duration) bool {
	busy := c.busy()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving {
		return false
	}
	p := c.plan(t, now, busy)
	return len(p.take) > 0 || len(p.give) > 0 && !p.blocked
}

// moves is what a beat changes.
type moves struct {
	take, give []int
	blocked    bool // all that is to be given is in hand
}

// plan says what to take and give of t.
func (c *Crew) plan(t table, now time.Duration, busy map[int]bool) (p moves) {
	live := c.pulse.live(c.ID, now)
	p.take, p.give = Split(c.ID, live, t.seats)
	for _, s := range t.seats {
		if s.Seat == leaderSeat && s.Holder != c.ID && !slices.Contains(live, s.Holder) {
			p.take = append(p.take, leaderSeat)
		}
	}
	p.take = slices.DeleteFunc(p.take, func(seat int) bool { return busy[seat] }) // of a lease that has ended
	p.blocked = !slices.ContainsFunc(p.give, func(seat int) bool { return !busy[seat] })
	return p
}

// busy are the seats of groups that are being told. The lock is not held: a State
// that holds its own asks for leases.
func (c *Crew) busy() map[int]bool {
	out := map[int]bool{}
	for _, g := range c.state.InHand() {
		out[seatOf(g)] = true
	}
	return out
}

// kept is what a beat left on disk.
type kept struct {
	seats []Seat // of this server
	took  map[int]time.Duration
}

// beat shows that this server lives, takes its share of the seats and gives back
// what is more, in one transaction.
func (c *Crew) beat(ctx context.Context) error {
	start, wall := c.Clock(), c.Now()
	c.mu.Lock()
	leaving := c.leaving
	c.mu.Unlock()
	var k kept
	err := c.Live.db.Write(ctx, func(tx store.Tx) (err error) {
		k = kept{took: map[int]time.Duration{}}
		if _, err = tx.ExecContext(ctx, `INSERT INTO alert_server (id, beat) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET beat = alert_server.beat + 1`, c.ID); err != nil {
			return err
		}
		if !c.began { // what it held before a crash is still its own, under a new token
			if _, err = tx.ExecContext(ctx, `UPDATE alert_lease SET token = token + 1 WHERE holder = $1`, c.ID); err != nil {
				return err
			}
		}
		t, err := readTable(ctx, tx)
		if err != nil {
			return err
		}
		if !leaving {
			if err := c.move(ctx, tx, t, k); err != nil {
				return err
			}
		}
		k.seats, err = store.All(ctx, tx, scanSeat, `SELECT seat, holder, token FROM alert_lease WHERE holder = $1`, c.ID)
		return err
	})
	if err != nil {
		return err
	}
	c.settle(ctx, k, start, wall)
	c.began = true
	return nil
}

// move takes and gives seats.
func (c *Crew) move(ctx context.Context, tx store.Tx, t table, k kept) error {
	now := c.Clock()
	c.pulse.look(now, t.beats)
	busy := c.busy()
	p := c.plan(t, now, busy)
	back := c.give(p.give, busy)
	for _, seat := range p.take {
		i := slices.IndexFunc(t.seats, func(s Seat) bool { return s.Seat == seat })
		if _, err := take(ctx, tx, c.ID, seat); err != nil {
			return err
		}
		k.took[seat] = c.pulse.silent(t.seats[i].Holder, now)
	}
	for _, s := range back {
		if err := free(ctx, tx, s); err != nil {
			return err
		}
	}
	for id := range t.beats {
		if id == c.ID || !c.pulse.dead(id, now) {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM alert_server WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM alert_lease WHERE holder = $1)`, id); err != nil {
			return err
		}
	}
	return nil
}

// give marks seats, and returns those that were marked before and of which nothing
// is in hand: nothing new can have been decided since.
func (c *Crew) give(list []int, busy map[int]bool) (back []Seat) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for seat, h := range c.held {
		if h.giving && !slices.Contains(list, seat) {
			h.giving, h.active = false, false // it stays after all: look again at what waits
		}
	}
	for _, seat := range list {
		h := c.held[seat]
		if h == nil {
			continue
		}
		if h.giving && !busy[seat] {
			back = append(back, Seat{Seat: seat, Holder: c.ID, Token: h.token})
		}
		h.giving = true
	}
	return back
}

// settle takes over what a beat left on disk.
func (c *Crew) settle(ctx context.Context, k kept, start time.Duration, wall time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lapsed := c.lapsed
	c.lapsed = false
	c.renewed(start, wall)
	now := map[int]int64{}
	for _, s := range k.seats {
		now[s.Seat] = s.Token
	}
	lost := c.keep(now, lapsed)
	for seat, token := range now {
		silent, took := k.took[seat]
		if c.held[seat] != nil || !took && c.began {
			continue // ours already, or of another server by the same name
		}
		c.held[seat] = &holding{token: token, active: seat == leaderSeat, since: wall.Add(-silent)}
		if !took {
			c.held[seat].since = wall // after a restart all is loaded
		}
		if seat == leaderSeat {
			c.turn()
		}
	}
	if lost > 0 || len(k.took) > 0 {
		c.Log.InfoContext(ctx, "the work is shared anew", "server", c.ID, "took", len(k.took), "lost", lost, "has", len(c.held))
	}
}

// keep drops the seats that are another's by now and returns how many were lost.
// lapsed says that what is left could not be relied on for a while. The lock is
// held.
func (c *Crew) keep(now map[int]int64, lapsed bool) (lost int) {
	for seat, h := range c.held {
		switch {
		case now[seat] != h.token:
			if !h.giving {
				lost++
			}
			c.drop(seat)
		case lapsed && seat == leaderSeat:
			c.turn()
		case lapsed && !h.giving:
			h.active = false // groups may have been left to others meanwhile
		}
	}
	return lost
}

// activate has the state know what was told of the seats that are new, and then
// work on them.
func (c *Crew) activate(ctx context.Context) error {
	fresh := map[int]time.Time{}
	c.mu.Lock()
	for seat, h := range c.held {
		if !h.active && !h.giving {
			fresh[seat] = h.since
		}
	}
	c.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	if _, err := c.look(ctx); err != nil { // what the last holder knew, this one must know
		return err
	}
	rows, err := c.Live.toldOf(ctx, fresh)
	if err != nil {
		return err
	}
	over, err := c.Live.over(ctx, c.state.Unknown(rows))
	if err != nil {
		return err
	}
	c.state.Gained(c.Now(), dispatch.Gain{
		Rows: rows, Alerts: over,
		Since: func(group uint64) time.Time { return fresh[seatOf(group)] },
		Take: func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			for seat := range fresh {
				if h := c.held[seat]; h != nil {
					h.active = true
				}
			}
		},
	})
	return nil
}

// toldOf returns what receivers were told of groups of those seats.
func (l *Live) toldOf(ctx context.Context, of map[int]time.Time) (out map[uint64]*dispatch.Told, err error) {
	err = l.db.Read(ctx, func(tx store.Tx) error {
		list := make([]string, 0, len(of))
		for seat := range of {
			list = append(list, strconv.Itoa(seat))
		}
		out, err = told(ctx, tx, fmt.Sprintf(` WHERE (group_hash & %d) IN (%s)`, seats-1, strings.Join(list, ", ")))
		return err
	})
	return out, err
}

// Stay has the server take nothing more; it goes on with what it has.
func (c *Crew) Stay() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
}

// Leave gives everything back at once. It comes after Run, when nothing is in hand.
func (c *Crew) Leave(ctx context.Context) error {
	c.mu.Lock()
	for seat := range c.held {
		c.drop(seat)
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	return c.Live.db.Write(ctx, func(tx store.Tx) error {
		for _, q := range []string{`UPDATE alert_lease SET holder = '' WHERE holder = $1`, `DELETE FROM alert_server WHERE id = $1`} {
			if _, err := tx.ExecContext(ctx, q, c.ID); err != nil {
				return fmt.Errorf("leave: %w", err)
			}
		}
		return nil
	})
}
