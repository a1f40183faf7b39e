package auth

import (
	"container/list"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// ThrottledError is the error inside a refusal that says for how long it stands.
type ThrottledError struct{ After time.Duration }

// Error says how long.
func (t *ThrottledError) Error() string {
	return fmt.Sprintf("too many attempts: try again in %s", t.After.Round(time.Second))
}

const (
	throttleKeys = 10_000    // the longest unused are forgotten beyond
	throttleFor  = time.Hour // without a failure, all is forgiven
)

// throttle makes the failures of one key ever slower: free of them cost
// nothing, each further one doubles the pause, from a second up to most.
type throttle struct {
	free int
	most time.Duration

	mu    sync.Mutex
	keys  map[string]*list.Element
	order *list.List // of *attempts, the last used in front
}

type attempts struct {
	key      string
	failures int
	last     time.Time
}

func newThrottle(free int, most time.Duration) *throttle {
	return &throttle{free: free, most: most, keys: map[string]*list.Element{}, order: list.New()}
}

// try counts an attempt as failed and returns 0, or returns how long key must
// still wait and counts nothing. It counts before the outcome is known, so that
// many attempts at once are many.
func (t *throttle) try(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.get(key)
	if now.Sub(a.last) > throttleFor {
		a.failures = 0
	}
	if over := a.failures - t.free; over >= 0 && a.failures > 0 {
		pause := t.most
		if over < 20 {
			pause = min(time.Second<<over, t.most)
		}
		if left := a.last.Add(pause).Sub(now); left > 0 {
			return left
		}
	}
	a.failures++
	a.last = now
	return 0
}

// clear forgets key's failures.
func (t *throttle) clear(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.keys[key]; ok {
		t.order.Remove(e)
		delete(t.keys, key)
	}
}

// undo takes one attempt back that did not fail.
func (t *throttle) undo(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.get(key); a.failures > 0 {
		a.failures--
	}
}

func (t *throttle) get(key string) *attempts {
	if e, ok := t.keys[key]; ok {
		t.order.MoveToFront(e)
		return valueOf(e)
	}
	for t.order.Len() >= throttleKeys {
		old := t.order.Back()
		delete(t.keys, valueOf(old).key)
		t.order.Remove(old)
	}
	a := &attempts{key: key}
	t.keys[key] = t.order.PushFront(a)
	return a
}

func valueOf(e *list.Element) *attempts {
	a, ok := e.Value.(*attempts)
	if !ok {
		panic("the list holds attempts only")
	}
	return a
}

// network is the part of an address that one client is taken to own: all of
// an IPv4 address, the first 64 bits of an IPv6 one.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.WithZone("").Unmap()
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// quota lets so many events of a kind pass in a minute.
type quota struct {
	most int

	mu    sync.Mutex
	since time.Time
	n     int
}

func (q *quota) allow(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.since) >= time.Minute || now.Before(q.since) {
		q.since, q.n = now, 0
	}
	q.n++
	return q.n <= q.most
}

// due reports whether key was last told a minute ago or longer, and how many
// times it was not told since.
func (t *throttle) due(key string, now time.Time) (quiet int, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.get(key)
	if !a.last.IsZero() && now.Sub(a.last) < time.Minute {
		a.failures++
		return 0, false
	}
	quiet, a.failures, a.last = a.failures, 0, now
	return quiet, true
}
