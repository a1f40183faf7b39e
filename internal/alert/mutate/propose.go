package mutate

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Proposal is a rule that catches a gap. It was evaluated over the failure, and
// over the past without it, where it stayed silent.
type Proposal struct {
	Name    string        `json:"name"`
	Expr    string        `json:"expr"`
	For     time.Duration `json:"for_ns"`
	Service string        `json:"service,omitempty"`
	Impact  string        `json:"impact"`
	Reach   time.Duration `json:"reach_ns"` // the longest until it fires
}

// Document is p as an AlertRule, to be completed by who owns it.
func (p Proposal) Document() string {
	where := ""
	if p.Service != "" {
		where = "  where: {service: " + quoted(p.Service) + "}\n"
	}
	hold := ""
	if p.For > 0 {
		hold = "    for: " + model.Duration(p.For).String() + "\n"
	}
	return "apiVersion: hinoban/v1\nkind: AlertRule\nmetadata: {name: " + p.Name + "}\nspec:\n  why: {impact: " + quoted(p.Impact) + "}\n" +
		"  when: {urgency: ticket}\n  what:\n    expr: " + quoted(p.Expr) + "\n" + hold + where
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

var notName = regexp.MustCompile(`[^a-z0-9]+`)

func nameOf(parts ...string) string {
	s := strings.Trim(notName.ReplaceAllString(strings.ToLower(strings.Join(parts, "-")), "-"), "-")
	return strings.Trim(s[:min(len(s), 60)], "-")
}

// draft collects rules that may catch a case.
type draft struct {
	job

	sel string
	out []Proposal
}

func (d *draft) add(hold, look time.Duration, impact, format string, args ...any) {
	d.out = append(d.out, Proposal{
		Name: nameOf(d.Service, strings.TrimPrefix(d.Metric, d.Service), string(d.m)), Expr: fmt.Sprintf(format, args...), For: hold, Service: d.Service, Impact: impact,
		Reach: hold + look + d.shows(d.m) + 3*time.Minute,
	})
}

const ten = 10 * time.Minute

// ago is with what the present is compared.
func ago() []string { return []string{"1d", "1w"} }

func spoken(d time.Duration) string { return model.Duration(d).String() }

// candidates are rules that may catch a case, the plainest first.
func (j job) candidates() []Proposal {
	d := &draft{job: j, sel: j.Selector()}
	if j.m == Vanish {
		d.add(5*time.Minute, 0, "Nobody would hear of it: "+j.Metric+" has no samples.", "absent(%s)", d.sel)
		return d.out
	}
	switch j.Class {
	case Heartbeat, Runs:
		d.late()
	case Traffic:
		d.less()
	case Flag:
		d.flag()
	case Level:
		d.level()
	case Errors:
		d.errors()
	case Latency:
		for _, a := range ago() {
			q := "histogram_quantile(0.5, sum by (le) (rate(" + d.sel + "[5m]%s)))"
			d.add(5*time.Minute, 5*time.Minute, "It is three times as slow as is usual.", q+" > 3 * "+q, "", " offset "+a)
		}
	case Failures:
		d.add(5*time.Minute, ten, "It fails three times as often as is usual.", "sum(rate(%s[10m])) > 3 * sum(rate(%s[1d] offset 1h)) + 0.01", d.sel, d.sel)
	}
	return d.out
}

func (d *draft) late() {
	switch {
	case d.Period == 0:
		d.add(0, time.Hour, "What writes "+d.Metric+" has stopped.", "time() - max(%s) > 3600", d.sel)
	case d.Class == Heartbeat:
		d.add(0, 0, "A run did not happen in time.", "time() - max(%s) > %d", d.sel, int(1.25*d.Period.Seconds()))
	default:
		d.add(0, 0, "A run did not happen in time.", "sum(increase(%s[%s])) < 0.5", d.sel, spoken((5 * d.Period / 4).Truncate(time.Minute)))
	}
}

func (d *draft) less() {
	if d.m == Flat {
		d.add(5*time.Minute, ten, "Nothing happens any more.", "sum(rate(%s[10m])) == 0", d.sel)
		return
	}
	for _, a := range ago() {
		d.add(ten, ten, "Much less happens than is usual.", "sum(rate(%s[10m])) < 0.65 * sum(rate(%s[10m] offset %s))", d.sel, d.sel, a)
	}
}

func (d *draft) flag() {
	if d.high && !d.low {
		d.add(2*time.Minute, 0, d.Metric+" says that something is wrong.", "max(%s) == 1", d.sel)
		return
	}
	d.add(2*time.Minute, 0, d.Metric+" says that something is down.", "min(%s) == 0", d.sel)
}

func (d *draft) level() {
	switch d.m {
	case Flat:
		for _, over := range []time.Duration{30 * time.Minute, 2 * time.Hour, 12 * time.Hour} {
			d.add(0, over, d.Metric+" does not change any more: what writes it hangs.", "changes(%s[%s]) == 0", d.sel, spoken(over))
		}
	case Halve:
		for _, a := range ago() {
			d.add(ten, ten, "Much less than is usual.", "avg_over_time(%s[10m]) < 0.65 * avg_over_time(%s[10m] offset %s)", d.sel, d.sel, a)
		}
	default:
		d.add(5*time.Minute, 0, d.Metric+" is three times as high as it was all day.", "%s > 3 * max_over_time(%s[1d] offset 1h)", d.sel, d.sel)
	}
}

func (d *draft) errors() {
	part, total := selector(d.part.Metric, d.part.Matchers, d.Labels), selector(d.total.Metric, d.total.Matchers, d.Labels)
	share := fmt.Sprintf("sum(rate(%s[5m])) / sum(rate(%s[5m]))", part, total)
	if !d.bad {
		share = "1 - " + share
	}
	d.add(2*time.Minute, 5*time.Minute, "More than 3 % of all events fail.", "%s > 0.03", share)
}

// propose finds a rule that catches every try of a gap, and is silent without it;
// nil where none is found.
func (r *runner) propose(ctx context.Context, j job, c Case, in []injected) (*Proposal, error) {
	for _, p := range j.candidates() {
		ok := true
		for i, x := range in {
			if c.Tries[i].Caught {
				continue
			}
			good, err := r.proves(ctx, p, x)
			if err != nil {
				return nil, err
			}
			if ok = good; !ok {
				break
			}
		}
		if ok {
			return &p, nil
		}
	}
	return nil, nil //nolint:nilnil // no proposal is no error
}

// proves reports whether p tells of a failure in time and is silent without it.
func (r *runner) proves(ctx context.Context, p Proposal, x injected) (bool, error) {
	from, to := x.fault.Add(-p.For-time.Hour), x.fault.Add(p.Reach)
	quiet, err := r.past.Try(ctx, p, nil, from, to)
	if err != nil || len(quiet) > 0 {
		return false, err
	}
	now, err := r.past.Try(ctx, p, x.changed, from, to)
	return len(fresh(nil, now, x.fault)) > 0, err
}
