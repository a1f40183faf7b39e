package oncall

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// turns remembers when people were paged last, so that round robin asks no
// database.
type turns struct {
	mu   sync.Mutex
	at   map[string]time.Time
	seen time.Time // up to when the ledger was read
}

func (t *turns) last(id string) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at[id]
}

func (t *turns) put(all map[string]time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == nil {
		t.at = map[string]time.Time{}
	}
	for id, at := range all {
		t.at[id] = later(t.at[id], at)
	}
}

// paged notes deliveries that were made. That one of them is undone again with
// its transaction costs somebody a turn, and nobody a page.
func (t *turns) paged(ds []Delivery) {
	all := map[string]time.Time{}
	for _, d := range ds {
		if d.Kind == KindPage {
			all[d.Person] = d.MadeAt
		}
	}
	t.put(all)
}

const remembered = 30 * 24 * time.Hour // after which whose turn it was is forgotten

// readTurns reads of the ledger what this and other servers paged since it was
// read last.
func (p *Pager) readTurns(ctx context.Context) error {
	now := p.now()
	p.turns.mu.Lock()
	since := later(p.turns.seen.Add(-time.Minute), now.Add(-remembered))
	p.turns.mu.Unlock()
	all, err := p.store.Paged(ctx, since)
	if err != nil {
		return fmt.Errorf("see who was paged last: %w", err)
	}
	p.turns.put(all)
	p.turns.mu.Lock()
	defer p.turns.mu.Unlock()
	p.turns.seen = now
	return nil
}
