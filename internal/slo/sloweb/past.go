package sloweb

import (
	"context"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/slo"
)

const (
	burnDownSteps = 120
	sparkSteps    = 30
	queryWithin   = 3 * time.Second // then the page says that the metrics are slow
	maxKept       = 20_000          // answers; all are dropped when there are more
)

// past remembers what was counted: a page that is refreshed by every piece of
// news must not count a month each time. It is safe for concurrent use.
type past struct {
	from History
	now  func() time.Time

	mu   sync.Mutex
	kept map[question]answer
}

type question struct {
	id     string
	sli    slo.SLI
	method slo.Method
	slice  slo.Slice
	window time.Duration
	span   time.Duration
	end    time.Time // zero: now, whenever that is
	step   time.Duration
}

type answer struct {
	counts []slo.Count
	at     time.Time
}

func newPast(h History, now func() time.Time) *past {
	return &past{from: h, now: now, kept: map[question]answer{}}
}

// look returns what is remembered and not older than a step allows.
func (p *past) look(q question) ([]slo.Count, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.kept[q]
	if !ok || p.now().Sub(a.at) > min(max(q.step/4, 10*time.Second), 10*time.Minute) {
		return nil, false
	}
	return a.counts, true
}

// counts counts windows of one length over the span that ends at end.
func (p *past) counts(ctx context.Context, o slo.Objective, q question) ([]slo.Count, error) {
	q = q.of(o)
	if c, ok := p.look(q); ok {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryWithin)
	defer cancel()
	end, now := q.end, p.now()
	if end.IsZero() {
		end = now
	}
	end = end.Truncate(time.Second)
	c, err := p.from.Counts(ctx, o, slo.Ends{Window: q.window, From: end.Add(-q.span), To: end, Step: q.step})
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.kept) >= maxKept {
		clear(p.kept)
	}
	p.kept[q] = answer{c, now}
	return c, nil
}

// of makes q a question about o: about what is counted, not about its target.
func (q question) of(o slo.Objective) question {
	q.id, q.sli, q.method, q.slice = o.ID, o.SLI, o.Method, o.Slice
	return q
}

// steps is the question whose answers fill the objective's window, or what is over
// of its calendar's period.
func (p *past) steps(o slo.Objective, n int) question {
	length := o.Window
	if o.Calendar != nil {
		now := p.now()
		length = max(now.Sub(periodOf(o, now).Start).Truncate(time.Minute), time.Minute)
	}
	step := max(time.Second, (length / time.Duration(n)).Truncate(time.Second))
	return question{window: step, span: length - step, step: step}.of(o)
}

// burnDown says how the budget of the window that ends now was spent.
func (p *past) burnDown(ctx context.Context, o slo.Objective, n int) ([]slo.Left, error) {
	c, err := p.counts(ctx, o, p.steps(o, n))
	return slo.BurnDown(o, c), err
}

// sparkNow returns the budget's line where it is remembered already.
func (p *past) sparkNow(o slo.Objective) ([]slo.Left, bool) {
	c, ok := p.look(p.steps(o, sparkSteps))
	return slo.BurnDown(o, c), ok
}

// burns counts one window over a stretch of time, in fewer steps the longer the
// window is: a long one moves slowly and costs more to count.
func (p *past) burns(ctx context.Context, o slo.Objective, window time.Duration, from, to time.Time) ([]slo.Count, error) {
	n := min(max(int(30*24*time.Hour/window), 16), 120)
	span := to.Sub(from)
	step := max(time.Second, (span / time.Duration(n)).Truncate(time.Second))
	q := question{window: window, span: span - span%step, step: step, end: to}
	if p.now().Sub(to).Abs() < time.Second {
		q.end = time.Time{}
	}
	return p.counts(ctx, o, q)
}

// days counts each civil day of the zone that is in [from, now], the first and the
// last as far as they are.
func (p *past) days(ctx context.Context, o slo.Objective, from, now time.Time, zone *time.Location) ([]dayCount, error) {
	var out []dayCount
	for start := from; start.Before(now); {
		local := start.In(zone)
		end := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, zone)
		q := question{window: end.Sub(start), step: end.Sub(start), end: end}
		if !end.Before(now) {
			// Today is asked for anew each minute.
			at := now.Truncate(time.Minute)
			q.window, q.step, q.end = at.Sub(start), time.Second, at
		}
		if len(out) == 0 {
			// The first day's beginning moves on with the window.
			start = start.Truncate(time.Minute)
			q.window = q.end.Sub(start)
		}
		if q.window > 0 {
			c, err := p.counts(ctx, o, q)
			if err != nil {
				return out, err
			}
			out = append(out, dayCount{Start: start, Count: c[len(c)-1]})
		}
		start = end
	}
	return out, nil
}
