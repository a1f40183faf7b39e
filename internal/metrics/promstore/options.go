package promstore

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// DefaultRetention is thirteen months: a review of this quarter can look at the
// same quarter of last year, at some 1.5 to 2 bytes a sample.
const DefaultRetention = 400 * 24 * time.Hour

// Limits bound what senders and targets can make the store hold.
type Limits struct {
	MaxSeries     int           // in the head, i.e. of the last two to three hours; 1.2 KB of memory each
	MaxLabels     int           // names per series
	MaxLabelName  int           // bytes
	MaxLabelValue int           // bytes
	MaxBatch      int           // samples per request
	MaxAhead      time.Duration // how far in the future a sample may lie
	MaxBehind     time.Duration // how far in the past; Options.OutOfOrder is narrower once there is data
}

// DefaultLimits are far above what a healthy system sends.
func DefaultLimits() Limits {
	return Limits{
		MaxSeries: 500_000, MaxLabels: 64, MaxLabelName: 256, MaxLabelValue: 4096,
		MaxBatch: 200_000, MaxAhead: 10 * time.Minute, MaxBehind: 24 * time.Hour,
	}
}

// Options say where the store lives and how much it may hold. The zero value
// of a field is its default, but for Dir and Now, which have none.
type Options struct {
	Dir          string
	Retention    time.Duration // default DefaultRetention
	MaxBytes     int64         // of blocks on disk; 0 is no limit
	OutOfOrder   time.Duration // how late a sample may be; default 1 h
	Limits       Limits        // default DefaultLimits
	MaxSamples   int           // that one query may hold in memory; default 20 million (320 MB)
	QueryTimeout time.Duration // default 30 s
	MaxQueries   int           // at once; the others wait; default 16
	ScrapeConfig string        // path of a prometheus.yml; "" scrapes nothing
	Log          *slog.Logger
	Registerer   prometheus.Registerer // where the store's own metrics go; default nowhere
	Now          func() time.Time      // the clock
	OnCommit     func()                // called after samples were stored, by whoever stored them: it must not block
}

func (o Options) withDefaults() Options {
	def(&o.Retention, DefaultRetention)
	def(&o.OutOfOrder, time.Hour)
	def(&o.Limits, DefaultLimits())
	def(&o.MaxSamples, 20_000_000)
	def(&o.QueryTimeout, 30*time.Second)
	def(&o.MaxQueries, 16)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	return o
}

func def[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// Validate says what is wrong with o.
func (o Options) Validate() error {
	switch {
	case o.Dir == "":
		return errs.New(errs.Invalid, "metrics store: no folder given")
	case o.Now == nil:
		return errs.New(errs.Invalid, "metrics store: no clock given")
	case o.Retention < 0 || (o.Retention > 0 && o.Retention < 2*time.Hour):
		return errs.New(errs.Invalid, "metrics retention %s: the shortest is 2h", o.Retention)
	case o.OutOfOrder < 0:
		return errs.New(errs.Invalid, "metrics out-of-order window %s is negative", o.OutOfOrder)
	}
	return nil
}
