package webkit

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// nbsp keeps a number and its unit on one line.
const nbsp = "\u00a0"

// Number writes n with thousands separators: 1,234,567.
func Number(_ context.Context, n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Decimal writes v with the given number of digits after the point, and an
// em dash where there is no number (NaN).
func Decimal(ctx context.Context, v float64, digits int) string {
	if math.IsNaN(v) {
		return "—"
	}
	if math.IsInf(v, 0) {
		return strings.Replace(strconv.FormatFloat(v, 'f', -1, 64), "Inf", "∞", 1)
	}
	s := strconv.FormatFloat(math.Abs(v), 'f', digits, 64)
	whole, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err == nil {
		whole = Number(ctx, n)
	}
	if frac != "" {
		whole += "." + frac
	}
	if v < 0 && strings.Trim(s, "0.") != "" {
		whole = "−" + whole
	}
	return whole
}

// Percent writes a ratio (0–1) as a percentage: as many digits as matter near
// 100 %, where 99.9 and 99.99 are different worlds, and one elsewhere.
func Percent(ctx context.Context, ratio float64) string {
	if math.IsNaN(ratio) {
		return "—"
	}
	p := ratio * 100
	digits := 1
	if gap := math.Abs(100 - p); p < 100 && gap < 1 && gap > 1e-9 {
		digits = min(5, int(math.Ceil(-math.Log10(gap)))+1)
	}
	s := Decimal(ctx, p, digits)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if Lang(ctx) == Japanese {
		return s + "%"
	}
	return s + nbsp + "%"
}

// Duration writes d in its two largest units: "2 d 1 h", 「2日1時間」.
func Duration(ctx context.Context, d time.Duration) string {
	if d < 0 {
		return "−" + Duration(ctx, -d)
	}
	ja := Lang(ctx) == Japanese
	type unit struct {
		size   time.Duration
		en, ja string
	}
	units := []unit{
		{24 * time.Hour, "d", "日"},
		{time.Hour, "h", "時間"},
		{time.Minute, "m", "分"},
		{time.Second, "s", "秒"},
		{time.Millisecond, "ms", "ミリ秒"},
	}
	var parts []string
	for i, u := range units {
		n := d / u.size
		if n == 0 && (len(parts) > 0 || i < len(units)-1) {
			if len(parts) > 0 {
				break
			}
			continue
		}
		d %= u.size
		if ja {
			parts = append(parts, fmt.Sprintf("%d%s", n, u.ja))
		} else {
			parts = append(parts, fmt.Sprintf("%d"+nbsp+"%s", n, u.en))
		}
		if len(parts) == 2 || u.size <= time.Second {
			break
		}
	}
	if ja {
		return strings.Join(parts, "")
	}
	return strings.Join(parts, nbsp)
}

// Relative writes t as seen from the page's now, in one unit: "3 m ago",
// "in 2 h", 「3分前」, 「2時間後」.
func Relative(ctx context.Context, t time.Time) string {
	d := Now(ctx).Sub(t)
	ja := Lang(ctx) == Japanese
	future := d < 0
	if future {
		d = -d
	}
	n, en, jp := int(d/time.Second), "s", "秒"
	switch {
	case d >= 48*time.Hour:
		n, en, jp = int(d/(24*time.Hour)), "d", "日"
	case d >= time.Hour:
		n, en, jp = int(d/time.Hour), "h", "時間"
	case d >= time.Minute:
		n, en, jp = int(d/time.Minute), "m", "分"
	case d < 10*time.Second && ja:
		return "たった今"
	case d < 10*time.Second:
		return "just now"
	}
	switch {
	case ja && future:
		return fmt.Sprintf("%d%s後", n, jp)
	case ja:
		return fmt.Sprintf("%d%s前", n, jp)
	case future:
		return fmt.Sprintf("in"+nbsp+"%d"+nbsp+"%s", n, en)
	}
	return fmt.Sprintf("%d"+nbsp+"%s"+nbsp+"ago", n, en)
}

// Clock writes the time of day in the viewer's zone: 02:13.
func Clock(ctx context.Context, t time.Time) string { return t.In(Zone(ctx)).Format("15:04") }

// Day writes the date in the viewer's zone: "Fri 20 Nov", 「11月20日(金)」; the
// year is added when it is not the page's.
func Day(ctx context.Context, t time.Time) string {
	t = t.In(Zone(ctx))
	other := t.Year() != Now(ctx).In(Zone(ctx)).Year()
	if Lang(ctx) == Japanese {
		s := fmt.Sprintf("%d月%d日(%s)", t.Month(), t.Day(), weekday(t, Japanese))
		if other {
			s = fmt.Sprintf("%d年%s", t.Year(), s)
		}
		return s
	}
	if other {
		return t.Format("Mon 2 Jan 2006")
	}
	return t.Format("Mon 2 Jan")
}

func weekday(t time.Time, lang string) string { return dayName(t.Weekday(), lang) }

// Weekday is the short name of a day: "Mon", 「月」.
func Weekday(ctx context.Context, d time.Weekday) string { return dayName(d, Lang(ctx)) }

func dayName(d time.Weekday, lang string) string {
	if lang == Japanese {
		return []string{"日", "月", "火", "水", "木", "金", "土"}[d]
	}
	return d.String()[:3]
}

// Stamp writes date and time in the viewer's zone, without the date when it is
// the page's own day: "02:13", "19 Nov 02:13", 「11/19 02:13」.
func Stamp(ctx context.Context, t time.Time) string {
	l, n := t.In(Zone(ctx)), Now(ctx).In(Zone(ctx))
	sameYear := l.Year() == n.Year()
	switch ja := Lang(ctx) == Japanese; {
	case sameYear && l.YearDay() == n.YearDay():
		return l.Format("15:04")
	case sameYear && ja:
		return l.Format("1/2 15:04")
	case sameYear:
		return l.Format("2 Jan 15:04")
	case ja:
		return l.Format("2006/1/2 15:04")
	}
	return l.Format("2 Jan 2006 15:04")
}

// Exact writes t in the viewer's zone and in UTC, for a tooltip.
func Exact(ctx context.Context, t time.Time) string {
	l := t.In(Zone(ctx))
	s := l.Format("2006-01-02 15:04:05 MST")
	if name, off := l.Zone(); off == 0 && name == "UTC" {
		return s
	}
	return s + " · " + t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}
