package meter

import (
	"context"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
)

// Raw is [Meter.Counts] of what happened, corrections or not: a ledger shows what
// a correction took out. Of a composite, which has nothing raw, it is Counts.
func (m *Meter) Raw(ctx context.Context, o slo.Objective, e slo.Ends) ([]slo.Count, error) {
	if m.opts.Corrected == nil || o.Composite != nil {
		return m.Counts(ctx, o, e)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	in, ok := m.instances[o.ID]
	if !ok {
		return nil, errs.New(errs.NotFound, "nothing is counted for %s", o.ID)
	}
	if !in.live {
		return nil, m.loading(in)
	}
	var out []slo.Count
	for t := e.From; !t.After(e.To); t = t.Add(e.Step) {
		c, err := m.eng.Over(in.column(), t.Add(-e.Window).UnixMilli(), t.UnixMilli())
		if err != nil {
			return nil, errs.New(errs.Unavailable, "count %s: %w", o.ID, err)
		}
		n := in.count(c)
		n.At = t
		out = append(out, n)
	}
	return out, nil
}
