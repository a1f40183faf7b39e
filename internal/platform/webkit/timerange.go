package webkit

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Range is a stretch of time as the URL says it: ?from=now-6h&to=now. An end
// is "now", "now-" and a number with s, m, h, d or w, RFC 3339, or Unix
// milliseconds.
type Range struct {
	From string
	To   string
}

// ParseRange reads from and to out of a query; what is not there or cannot be
// read is taken from def.
func ParseRange(q url.Values, def Range) Range {
	r := Range{From: q.Get("from"), To: q.Get("to")}
	epoch := time.Unix(0, 0)
	if _, err := instant(r.From, epoch); err != nil {
		r.From = def.From
	}
	if _, err := instant(r.To, epoch); err != nil {
		r.To = def.To
	}
	return r
}

// Resolve returns the two ends as instants, UTC, the earlier one first. An end
// that cannot be read is now.
func (r Range) Resolve(now time.Time) (from, to time.Time) {
	from, err := instant(r.From, now)
	if err != nil {
		from = now
	}
	to, err = instant(r.To, now)
	if err != nil {
		to = now
	}
	if to.Before(from) {
		from, to = to, from
	}
	return from.UTC(), to.UTC()
}

func instant(s string, now time.Time) (time.Time, error) {
	if rest, ok := strings.CutPrefix(s, "now"); ok {
		if rest == "" {
			return now, nil
		}
		d, err := span(rest)
		return now.Add(d), err
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	return time.Parse(time.RFC3339, s)
}

// span reads "-6h", "+15m".
func span(s string) (time.Duration, error) {
	if len(s) < 3 || (s[0] != '-' && s[0] != '+') {
		return 0, fmt.Errorf("read time span %q: want now-6h", s)
	}
	unit, ok := map[byte]time.Duration{
		's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
	}[s[len(s)-1]]
	n, err := strconv.Atoi(s[1 : len(s)-1])
	if err != nil || !ok || n > 100_000 {
		return 0, fmt.Errorf("read time span %q: want now-6h", s)
	}
	if s[0] == '-' {
		n = -n
	}
	return time.Duration(n) * unit, nil
}

// quickRange is one choice of the picker.
type quickRange struct {
	Label, Href string
	Current     bool
}

func quickRanges(ctx context.Context, cur Range) []quickRange {
	var out []quickRange
	for _, s := range []string{"1h", "6h", "24h", "7d", "30d"} {
		from := "now-" + s
		out = append(out, quickRange{
			Label: s, Href: WithQuery(ctx, "from", from, "to", "now"),
			Current: cur.From == from && cur.To == "now",
		})
	}
	return out
}

// rangeLabel is the range in words where it is none of the quick ones.
func rangeLabel(ctx context.Context, r Range) string {
	for _, q := range quickRanges(ctx, r) {
		if q.Current {
			return ""
		}
	}
	from, to := r.Resolve(Now(ctx))
	return Stamp(ctx, from) + " – " + Stamp(ctx, to)
}
