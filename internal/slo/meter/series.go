package meter

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hinoban/hinoban/internal/slo/burn"
)

// series is what is remembered of one series for one watch.
type series struct {
	key   string
	at    int64 // of the last sample; 0 before the first
	v     float64
	feeds []feed
}

// feed is where the samples of a series go.
type feed struct {
	to *instance
	*term
}

// sink takes what was counted: the engine, or a recount.
type sink interface {
	Add(t int64, d burn.Cell)
	After(t, seen int64, d burn.Cell)
}

// gap is a silence of a series that was longer than the lookback.
type gap struct {
	from int64
	v    float64
	to   int64
}

// most is how many events one sample can tell of: as many as a float has exactly.
// What is beyond is a broken counter, of which hundreds still fit in a count.
const most = 1 << 53

// feedOne counts a sample that comes after the last one, for one feed.
func feedOne(f *term, s *series, born bool, t int64, v float64, to sink) {
	d, at := int64(0), t
	switch f.form {
	case growth:
		d, at = grown(s, born && f.zero, t, v)
	case value:
		d = int64(math.Round(min(max(v, -most), most)))
	case each:
		d = 1
	case holds:
		if meets(v, f.op, f.value) {
			d = 1
		}
	case million:
		d = int64(math.Round(min(max(v, 0), 1) * Scale))
	}
	d = min(max(d, -most), most) * f.sign
	c := burn.Cell{Part: d}
	if f.total {
		c = burn.Cell{Total: d, Samples: 1}
	}
	switch {
	case at == t && c != (burn.Cell{}):
		to.Add(t, c)
	case at != t:
		if f.total {
			to.Add(t, burn.Cell{Samples: 1})
			c.Samples = 0
		}
		if d != 0 {
			to.After(at, t, c)
		}
	}
}

// grown is what a counter grew by, and when.
func grown(s *series, counts bool, t int64, v float64) (d, at int64) {
	switch {
	case s.at == 0 && counts:
		return whole(v), t
	case s.at == 0:
		return 0, t
	case v < s.v: // the counter began anew
		d = whole(v)
	default:
		d = whole(v) - whole(s.v)
	}
	if t-s.at > burn.Lookback {
		return d, s.at + burn.Lookback
	}
	return d, t
}

// keyOf is one form of labels, equal for equal labels.
func keyOf(labels map[string]string) string {
	names := slices.Sorted(maps.Keys(labels))
	var b strings.Builder
	for _, n := range names {
		b.WriteString(n)
		b.WriteByte(0xff)
		b.WriteString(labels[n])
		b.WriteByte(0xff)
	}
	return b.String()
}

// usable reports whether a sample is a number that can be counted. A stale marker
// is none.
func usable(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
