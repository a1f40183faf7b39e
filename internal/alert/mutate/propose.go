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

// candidates are rules that may catch a case, the plainest first.
func (j job) candidates() (out []Proposal) {
	sel := j.Selector()
	add := func(hold, look time.Duration, impact, format string, args ...any) {
		out = append(out, Proposal{
			Name: nameOf(j.Service, strings.TrimPrefix(j.Metric, j.Service), string(j.m)), Expr: fmt.Sprintf(format, args...), For: hold, Service: j.Service, Impact: impact,
			Reach: hold + look + j.shows(j.m) + 3*time.Minute,
		})
	}
	name := func(d time.Duration) string { return model.Duration(d).String() }
	ago := []string{"1d", "1w"}
	const ten = 10 * time.Minute
	switch {
	case j.m == Vanish:
		add(5*time.Minute, 0, "Nobody would hear of it: "+j.Metric+" has no samples.", "absent(%s)", sel)
	case j.Class == Heartbeat && j.m == Flat && j.Period == 0:
		add(0, time.Hour, "What writes "+j.Metric+" has stopped.", "time() - max(%s) > 3600", sel)
	case j.Class == Heartbeat:
		add(0, 0, "A run did not happen in time.", "time() - max(%s) > %d", sel, int(1.25*j.Period.Seconds()))
	case j.Class == Runs:
		add(0, 0, "A run did not happen in time.", "sum(increase(%s[%s])) < 0.5", sel, name((5 * j.Period / 4).Truncate(time.Minute)))
	case j.Class == Flag && j.high && !j.low:
		add(2*time.Minute, 0, j.Metric+" says that something is wrong.", "max(%s) == 1", sel)
	case j.Class == Flag:
		add(2*time.Minute, 0, j.Metric+" says that something is down.", "min(%s) == 0", sel)
	case j.m == Flat && j.Class == Traffic:
		add(5*time.Minute, ten, "Nothing happens any more.", "sum(rate(%s[10m])) == 0", sel)
	case j.m == Flat:
		for _, d := range []time.Duration{30 * time.Minute, 2 * time.Hour, 12 * time.Hour} {
			add(0, d, j.Metric+" does not change any more: what writes it hangs.", "changes(%s[%s]) == 0", sel, name(d))
		}
	case j.m == Halve && j.Class == Traffic:
		for _, a := range ago {
			add(ten, ten, "Much less happens than is usual.", "sum(rate(%s[10m])) < 0.65 * sum(rate(%s[10m] offset %s))", sel, sel, a)
		}
	case j.m == Halve:
		for _, a := range ago {
			add(ten, ten, "Much less than is usual.", "avg_over_time(%s[10m]) < 0.65 * avg_over_time(%s[10m] offset %s)", sel, sel, a)
		}
	case j.Class == Errors:
		part, total := selector(j.part.Metric, j.part.Matchers, j.Labels), selector(j.total.Metric, j.total.Matchers, j.Labels)
		share := fmt.Sprintf("sum(rate(%s[5m])) / sum(rate(%s[5m]))", part, total)
		if !j.bad {
			share = "1 - " + share
		}
		add(2*time.Minute, 5*time.Minute, "More than 3 % of all events fail.", "%s > 0.03", share)
	case j.Class == Latency:
		q := func(offset string) string {
			return fmt.Sprintf("histogram_quantile(0.5, sum by (le) (rate(%s[5m]%s)))", sel, offset)
		}
		for _, a := range ago {
			add(5*time.Minute, 5*time.Minute, "It is three times as slow as is usual.", "%s > 3 * %s", q(""), q(" offset "+a))
		}
	case j.Class == Failures:
		add(5*time.Minute, ten, "It fails three times as often as is usual.", "sum(rate(%s[10m])) > 3 * sum(rate(%s[1d] offset 1h)) + 0.01", sel, sel)
	default:
		add(5*time.Minute, 0, j.Metric+" is three times as high as it ever was that day.", "%s > 3 * max_over_time(%s[1d] offset 1h)", sel, sel)
	}
	return out
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
