package sloth

import (
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

const day = 24 * time.Hour

// window is one pair of windows.
type window struct {
	short, long time.Duration
	factor      float64
	severity    alert.Severity
}

// Windows are the pairs of a period: page quick and slow, ticket quick and slow.
type Windows struct {
	Period time.Duration
	pairs  [4]window
}

// BuiltIn returns the windows that come with Sloth: those of 28 and of 30 days.
func BuiltIn(period time.Duration) (Windows, bool) {
	if period != 28*day && period != 30*day {
		return Windows{}, false
	}
	w, err := WindowsSpec{
		Period: rules.Duration(period),
		Page:   QuickAndSlow{WindowSpec{2, "5m", "1h"}, WindowSpec{5, "30m", "6h"}},
		Ticket: QuickAndSlow{WindowSpec{10, "2h", "1d"}, WindowSpec{10, "6h", "3d"}},
	}.Windows()
	return w, err == nil
}

// Windows reads the windows of a period. It is Invalid where a duration is.
func (s WindowsSpec) Windows() (out Windows, err error) {
	if out.Period, err = rules.ParseDuration(s.Period); err != nil || out.Period <= 0 {
		return out, errs.New(errs.Invalid, "sloPeriod %q is not a duration", s.Period)
	}
	for i, w := range []struct {
		WindowSpec
		severity alert.Severity
	}{{s.Page.Quick, alert.Page}, {s.Page.Slow, alert.Page}, {s.Ticket.Quick, alert.Ticket}, {s.Ticket.Slow, alert.Ticket}} {
		short, errShort := rules.ParseDuration(w.Short)
		long, errLong := rules.ParseDuration(w.Long)
		if errShort != nil || errLong != nil || short <= 0 || long <= 0 {
			return out, errs.New(errs.Invalid, "the windows %q and %q are not durations", w.Short, w.Long)
		}
		// As the original computes it, so that its last digit is the original's.
		hours := w.Percent * out.Period.Hours() / 100
		out.pairs[i] = window{short, long, hours / long.Hours(), w.severity}
	}
	return out, nil
}

// all are the windows of the alerts, the shortest first, each once.
func (w Windows) all() []time.Duration {
	var out []time.Duration
	for _, p := range w.pairs {
		out = append(out, p.short, p.long)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Pairs are the windows as pairs. What cannot fire for the target is left out
// and named.
func (w Windows) Pairs(t slo.Target, page, ticket bool) (pairs []slo.Pair, never []string) {
	for _, p := range w.pairs {
		if (p.severity == alert.Page && !page) || (p.severity == alert.Ticket && !ticket) {
			continue
		}
		pair := slo.Pair{Severity: p.severity, Rate: p.factor, Long: p.long, Short: p.short}
		if !pair.Reachable(t) {
			never = append(never, pair.Name())
			continue
		}
		pairs = append(pairs, pair)
	}
	return pairs, never
}
