package oncall

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Escalate does everything that is due. It is one round of a worker.
func (p *Pager) Escalate(ctx context.Context) error {
	ids, err := p.store.DuePages(ctx, p.now())
	if err != nil {
		return fmt.Errorf("find due pages: %w", err)
	}
	if len(ids) == 0 {
		return nil
	}
	now := p.now()
	w, err := p.world(ctx, now)
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range ids {
		_, err = p.store.UpdatePage(ctx, id, func(page *Page, _ []Delivery) ([]Delivery, []event.Fact, error) {
			ds, facts := page.Advance(w, now)
			p.turns.paged(ds)
			return ds, facts, nil
		})
		if err != nil {
			failed = append(failed, fmt.Errorf("advance page %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

// Tend reads what other servers changed and ends what is over. It is one round
// of a worker.
func (p *Pager) Tend(ctx context.Context) error {
	return errors.Join(p.keepEditions(ctx), p.Refresh(ctx), p.readTurns(ctx), p.graduate(ctx))
}

// Call is one line of what would happen if a service fired.
type Call struct {
	After   time.Duration `json:"after"` // from the alert
	Step    int           `json:"step"`
	Round   int           `json:"round"`
	Kind    DeliveryKind  `json:"kind"`
	Person  string        `json:"person"`
	Device  string        `json:"device"`
	Channel string        `json:"channel"`
}

// maxCalls bounds what a simulation lists.
const maxCalls = 2000

// Simulate says who would be told, through which device and when, if a service
// fired at t with a severity label, or "", and nobody answered. It writes nothing.
func (p *Pager) Simulate(ctx context.Context, service, severity string, t time.Time) ([]Call, error) {
	w, err := p.world(ctx, t)
	if err != nil {
		return nil, err
	}
	policy, ok := w.PolicyFor(service)
	if !ok {
		return nil, errs.New(errs.NotFound, "no escalation policy covers service %q", service)
	}
	if w.Adjustments, err = p.adjustments.Adjustments(ctx, t, t.Add(30*24*time.Hour)); err != nil {
		return nil, err
	}
	page, _ := openPage("simulated", AlertRef{Service: service, Severity: cmp.Or(severity, severityOf(nil))}, policy, true, t)
	calls, _ := page.ahead(w, t)
	return calls, nil
}

// ahead are the calls that follow while nobody answers, and when they end; their
// times count from t.
func (p Page) ahead(w World, t time.Time) (out []Call, end time.Time) {
	for end = p.StepAt; p.State == Calling && len(out) < maxCalls; end = p.SetAt {
		ds, _ := p.Advance(w, p.StepAt)
		for _, d := range ds {
			out = append(out, Call{After: d.DueAt.Sub(t), Step: d.Step, Round: p.Round, Kind: d.Kind, Person: d.Person, Device: d.Device, Channel: d.Channel})
		}
	}
	return out, end
}

// Ahead are the calls that follow on a page while nobody answers, with times that
// count from its opening, and when they end. It writes nothing.
func (p *Pager) Ahead(ctx context.Context, page Page) (calls []Call, end time.Time, err error) {
	now := p.now()
	w, err := p.world(ctx, now)
	if err != nil {
		return nil, end, err
	}
	if w.Adjustments, err = p.adjustments.Adjustments(ctx, now, now.Add(30*24*time.Hour)); err != nil {
		return nil, end, err
	}
	calls, end = page.ahead(w, page.OpenedAt)
	return calls, end, nil
}
