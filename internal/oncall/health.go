package oncall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// The objective of paging itself: of the messages of a month, so many are with
// their provider within [InTime] of when they were due, at the first attempt.
const (
	InTime       = 30 * time.Second
	PagingTarget = 0.999
	// A burn of 14.4 spends a month's budget in two days; it must show over the long
	// and the short window, as Google's workbook has it.
	pagingBurn  = 14.4
	longWindow  = time.Hour
	shortWindow = 5 * time.Minute
	fewest      = 2 // bad messages before anything is said
)

// Itself is the service that Hinoban's own alerts are of. That paging does badly
// counts by other pages than those that say so.
const Itself = "hinoban"

// ChannelHealth is how a channel did.
type ChannelHealth struct {
	Channel string `json:"channel"`
	Taken   int    `json:"taken"`   // messages that its provider took
	InTime  int    `json:"in_time"` // of them, at once and within InTime
	Failed  int    `json:"failed"`  // for good
	Overdue int    `json:"overdue"` // waiting for longer, or for another attempt
}

// bad are the messages that miss the objective.
func (h ChannelHealth) bad() int { return h.Taken - h.InTime + h.Failed + h.Overdue }

// Total are the messages that count for the objective.
func (h ChannelHealth) Total() int { return h.Taken + h.Failed + h.Overdue }

// Health is how paging itself does.
type Health struct {
	Target   float64         `json:"target"`
	Within   string          `json:"within"`
	Month    []ChannelHealth `json:"month"`
	Hour     []ChannelHealth `json:"hour"`
	Minutes  []ChannelHealth `json:"minutes"` // the last five
	Burning  []string        `json:"burning"` // channels
	Good     int             `json:"good"`    // of the month
	Total    int             `json:"total"`
	Sentence string          `json:"sentence"`
}

// JudgePaging says which channels burn the budget of paging: those that do by both
// windows, and those that burned before and still do by the long one. It is pure.
func JudgePaging(long, short []ChannelHealth, before []string) (burning []string) {
	burn := func(all []ChannelHealth, channel string) (rate float64, bad int) {
		for _, h := range all {
			if h.Channel == channel && h.Total() > 0 {
				return float64(h.bad()) / float64(h.Total()) / (1 - PagingTarget), h.bad()
			}
		}
		return 0, 0
	}
	for _, h := range long {
		over, bad := burn(long, h.Channel)
		now, _ := burn(short, h.Channel)
		if over >= pagingBurn && bad >= fewest && (now >= pagingBurn || slices.Contains(before, h.Channel)) {
			burning = append(burning, h.Channel)
		}
	}
	return burning
}

// Health measures paging by its own ledger; before are the channels that burned when
// it was looked at last.
func (p *Pager) Health(ctx context.Context, before ...string) (h Health, err error) {
	now := p.now()
	h = Health{Target: PagingTarget, Within: InTime.String(), Burning: []string{}}
	for _, w := range []struct {
		since time.Duration
		into  *[]ChannelHealth
	}{{30 * 24 * time.Hour, &h.Month}, {longWindow, &h.Hour}, {shortWindow, &h.Minutes}} {
		if *w.into, err = p.ledger.Health(ctx, now.Add(-w.since), now); err != nil {
			return h, fmt.Errorf("measure paging: %w", err)
		}
		if *w.into == nil {
			*w.into = []ChannelHealth{}
		}
	}
	for _, c := range h.Month {
		h.Good, h.Total = h.Good+c.InTime, h.Total+c.Total()
	}
	h.Burning = append(h.Burning, JudgePaging(h.Hour, h.Minutes, before)...)
	h.Sentence = "pages reach their providers"
	if len(h.Burning) > 0 {
		h.Sentence = "pages do not reach people through " + strings.Join(h.Burning, ", ")
	}
	return h, nil
}

// Canary is a device that a machine sends a message to, to see that its channel
// works.
type Canary struct {
	ID      string
	Every   time.Duration
	Devices []catalog.Device
}

// SendCanaries sends the canaries that are due: the ledger says when each was sent
// last, so that a restart sends none twice. It is one round of a worker.
func (p *Pager) SendCanaries(ctx context.Context) error {
	now := p.now()
	var failed []error
	for _, c := range p.plan.Load().Canaries {
		for _, d := range c.Devices {
			last, err := p.ledger.Newest(ctx, KindCanary, d.Channel, d.Address)
			if err != nil && errs.KindOf(err) != errs.NotFound {
				failed = append(failed, fmt.Errorf("look for the canary of %s: %w", d.Channel, err))
				continue
			}
			if err == nil && now.Sub(last.MadeAt) < c.Every {
				continue
			}
			err = p.ledger.PutDelivery(ctx, Delivery{ID: p.newID(), Kind: KindCanary, Device: c.ID, Channel: d.Channel, Address: d.Address, State: Pending, MadeAt: now, DueAt: now})
			if err != nil {
				failed = append(failed, fmt.Errorf("send the canary of %s: %w", d.Channel, err))
			}
		}
	}
	return errors.Join(failed...)
}
