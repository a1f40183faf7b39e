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

// Drain waits for what is in hand, and for what waits behind it so long at most;
// then it gives the rest back, so that whoever delivers next has it at once. It
// belongs after the last round.
func (p *Pager) Drain(ctx context.Context, within time.Duration) error {
	left := p.lanes.drain(within)
	if len(left) == 0 {
		return nil
	}
	return p.putOff(context.WithoutCancel(ctx), left, time.Time{})
}

// handOver sends what a batch says, unless answers came first, and records the
// outcome. Several pages become one message.
func (p *Pager) handOver(ctx context.Context, batch []Delivery) error {
	if ctx.Err() != nil { // shutting down: somebody else may have it at once
		return p.putOff(context.WithoutCancel(ctx), batch, time.Time{})
	}
	wanted, err := p.wanted(ctx, batch)
	if err != nil || len(wanted) == 0 {
		return err // none: cancelled while they waited in their lane
	}
	now := p.now()
	if batch[0].Doubt { // it is alone
		if carrier, r, took := p.took(ctx, wanted[0]); took {
			return p.settle(context.WithoutCancel(ctx), p.outcomes(wanted, carrier, r, nil, now))
		}
		batch[0].Doubt = false
		return p.handOver(ctx, batch[:1]) // asking took its time: it is looked at again
	}
	if until := p.lanes.calm(lane(batch[0]), now); !until.IsZero() && batch[0].Kind == KindPage {
		return p.putOff(ctx, deliveries(wanted), until)
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
	return p.settle(context.WithoutCancel(ctx), p.outcomes(wanted, wanted[0].d.ID, r, err, now))
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

func deliveries(wanted []said) (out []Delivery) {
	for _, s := range wanted {
		out = append(out, s.d)
	}
	return out
}

// wanted are those of a batch that are still to be told, with their pages. What
// waited in its lane until its lease ran out may be with another server by now.
func (p *Pager) wanted(ctx context.Context, batch []Delivery) (out []said, err error) {
	now := p.now()
	batch, err = p.ledger.Hold(ctx, now.Add(p.cfg.Timeout+p.cfg.Timeout/2), now.Add(2*p.cfg.Timeout), batch)
	if err != nil {
		return nil, fmt.Errorf("see what is still to be sent: %w", err)
	}
	for _, d := range batch {
		s := said{d: d}
		if d.Page != "" {
			if s.page, err = p.store.Head(ctx, d.Page); err != nil {
				return nil, fmt.Errorf("load page %s: %w", d.Page, err)
			}
		}
		over := s.page.State == Answered || s.page.State == Closed
		if !over || (d.Kind != KindPage && d.Kind != KindShadow) {
			out = append(out, s)
		}
	}
	return out, nil
}

// took reports whether the provider has taken a delivery from an earlier sender,
// which ended without a word: by the journal, or by the provider's own where it can
// be asked.
func (p *Pager) took(ctx context.Context, s said) (carrier string, r notify.Receipt, ok bool) {
	if p.journal != nil {
		if carrier, ok = p.journal.Took(s.d.ID); ok {
			return carrier, notify.Receipt{Detail: "taken before the restart"}, true
		}
	}
	finder, can := p.channels[s.d.Channel].(notify.Finder)
	if !can {
		return "", r, false
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	r, ok, err := finder.Find(ctx, s.d.Address, p.message([]said{s}, p.receiver(ctx, s.d)))
	return s.d.ID, r, ok && err == nil
}

// receiver is whom a delivery is for.
func (p *Pager) receiver(ctx context.Context, d Delivery) catalog.Person {
	who, err := p.catalog.Person(ctx, d.Person)
	if err != nil {
		return catalog.Person{ID: d.Person, Lang: "en"}
	}
	return who
}

// putOff gives deliveries back: pages of a storm until a time, to be said together;
// others, with a zero time, until they are taken again.
func (p *Pager) putOff(ctx context.Context, ds []Delivery, until time.Time) error {
	var all []Settlement
	for _, one := range ds {
		all = append(all, Settlement{Delivery: one.ID, Fence: one.Fence, Do: func(d *Delivery) []event.Fact {
			if d.State == Pending && !one.Doubt {
				d.DueAt, d.Lease = later(d.DueAt, until), time.Time{}
			}
			return nil
		}})
	}
	return p.settle(ctx, all)
}

// outcomes are what becomes of deliveries that one message told; carrier is the
// one whose message it was.
func (p *Pager) outcomes(wanted []said, carrier string, r notify.Receipt, err error, began time.Time) (all []Settlement) {
	now := p.now()
	attempt := Attempt{At: began, Took: now.Sub(began), Receipt: r.ProviderID}
	if err != nil {
		attempt.Error = cut(err.Error(), 500)
	}
	for _, s := range wanted {
		o := Settlement{Delivery: s.d.ID, Fence: s.d.Fence, Taken: err == nil, Failed: func(page *Page, d Delivery, ledger []Delivery) []Delivery { return page.failed(d, ledger, now) }}
		o.Attempt = attempt
		o.Attempt.Delivery = s.d.ID
		o.Do = func(d *Delivery) []event.Fact { return d.Settle(r, err, notify.RetryAfter(err), now) }
		if s.d.ID != carrier && err == nil {
			o.Attempt = Attempt{}
			o.Do = func(d *Delivery) []event.Fact {
				facts := d.Settle(r, nil, 0, now)
				d.State, d.Bundle, d.Receipt = Bundled, carrier, ""
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

// send hands one message over.
func (p *Pager) send(ctx context.Context, wanted []said) (notify.Receipt, error) {
	d := wanted[0].d
	ch, ok := p.channels[d.Channel]
	if !ok {
		return notify.Receipt{}, errs.New(errs.Invalid, "channel %s is not set up on this server", d.Channel)
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	who := p.receiver(ctx, d)
	m := p.message(wanted, who)
	if p.ask != nil && d.Kind != KindCanary {
		m.Ask = p.ask(ctx, wanted[0].page, d.Person, who.Lang, d.Channel)
	}
	return ch.Send(ctx, d.Address, m)
}
