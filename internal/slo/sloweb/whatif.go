package sloweb

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
)

// whatIfView is what another target would have meant.
type whatIfView struct {
	ID      string
	Now     string // the target in use, in percent
	Typed   string // the target asked for, as it was written
	Nines   string // the same for the slider: -log10(1 - target)
	Slid    bool   // it came from the slider: the field has to follow
	Script  bool   // it is asked for while somebody types or slides
	Problem string // why there is no answer
	Fields  []compareView
	Days    daysView
	Pairs   []reachView
	Promise []promiseView
	Proof   string
	Target  string
	Quick   []webkit.Tab // usual targets
}

// compareView is one figure now and with the target asked for.
type compareView struct{ Text, Now, Then, Definition string }

// daysView are the days of the window, each with how it was.
type daysView struct {
	Cells  []dayView
	Broken []dayView // would have missed the target by themselves
	Word   string
}

// dayView is one day.
type dayView struct {
	Day, Share string
	State      webkit.State
	New        bool // missed with the target asked for, met with the one in use
}

// reachView is one pair with the target asked for.
type reachView struct {
	Limit, Share string
	State        webkit.State
	Word         string
}

// dayCount is what happened in one day.
type dayCount struct {
	Start time.Time
	slo.Count
}

// asked is the target that a query asks for: ?target= in percent, or ?nines= of the
// slider. Without either it is the one in use.
func asked(q url.Values, o slo.Objective) (text string, slid bool) {
	if n, err := strconv.ParseFloat(q.Get("nines"), 64); err == nil && n >= 0 && n <= 7 {
		return slidTo(n), true
	}
	if text = strings.TrimSuffix(strings.TrimSpace(q.Get("target")), "%"); text != "" {
		return strings.TrimSpace(text), false
	}
	return o.Target.Percent(), false
}

// slidTo is the percentage at a place of the slider, with two digits that differ
// from nine: 2.3 is 99.5.
func slidTo(nines float64) string {
	bad := 100 * math.Pow(10, -nines)
	digits := max(0, int(math.Ceil(-math.Log10(bad)))+1)
	return trimZeros(strconv.FormatFloat(100-bad, 'f', min(digits, 8), 64))
}

func ninesOf(t slo.Target) string {
	return strconv.FormatFloat(math.Round(-math.Log10(t.Budget())*100)/100, 'f', -1, 64)
}

// whatIf is the part of an objective's page that says what another target would
// have meant.
func (w *door) whatIf(ctx context.Context, s slo.Standing, q url.Values) whatIfView {
	o := s.Objective
	v := whatIfView{ID: o.ID, Now: o.Target.Percent(), Nines: ninesOf(o.Target)}
	v.Typed, v.Slid = asked(q, o)
	for _, usual := range []string{"99", "99.5", "99.9", "99.95", "99.99"} {
		v.Quick = append(v.Quick, webkit.Tab{Text: webkit.T(ctx, "slo.percent", usual), Href: "/slos/" + url.PathEscape(o.ID) + "?target=" + usual + "#what-if", Current: usual == v.Typed})
	}
	target, err := slo.ParseTarget(v.Typed, true)
	if err != nil {
		v.Problem = webkit.T(ctx, "slo.if.wrong", v.Typed)
		return v
	}
	v.Nines, v.Target = ninesOf(target), percent(ctx, target)
	then := o
	then.Target, then.Pairs = target, w.pairsAt(o, target)
	now := w.Now().UTC()
	days, err := w.past.days(ctx, o, periodOf(o, now).Start, now, webkit.Zone(ctx))
	if err != nil {
		v.Problem = webkit.T(ctx, "slo.problem", err.Error())
	}
	v.Days = viewDays(ctx, o.Target, target, days)
	v.Fields = compare(ctx, s, target, now)
	v.Fields = append(v.Fields, compareView{
		Text: webkit.T(ctx, "slo.if.days"), Now: brokenDays(ctx, days, o.Target), Then: brokenDays(ctx, days, target), Definition: webkit.T(ctx, "slo.def.if.days"),
	})
	v.Pairs = viewReach(ctx, o, target)
	if target != o.Target { // what is promised now stands above
		v.Promise = viewPromise(ctx, then)
	}
	v.Proof = w.proof(ctx, then)
	return v
}

// pairsAt are the pairs that an objective would have with another target: those of
// its entry or of the Workbook follow the target, its own stay.
func (w *door) pairsAt(o slo.Objective, t slo.Target) []slo.Pair {
	then := o
	then.Target = t
	if o.BurnRates != "" && o.Override == "" {
		if c, err := w.rates().Resolve(o.BurnRates, then); err == nil {
			return c.Entry.PairsFor(t, o.Window)
		}
	}
	if slices.Equal(o.Pairs, slo.DefaultPairs(o.Window, o.Target)) {
		return slo.DefaultPairs(o.Window, t)
	}
	return o.Pairs
}

// compare sets the budget with the target in use beside the one asked for.
func compare(ctx context.Context, s slo.Standing, t slo.Target, now time.Time) []compareView {
	o, c := s.Objective, s.Status.Period
	length := float64(periodOf(o, now).Length())
	if o.Calendar == nil {
		length = float64(o.Window)
	}
	row := func(key string, of func(slo.Target) string) compareView {
		return compareView{Text: webkit.T(ctx, "slo.if."+key), Now: of(o.Target), Then: of(t), Definition: webkit.T(ctx, "slo.def.if."+key)}
	}
	none := webkit.T(ctx, "webkit.nodata")
	return []compareView{
		row("minutes", func(t slo.Target) string {
			return webkit.Duration(ctx, time.Duration(t.Budget()*length).Round(time.Second))
		}),
		row("events"+noun(o), func(t slo.Target) string {
			if !c.Known {
				return none
			}
			allowed := float64(c.Total) / float64(unitOf(c.Unit)) * t.Budget()
			return figure(ctx, allowed)
		}),
		row("left", func(t slo.Target) string {
			left, ok := t.Left(c.Bad(), c.Total)
			if !c.Known || !ok {
				return none
			}
			return webkit.Percent(ctx, tenth(left))
		}),
	}
}

func missed(t slo.Target, d dayCount) bool {
	left, ok := t.Left(d.Bad(), d.Total)
	return d.Known && ok && left < 0
}

func brokenDays(ctx context.Context, days []dayCount, t slo.Target) string {
	n, known := 0, 0
	for _, d := range days {
		if d.Known && d.Total > 0 {
			known++
		}
		if missed(t, d) {
			n++
		}
	}
	return webkit.T(ctx, "slo.if.of", n, known)
}

const daysNamed = 8

func viewDays(ctx context.Context, in, t slo.Target, days []dayCount) (v daysView) {
	for _, d := range days {
		c := dayView{Day: webkit.Day(ctx, d.Start), Share: webkit.T(ctx, "webkit.nodata"), State: webkit.Unknown}
		if d.Known && d.Total > 0 {
			c.State = webkit.OK
			c.Share = exactPercent(ctx, 1-float64(d.Bad())/float64(d.Total))
		}
		if missed(t, d) {
			c.State, c.New = webkit.Firing, !missed(in, d)
			v.Broken = append(v.Broken, c)
		}
		v.Cells = append(v.Cells, c)
	}
	if more := len(v.Broken) - daysNamed; more > 0 {
		v.Broken, v.Word = v.Broken[len(v.Broken)-daysNamed:], webkit.T(ctx, "slo.if.more", more)
	}
	return v
}

// exactPercent writes a share near one with three digits after the point.
func exactPercent(ctx context.Context, share float64) string {
	return webkit.T(ctx, "slo.percent", trimZeros(webkit.Decimal(ctx, math.Floor(share*1e5)/1e3, 3)))
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// viewReach says of each pair in use whether it could still fire.
func viewReach(ctx context.Context, o slo.Objective, t slo.Target) (out []reachView) {
	for _, p := range o.Pairs {
		v := reachView{Limit: limit(ctx, p), Share: ratio(ctx, p.Rate*t.Budget()), State: webkit.OK, Word: webkit.T(ctx, "slo.rates.reachable")}
		switch {
		case !p.Reachable(t):
			v.State, v.Word = webkit.Firing, webkit.T(ctx, "slo.rates.unreachable")
		case p.Rate*t.Budget() > 0.5:
			v.State, v.Word = webkit.Warning, webkit.T(ctx, "slo.rates.margin")
		}
		out = append(out, v)
	}
	return out
}

// whatIfPart answers while somebody types or slides.
func (w *door) whatIfPart(r *http.Request) (webkit.Page, error) {
	s, err := w.find(r.PathValue("id"))
	if err != nil {
		return webkit.Page{}, err
	}
	v := w.whatIf(r.Context(), s, r.URL.Query())
	v.Script = true
	return webkit.Page{Title: s.Objective.Name, Active: "slos", Body: whatIfResult(v)}, nil
}
