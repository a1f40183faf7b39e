package oncall

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// lanes hand deliveries over side by side for different addresses, and one
// after another for the same: a crash can then repeat at most one message to
// any address, and one that hangs holds up nobody else.
type lanes struct {
	mu     sync.Mutex
	queues map[string][]Delivery // by channel and address; a key is there while its lane runs
	held   map[string]bool       // ids of the deliveries in the queues
	failed error                 // the first failure since the last round
	wg     sync.WaitGroup
}

// add queues d and, where its lane does not run, starts it.
func (l *lanes) add(d Delivery, handOver func(Delivery) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queues == nil {
		l.queues, l.held = map[string][]Delivery{}, map[string]bool{}
	}
	if l.held[d.ID] {
		return // its lease ran out while it waited here
	}
	l.held[d.ID] = true
	lane := d.Channel + " " + d.Address
	queue, running := l.queues[lane]
	l.queues[lane] = append(queue, d)
	if !running {
		l.wg.Go(func() { l.run(lane, handOver) })
	}
}

func (l *lanes) run(lane string, handOver func(Delivery) error) {
	for {
		d, ok := l.next(lane)
		if !ok {
			return
		}
		err := handOver(d)
		l.mu.Lock()
		delete(l.held, d.ID)
		if l.failed == nil {
			l.failed = err
		}
		l.mu.Unlock()
	}
}

// next takes the lane's first delivery, or ends the lane.
func (l *lanes) next(lane string) (Delivery, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.queues[lane]
	if len(queue) == 0 {
		delete(l.queues, lane)
		return Delivery{}, false
	}
	l.queues[lane] = queue[1:]
	return queue[0], true
}

// outcome returns the first failure since the last call, and how many
// deliveries are in hand.
func (l *lanes) outcome() (held int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err, l.failed = l.failed, nil
	return len(l.held), err
}

// maxHeld bounds the deliveries in hand: the rest waits in the ledger.
const maxHeld = 512

// Deliver takes every delivery that is due from the ledger and has its lane
// hand it over. It is one round of a worker; it does not wait for providers.
func (p *Pager) Deliver(ctx context.Context) error {
	held, failed := p.lanes.outcome()
	for held < maxHeld {
		now := p.now()
		ds, err := p.store.Claim(ctx, now, now.Add(2*p.cfg.Timeout), p.cfg.Senders)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("claim deliveries: %w", err))
		}
		for _, d := range ds {
			p.lanes.add(d, func(d Delivery) error { return p.handOver(ctx, d) })
		}
		if held += len(ds); len(ds) < p.cfg.Senders {
			break
		}
	}
	return failed
}

// Drain waits until no delivery is in hand. It belongs after the last round.
func (p *Pager) Drain() { p.lanes.wg.Wait() }

// handOver sends d, unless an answer came first, and records the outcome.
func (p *Pager) handOver(ctx context.Context, d Delivery) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // shutting down: it is sent after the next start
	}
	page, _, err := p.store.Page(ctx, d.Page)
	if err != nil {
		return fmt.Errorf("load page %s: %w", d.Page, err)
	}
	if d.Kind == "page" && (page.State == Answered || page.State == Closed) {
		return nil // cancelled while it waited in its lane
	}
	receipt, err := p.send(ctx, page, d)
	if ctx.Err() != nil && err != nil {
		return nil //nolint:nilerr // cut short by the shutdown: it is sent after the next start
	}
	wait := notify.RetryAfter(err)
	return p.settle(context.WithoutCancel(ctx), d.ID, func(d *Delivery) []event.Fact { return d.Settle(receipt.ProviderID, err, wait, p.now()) })
}

// settle records an outcome and tries hard: what was sent and is not recorded
// would be sent again.
func (p *Pager) settle(ctx context.Context, id string, fn func(*Delivery) []event.Fact) error {
	pause := 50 * time.Millisecond
	for {
		err := p.store.Settle(ctx, id, fn)
		if err == nil {
			return nil
		}
		if errs.Permanent(err) || pause > 2*time.Second {
			return fmt.Errorf("settle delivery %s: %w", id, err)
		}
		<-time.After(pause)
		pause *= 2
	}
}
