package oncall

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// maxHeld bounds the deliveries in hand: the rest waits in the ledger.
const maxHeld = 2048

// Deliver takes every delivery that is due from the ledger and has its lane
// hand it over. It is one round of a worker; it does not wait for providers.
func (p *Pager) Deliver(ctx context.Context) error {
	held, failed := p.lanes.outcome()
	for held < maxHeld {
		now := p.now()
		ds, err := p.ledger.Claim(ctx, now, now.Add(2*p.cfg.Timeout), p.cfg.Senders)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("claim deliveries: %w", err))
		}
		p.lanes.add(ds, func(batch []Delivery) error { return p.handOver(ctx, batch) })
		if held += len(ds); len(ds) < p.cfg.Senders {
			break
		}
	}
	return failed
}

// Drain waits until no delivery is in hand. It belongs after the last round.
func (p *Pager) Drain() { p.lanes.wg.Wait() }

// handOver sends what a batch says, unless answers came first, and records the
// outcome. Several pages become one message.
func (p *Pager) handOver(ctx context.Context, batch []Delivery) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // shutting down: it is sent after the next start
	}
	var wanted []said
	for _, d := range batch {
		s, ok, err := p.said(ctx, d)
		if err != nil {
			return err
		}
		if ok {
			wanted = append(wanted, s)
		}
	}
	if len(wanted) == 0 {
		return nil // cancelled while they waited in their lane
	}
	now := p.now()
	if until := p.lanes.calm(lane(batch[0]), now); !until.IsZero() && batch[0].Kind == KindPage {
		return p.putOff(ctx, wanted, until)
	}
	r, err := p.send(ctx, wanted)
	if ctx.Err() != nil && err != nil {
		return nil //nolint:nilerr // cut short by the shutdown: it is sent after the next start
	}
	if err == nil && p.journal != nil {
		// What cannot be noted is settled in the ledger all the same, a moment later.
		_ = p.journal.Handed(ids(wanted)...)
	}
	if err == nil && batch[0].Kind == KindPage {
		p.lanes.went(lane(batch[0]), now)
	}
	return p.settle(context.WithoutCancel(ctx), p.outcomes(wanted, r, err, now))
}

// said is a delivery and the page that it tells of.
type said struct {
	d    Delivery
	page Page
}

func ids(wanted []said) (out []string) {
	for _, s := range wanted {
		out = append(out, s.d.ID)
	}
	return out
}

// said loads the page of a delivery; ok is false where it is not to be told any
// more.
func (p *Pager) said(ctx context.Context, d Delivery) (s said, ok bool, err error) {
	s.d = d
	if d.Page == "" {
		return s, true, nil
	}
	if s.page, err = p.store.Head(ctx, d.Page); err != nil {
		return s, false, fmt.Errorf("load page %s: %w", d.Page, err)
	}
	over := s.page.State == Answered || s.page.State == Closed
	return s, !over || (d.Kind != KindPage && d.Kind != KindShadow), nil
}

// putOff leaves pages of a storm for a while, to be said together.
func (p *Pager) putOff(ctx context.Context, wanted []said, until time.Time) error {
	var all []Settlement
	for _, s := range wanted {
		all = append(all, Settlement{Delivery: s.d.ID, Fence: s.d.Fence, Do: func(d *Delivery) []event.Fact {
			if d.State == Pending {
				d.DueAt, d.Lease = until, time.Time{}
			}
			return nil
		}})
	}
	return p.settle(ctx, all)
}

// outcomes are what becomes of deliveries that one message told.
func (p *Pager) outcomes(wanted []said, r notify.Receipt, err error, began time.Time) (all []Settlement) {
	now := p.now()
	attempt := Attempt{At: began, Took: now.Sub(began), Receipt: r.ProviderID}
	if err != nil {
		attempt.Error = cut(err.Error(), 500)
	}
	carrier := wanted[0].d
	for i, s := range wanted {
		o := Settlement{Delivery: s.d.ID, Fence: s.d.Fence, Taken: err == nil, Failed: func(page *Page, d Delivery, ledger []Delivery) []Delivery { return page.failed(d, ledger, now) }}
		o.Attempt = attempt
		o.Attempt.Delivery = s.d.ID
		o.Do = func(d *Delivery) []event.Fact { return d.Settle(r, err, notify.RetryAfter(err), now) }
		if i > 0 && err == nil {
			o.Attempt = Attempt{}
			o.Do = func(d *Delivery) []event.Fact {
				facts := d.Settle(r, nil, 0, now)
				d.State, d.Bundle, d.Receipt = Bundled, carrier.ID, ""
				return facts
			}
		}
		all = append(all, o)
	}
	return all
}

// settle records outcomes and tries hard: what was sent and is not recorded
// would be sent again.
func (p *Pager) settle(ctx context.Context, all []Settlement) error {
	pause := 50 * time.Millisecond
	for {
		err := p.ledger.Settle(ctx, all...)
		if err == nil {
			return nil
		}
		if errs.Permanent(err) || pause > 2*time.Second {
			return fmt.Errorf("settle delivery %s: %w", all[0].Delivery, err)
		}
		<-time.After(pause)
		pause *= 2
	}
}

// send hands one message over. Where an earlier sender may have done so already,
// the provider is asked first, if it can be.
func (p *Pager) send(ctx context.Context, wanted []said) (notify.Receipt, error) {
	d := wanted[0].d
	ch, ok := p.channels[d.Channel]
	if !ok {
		return notify.Receipt{}, errs.New(errs.Invalid, "channel %s is not set up on this server", d.Channel)
	}
	who, err := p.catalog.Person(ctx, d.Person)
	if err != nil {
		who = catalog.Person{ID: d.Person, Lang: "en"}
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	m := p.message(wanted, who)
	if p.ask != nil && d.Kind != KindCanary {
		m.Ask = p.ask(ctx, wanted[0].page, d.Person, who.Lang, d.Channel)
	}
	if d.Doubt && p.journal != nil && p.journal.Took(d.ID) {
		return notify.Receipt{Detail: "taken before the restart"}, nil
	}
	if finder, can := ch.(notify.Finder); can && d.Doubt {
		if r, there, err := finder.Find(ctx, d.Address, m); err == nil && there {
			return r, nil
		}
	}
	return ch.Send(ctx, d.Address, m)
}
