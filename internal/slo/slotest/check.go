package slotest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
)

// of reports whether the check is of the objective with this id, or of one of its
// groups.
func (c Check) of(id string) bool {
	rest, ok := strings.CutPrefix(c.SLO.Value, id)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '{')
}

// check holds one check against what is known now.
func (s *stage) check(ctx context.Context, c Check) error {
	x := asked{stage: s, Check: c}
	m := metrics.Mismatch{What: "slo: " + c.SLO.Value, At: slo.Short(c.At.D)}
	if x.o, x.s, m.Problem = s.find(c.SLO.Value); m.Problem == "" {
		m.Problem = x.s.Problem
	}
	if m.Problem != "" {
		s.mismatch = append(s.mismatch, m)
		return nil
	}
	for _, fn := range []func(context.Context) error{x.burn, x.left, x.state, x.events, x.fires} {
		if err := fn(ctx); err != nil {
			return err
		}
	}
	if len(x.want) == 0 {
		return nil
	}
	m.Want, m.Got = strings.Join(x.want, ", "), strings.Join(x.got, ", ")
	s.mismatch = append(s.mismatch, m)
	return nil
}

// find is the objective of a name: an id, or of a group id.group or id{group}.
// why says that there is none.
func (s *stage) find(name string) (o slo.Objective, st slo.Status, why string) {
	var groups []string
	for _, one := range s.eval.All() {
		o := one.Objective
		if o.ID == name || (o.Group != "" && name == o.Parent+"{"+o.Group+"}") {
			return o, one.Status, ""
		}
		if o.Parent == name {
			groups = append(groups, o.ID)
		}
	}
	if len(groups) > 0 {
		return o, st, name + " is grouped: name one of " + strings.Join(groups, ", ")
	}
	return o, st, "there is no such objective, or no sample of its group has come: rule_files names the documents that are read"
}

// asked is a check at work: what differs is collected.
type asked struct {
	*stage
	Check

	o         slo.Objective
	s         slo.Status
	want, got []string
}

func (x *asked) differ(name, want, got string) {
	x.want, x.got = append(x.want, name+" "+want), append(x.got, name+" "+got)
}

// near compares a figure as it can be written.
func near(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-6*math.Max(1, math.Max(math.Abs(a), math.Abs(b)))
}

// figure compares one figure.
func (x *asked) figure(name string, want Figure, got float64, known bool) {
	text := "unknown"
	if known {
		text = strconv.FormatFloat(got, 'g', 12, 64)
	}
	if want.Unknown == !known && (want.Unknown || near(want.V, got)) {
		return
	}
	x.differ(name, want.Text, text)
}

// count counts one window, by its name: a duration, or period.
func (x *asked) count(ctx context.Context, window string) (slo.Count, error) {
	if window == "period" {
		return x.s.Period, nil
	}
	d, err := parseDuration(window)
	if err != nil {
		return slo.Count{}, errs.New(errs.Invalid, "slo_test of %s: %w", x.SLO.Value, err)
	}
	if d > x.o.Window && !slices.Contains(x.o.Windows(), d) {
		return slo.Count{}, errs.New(errs.Invalid, "slo_test of %s: a window of %s is longer than its period, %s: ask for a shorter one", x.SLO.Value, window, slo.Short(x.o.Window))
	}
	if c, ok := x.s.Counts[d]; ok {
		return c, nil
	}
	return x.meter.Count(ctx, x.o, d, x.now)
}

func (x *asked) burn(ctx context.Context) error {
	for _, w := range slices.Sorted(maps.Keys(x.Burn)) {
		c, err := x.count(ctx, w)
		if err != nil {
			return err
		}
		rate, ok := c.Burn(x.o.Target)
		x.figure("burn over "+w, x.Burn[w], rate, ok)
	}
	return nil
}

func (x *asked) left(context.Context) error {
	if x.Remaining != nil {
		x.figure("remaining", *x.Remaining, x.s.Remaining, x.s.Known)
	}
	return nil
}

func (x *asked) state(context.Context) error {
	if x.State != "" && x.State != string(x.s.Health) {
		x.differ("state", x.State, string(x.s.Health))
	}
	return nil
}

func (x *asked) events(ctx context.Context) error {
	for _, side := range []struct {
		name string
		want Figures
		of   func(slo.Count) int64
	}{{"bad", x.Bad, slo.Count.Bad}, {"total", x.Total, func(c slo.Count) int64 { return c.Total }}} {
		for _, w := range slices.Sorted(maps.Keys(side.want)) {
			c, err := x.count(ctx, w)
			if err != nil {
				return err
			}
			x.figure(side.name+" events over "+w, side.want[w], float64(side.of(c))/float64(max(1, c.Unit)), c.Known)
		}
	}
	return nil
}

// fire is one thing that burns, or can.
type fire struct {
	name     string
	severity alert.Severity
}

func (f fire) String() string { return string(f.severity) + ": " + f.name }

// is reports whether a name in a file is that of f: its severity, its name, its
// windows (1h/5m), or severity: name.
func (f fire) is(name string) bool {
	severity, rest, both := strings.Cut(name, ":")
	if both {
		return plain(severity) == plain(string(f.severity)) && fire{f.name, ""}.is(rest)
	}
	n := plain(name)
	return (f.severity != "" && n == plain(string(f.severity))) || n == plain(f.name) || n == windowsOf(f.name)
}

// plain is a name without what people write in several ways.
func plain(s string) string {
	return strings.NewReplacer("×", "x", " ", "", "\u00a0", "").Replace(strings.ToLower(s))
}

// windowsOf is 1h/5m of "14.4× over 1h and 5m".
func windowsOf(name string) string {
	_, windows, ok := strings.Cut(name, "× over ")
	if !ok {
		return plain(name)
	}
	return plain(strings.ReplaceAll(windows, " and ", "/"))
}

// firing are what burns now, and all that could.
func (x *asked) firing() (now, all []fire) {
	for _, p := range x.s.Pairs {
		f := fire{p.Name(), p.Severity}
		all = append(all, f)
		// What burned and fell silent still burns.
		if held := x.burns.held[x.o.ID]; p.Burning || (!p.Known && held.Severity != "" && held.Pair == f.name) {
			now = append(now, f)
		}
	}
	for _, c := range x.s.Conditions {
		f := fire{c.Name, c.Severity}
		all = append(all, f)
		if _, held := x.burns.held[x.o.ID+"#"+c.Name]; held {
			now = append(now, f)
		}
	}
	return now, all
}

func (x *asked) fires(context.Context) error {
	if x.Firing == nil {
		return nil
	}
	now, all := x.firing()
	left := slices.Clone(now)
	missing := false
	want := make([]string, len(x.Firing))
	for i, name := range x.Firing {
		match := func(f fire) bool { return f.is(name) }
		want[i] = name
		if !slices.ContainsFunc(all, match) {
			want[i] += " (it has nothing of this name: " + list(all) + ")"
		}
		missing = missing || !slices.ContainsFunc(now, match)
		left = slices.DeleteFunc(left, match)
	}
	if missing || len(left) > 0 {
		x.differ("firing", "["+strings.Join(want, ", ")+"]", "["+list(now)+"]")
	}
	return nil
}

func list(fires []fire) string {
	names := make([]string, len(fires))
	for i, f := range fires {
		names[i] = f.String()
	}
	return strings.Join(names, ", ")
}

// parseDuration reads 5m, 1h30m, 30d.
func parseDuration(s string) (time.Duration, error) {
	d, err := durationOf(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration such as 5m, 1h30m or 30d", s)
	}
	return d, nil
}
