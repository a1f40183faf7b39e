package promstore

import (
	"fmt"
	"sync/atomic"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunks"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// tooManySeriesError is what the TSDB hands back when the guard says no.
type tooManySeriesError struct{ limit int64 }

func (e tooManySeriesError) Error() string {
	return fmt.Sprintf("the store holds its limit of %d active series: a label probably has too many values", e.limit)
}

// seriesGuard counts the series of the head and refuses new ones above limit.
// Samples of the series that exist are still taken.
type seriesGuard struct {
	limit int64
	n     atomic.Int64
	armed atomic.Bool // not while the log is replayed
	gone  func(map[chunks.HeadSeriesRef]labels.Labels)
}

// PreCreation implements tsdb.SeriesLifecycleCallback.
func (g *seriesGuard) PreCreation(labels.Labels) error {
	if g.armed.Load() && g.n.Load() >= g.limit {
		return tooManySeriesError{g.limit}
	}
	return nil
}

// PostCreation implements tsdb.SeriesLifecycleCallback.
func (g *seriesGuard) PostCreation(labels.Labels) { g.n.Add(1) }

// PostDeletion implements tsdb.SeriesLifecycleCallback.
func (g *seriesGuard) PostDeletion(gone map[chunks.HeadSeriesRef]labels.Labels) {
	g.n.Add(-int64(len(gone)))
	g.gone(gone)
}

// CheckLabels says why ls cannot name a series, with kind Invalid. Labels must
// be sorted by name, as labels.Labels are.
func (l Limits) CheckLabels(ls labels.Labels) error {
	n, named := 0, false
	prev := ""
	err := ls.Validate(func(x labels.Label) error {
		n++
		if x.Name == model.MetricNameLabel {
			named = true
		}
		switch {
		case x.Name == "":
			return errs.New(errs.Invalid, "a label without a name in %s", ls)
		case x.Value == "":
			return errs.New(errs.Invalid, "label %q is empty in %s", x.Name, ls)
		case x.Name == prev:
			return errs.New(errs.Invalid, "label %q twice in %s", x.Name, ls)
		case len(x.Name) > l.MaxLabelName:
			return errs.New(errs.Invalid, "label name of %d bytes, the limit is %d: %.60q…", len(x.Name), l.MaxLabelName, x.Name)
		case len(x.Value) > l.MaxLabelValue:
			return errs.New(errs.Invalid, "label %q has %d bytes, the limit is %d: %.60q…", x.Name, len(x.Value), l.MaxLabelValue, x.Value)
		case !utf8.ValidString(x.Name) || !utf8.ValidString(x.Value):
			return errs.New(errs.Invalid, "label %q=%q is not UTF-8", x.Name, x.Value)
		}
		prev = x.Name
		return nil
	})
	switch {
	case err != nil:
		return err
	case !named:
		return errs.New(errs.Invalid, "a series without a name: %s", ls)
	case n > l.MaxLabels:
		return errs.New(errs.Invalid, "%d labels, the limit is %d: %.200s…", n, l.MaxLabels, ls.String())
	}
	return nil
}
