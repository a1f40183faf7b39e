package metrics

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Matcher is one condition of a selector on one label.
type Matcher struct {
	Name  string
	Op    string // "=", "!=", "=~" or "!~"
	Value string
}

// Selector picks series: those that meet every condition.
type Selector []Matcher

// String writes s as PromQL.
func (s Selector) String() string {
	parts := make([]string, len(s))
	for i, m := range s {
		parts[i] = fmt.Sprintf("%s%s%q", labelName(m.Name), m.Op, m.Value)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func labelName(n string) string {
	for i, r := range n {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return fmt.Sprintf("%q", n)
		}
	}
	return n
}

// Watch says which samples somebody wants, raw: floats, or of native histograms
// the number of observations of at most Upper.
type Watch struct {
	Selector  Selector
	Histogram bool
	Upper     float64 // of a histogram; +Inf is all observations
}

// Sample is one raw sample of a line.
type Sample struct {
	Line int32
	T    int64 // milliseconds since 1970
	V    float64
}

// Tap is told of the samples of its watches as they are committed. Its methods are
// called by whoever commits, several at once: they must be safe for that, must
// not block for long, and must not keep what they are given.
type Tap interface {
	// Line says that samples of a series that a watch selects will come under a
	// number. The same series and watch can get another number later.
	Line(line int32, watch int, labels map[string]string)
	// Committed brings samples that are stored now, those of one series in their
	// order but for what came late.
	Committed(samples []Sample)
}

// Points are raw samples of one series, oldest first: times in milliseconds since
// 1970 and values.
type Points struct {
	Labels map[string]string
	T      []int64
	V      []float64
}

// Reader reads raw samples again.
type Reader interface {
	// Read calls fn with the samples of each series that w selects, in (from, to].
	// fn must not keep them. Series without samples there are left out. The error
	// is Unavailable, Invalid where w cannot be read here, or fn's own.
	Read(ctx context.Context, w Watch, from, to time.Time, fn func(Points) error) error
}

// Source is a Reader whose samples can be had as they come.
type Source interface {
	Reader
	// Tap sends the samples of every watch to t from now on. It is called once.
	Tap(t Tap)
	// Watch adds a watch and returns its number.
	Watch(w Watch) (int, error)
	// Unwatch ends a watch.
	Unwatch(n int)
	// Still runs fn while nothing is committed: what is stored then has been given
	// to the tap. It must be short.
	Still(fn func() error) error
}

// Writer takes samples from inside the house.
type Writer interface {
	// Write stores the points of every series as one batch and returns when they are
	// on disk. A point that the store refuses does not take the others with it; the
	// error, of kind Invalid, is of the first that was refused.
	Write(ctx context.Context, series []Series) error
}
