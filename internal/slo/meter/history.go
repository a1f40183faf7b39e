package meter

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/burn"
)

// maxSteps bounds what a Past holds: 400 days of ten seconds.
const maxSteps = 400 * 24 * 360

// Past is what happened to an objective, in steps: Bad[i] and Total[i] count from
// the start to start + i·step. Silent are the stretches of five minutes and more in
// which nothing was known.
type Past struct {
	Bad, Total []int64
	Silent     []Interval
}

// Past counts the past of an objective in steps of whole ten seconds, from the
// samples themselves; the objective need not be in use. The error is Invalid where
// from, to and step make no sense, or that of the store of samples.
func (m *Meter) Past(ctx context.Context, o slo.Objective, from, to time.Time, step time.Duration) (Past, error) {
	start, each := burnFloor(from), step.Milliseconds()
	n := (to.UnixMilli()-start)/max(each, 1) + 1
	if each < burn.Slot || each%burn.Slot != 0 || n < 2 || n > maxSteps {
		return Past{}, errs.New(errs.Invalid, "no past from %s to %s in steps of %s", from, to, step)
	}
	w := &tape{start: start, each: each, cells: make([]burn.Cell, n)}
	in := &instance{o: o, owner: &objective{o: o, plan: planOf(o)}, cut: -1}
	if sliced(o) {
		in.cut = 0
	}
	if err := m.wind(ctx, in, w, to); err != nil {
		return Past{}, err
	}
	return in.unwind(w), nil
}

func burnFloor(t time.Time) int64 { return t.UnixMilli() / burn.Slot * burn.Slot }

// tape collects what happened, step by step.
type tape struct {
	start, each int64
	cells       []burn.Cell
}

// Add implements sink.
func (w *tape) Add(t int64, d burn.Cell) {
	k := (t - w.start + w.each - 1) / w.each
	if t > w.start && int(k) < len(w.cells) {
		w.cells[k] = w.cells[k].Plus(d)
	}
}

// After implements sink.
func (w *tape) After(t, _ int64, d burn.Cell) { w.Add(t, d) }

// wind reads all that happened onto the tape.
func (m *Meter) wind(ctx context.Context, in *instance, w *tape, to time.Time) error {
	p := &in.owner.plan
	if p.why != "" {
		return m.ask(ctx, in, ceilTo(w.start, burn.Fine), to.UnixMilli()/burn.Fine*burn.Fine, w)
	}
	for _, totals := range []bool{true, false} {
		for i := range p.terms {
			t := &p.terms[i]
			if t.total != totals {
				continue
			}
			last := map[string]series{} // a remote store brings a series in parts
			err := m.opts.Reader.Read(ctx, t.watch, ms(w.start-burn.Lookback), to, func(pts metrics.Points) error {
				if in.o.Group != "" && groupOf(p.by, pts.Labels) != in.o.Group {
					return nil
				}
				key := keyOf(pts.Labels)
				s := last[key]
				for k, at := range pts.T {
					if !usable(pts.V[k]) || at <= s.at {
						continue
					}
					if at > w.start {
						in.saw(t, at)
						feedOne(t, &s, in.born(at), at, pts.V[k], w)
					}
					s.at, s.v = at, pts.V[k]
				}
				last[key] = s
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// unwind makes the tape ever growing counts of bad and of all.
func (in *instance) unwind(w *tape) Past {
	out := Past{Bad: make([]int64, len(w.cells)), Total: make([]int64, len(w.cells))}
	var slice, sum burn.Cell
	var silent int64 // since when; 0 while there is data
	for k := 1; k < len(w.cells); k++ {
		end := w.start + int64(k)*w.each
		d := w.cells[k]
		if in.cut >= 0 {
			slice = slice.Plus(d)
			d = burn.Cell{}
			if end%in.o.Slice.Length.Milliseconds() == 0 {
				d, slice = in.judge(end, slice), burn.Cell{}
			}
			sum = sum.Plus(d)
		} else {
			sum = sum.Plus(d)
		}
		c := in.count(sum)
		out.Bad[k], out.Total[k] = max(out.Bad[k-1], c.Bad()), max(out.Total[k-1], c.Total)
		switch known := w.cells[k].Samples > 0; {
		case known && silent != 0:
			if end-silent > burn.Lookback {
				out.Silent = append(out.Silent, Interval{ms(silent), ms(end - w.each)})
			}
			silent = 0
		case !known && silent == 0:
			silent = end - w.each
		}
	}
	if end := w.start + int64(len(w.cells)-1)*w.each; silent != 0 && end-silent > burn.Lookback {
		out.Silent = append(out.Silent, Interval{ms(silent), ms(end)})
	}
	return out
}
