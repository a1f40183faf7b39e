package alertdb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/platform/store"
)

// Servers on one PostgreSQL share the groups of alerts among them: a group
// belongs to one of 32 seats by its hash, and a seat to the server that holds its
// lease. One more seat makes its holder the leader.
const (
	seats      = 32
	leaderSeat = seats

	beatEvery = 2 * time.Second        // a server shows that it lives
	lookEvery = 200 * time.Millisecond // for news of the others
	// Others take a seat when they have seen no beat of its holder for deadAfter; the
	// holder stops to rely on it trusted after it began its last beat that was kept.
	// Both measure a duration on their own clock, from a moment that is earlier for
	// the holder than for the others: no clock has to be right.
	deadAfter = 10 * time.Second
	trusted   = 8 * time.Second
	// Who could not look for so long counts silence from the next look on.
	blindAfter = 3 * time.Second
)

func seatOf(group uint64) int { return int(group & (seats - 1)) } //nolint:gosec // below 32

// Seat is the lease on a part of the groups.
type Seat struct {
	Seat   int
	Holder string // a server; "": free
	Token  int64  // grows whenever the seat changes hands
}

func scanSeat(row store.Scanner) (s Seat, err error) {
	err = row.Scan(&s.Seat, &s.Holder, &s.Token)
	return s, err
}

// Split says which seats the server me takes and which it gives back, where live
// are the servers that live, me among them. Seats of others are theirs while they
// live: what is missing to a fair share comes when somebody gives. It is pure.
func Split(me string, live []string, all []Seat) (take, give []int) {
	mine, free := []int{}, []int{}
	for _, s := range all {
		switch {
		case s.Seat == leaderSeat:
		case s.Holder == me:
			mine = append(mine, s.Seat)
		case s.Holder == "" || !slices.Contains(live, s.Holder):
			free = append(free, s.Seat)
		}
	}
	share := fair(me, live)
	slices.Sort(mine)
	slices.Sort(free)
	if more := share - len(mine); more > 0 {
		return free[:min(more, len(free))], nil
	}
	return nil, mine[share:]
}

// fair is how many seats are me's: all servers' shares together are all seats,
// and no two differ by more than one.
func fair(me string, live []string) int {
	sorted := slices.Clone(live)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	n := seats / len(sorted)
	if slices.Index(sorted, me) < seats%len(sorted) {
		n++
	}
	return n
}

// pulse judges by their beats which servers live, on the clock of who looks.
type pulse struct {
	seen   map[string]beat
	looked time.Duration
}

type beat struct {
	n     int64
	since time.Duration // when it was first seen
}

// look notes the beats that are on disk at now.
func (p *pulse) look(now time.Duration, beats map[string]int64) {
	blind := p.seen == nil || now-p.looked > blindAfter
	p.looked = now
	next := make(map[string]beat, len(beats))
	for id, n := range beats {
		old, known := p.seen[id]
		if !known || blind || old.n != n {
			old = beat{n, now}
		}
		next[id] = old
	}
	p.seen = next
}

// dead reports whether a server has shown no life for too long. Who is not
// registered is dead.
func (p *pulse) dead(id string, now time.Duration) bool {
	b, ok := p.seen[id]
	return !ok || now-b.since >= deadAfter
}

func (p *pulse) live(me string, now time.Duration) []string {
	out := []string{me}
	for id := range p.seen {
		if id != me && !p.dead(id, now) {
			out = append(out, id)
		}
	}
	return out
}

// silent is how long ago a server last showed life, at most deadAfter and a
// little more.
func (p *pulse) silent(id string, now time.Duration) time.Duration {
	if b, ok := p.seen[id]; ok {
		return now - b.since + time.Second
	}
	return deadAfter
}

// table is what the database says of servers and seats.
type table struct {
	beats map[string]int64
	seats []Seat
}

func readTable(ctx context.Context, tx store.Tx) (t table, err error) {
	t.beats = map[string]int64{}
	if _, err = store.All(ctx, tx, func(row store.Scanner) (struct{}, error) {
		var id string
		var n int64
		err := row.Scan(&id, &n)
		t.beats[id] = n
		return struct{}{}, err
	}, `SELECT id, beat FROM alert_server`); err != nil {
		return t, fmt.Errorf("servers: %w", err)
	}
	if t.seats, err = store.All(ctx, tx, scanSeat, `SELECT seat, holder, token FROM alert_lease ORDER BY seat`); err != nil {
		return t, fmt.Errorf("leases: %w", err)
	}
	return t, nil
}

// take makes me the holder of a seat and returns it with its new token.
func take(ctx context.Context, tx store.Tx, me string, seat int) (s Seat, err error) {
	s, err = scanSeat(tx.QueryRowContext(ctx, `UPDATE alert_lease SET holder = $1, token = token + 1 WHERE seat = $2 RETURNING seat, holder, token`, me, seat))
	if err != nil {
		return s, fmt.Errorf("take seat %d: %w", seat, err)
	}
	return s, nil
}

// free gives a seat back, if it is still held by that token.
func free(ctx context.Context, tx store.Tx, s Seat) error {
	if _, err := tx.ExecContext(ctx, `UPDATE alert_lease SET holder = '' WHERE seat = $1 AND token = $2`, s.Seat, s.Token); err != nil {
		return fmt.Errorf("give back seat %d: %w", s.Seat, err)
	}
	return nil
}
