package meter

import (
	"context"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/slo/burn"
)

// fetched is what a recount has to ask others for, had before it begins: while it
// counts nobody else can, and a server on another machine may be slow.
type fetched struct {
	points map[string][]metrics.Points // by watch, where the store does not bring samples
	asked  map[*instance]*minutes      // of an SLI that is asked
	until  int64                       // up to when it was asked
}

// fetch has what a recount of some instances of an objective asks others for.
func (m *Meter) fetch(ctx context.Context, ob *objective, list []*instance) (f fetched, err error) {
	m.mu.Lock()
	horizon := m.eng.Horizon()
	m.mu.Unlock()
	now := m.opts.Now()
	if ob.plan.why != "" {
		f.asked, f.until = map[*instance]*minutes{}, now.UnixMilli()/burn.Fine*burn.Fine
		for _, in := range list {
			f.asked[in] = &minutes{}
			if err := m.ask(ctx, in, horizon, f.until, f.asked[in]); err != nil {
				return f, err
			}
		}
	}
	if m.source != nil {
		return f, nil
	}
	f.points = map[string][]metrics.Points{}
	for i := range ob.plan.terms {
		t := &ob.plan.terms[i]
		if _, ok := f.points[t.key]; ok {
			continue
		}
		f.points[t.key] = nil
		err := m.opts.Reader.Read(ctx, narrowed(t.watch, ob, list), ms(horizon-burn.Lookback), now.Add(time.Hour), func(p metrics.Points) error {
			f.points[t.key] = append(f.points[t.key], metrics.Points{Labels: p.Labels, T: slices.Clone(p.T), V: slices.Clone(p.V)})
			return nil
		})
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// reader reads what was fetched of a watch.
func (f fetched) reader(key string) func(context.Context, metrics.Watch, time.Time, time.Time, func(metrics.Points) error) error {
	return func(_ context.Context, _ metrics.Watch, from, to time.Time, fn func(metrics.Points) error) error {
		for _, p := range f.points[key] {
			a, _ := slices.BinarySearch(p.T, from.UnixMilli()+1)
			b, _ := slices.BinarySearch(p.T, to.UnixMilli()+1)
			if a >= b {
				continue
			}
			if err := fn(metrics.Points{Labels: p.Labels, T: p.T[a:b], V: p.V[a:b]}); err != nil {
				return err
			}
		}
		return nil
	}
}
