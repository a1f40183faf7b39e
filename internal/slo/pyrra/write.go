package pyrra

import (
	"regexp"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

// FromObjective writes an objective as Pyrra's resource. It is Invalid, with a
// reason, where Pyrra has no words for it: it knows selectors of one metric each
// and no other PromQL.
func FromObjective(o slo.Objective) (Resource, error) {
	if why := refusal(o); why != "" {
		return Resource{}, errs.New(errs.Invalid, "%s cannot be written for Pyrra: %s", o.ID, why)
	}
	r := Resource{APIVersion: APIVersion, Kind: "ServiceLevelObjective"}
	r.Metadata = rules.Object{Name: o.ID, Labels: map[string]string{prefix + "service": o.Service}}
	for k, v := range o.Labels {
		r.Metadata.Labels[prefix+k] = v
	}
	yes, no := true, false
	r.Spec = Spec{Description: o.Text, Target: o.Target.Percent(), Window: rules.Duration(o.Window)}
	r.Spec.Alerting.Burnrates, r.Spec.Alerting.Absent = &yes, &no
	if len(o.Pairs) == 0 && o.BurnRates == "" {
		r.Spec.Alerting.Burnrates = &no
	}
	if o.Absent.After > 0 {
		r.Spec.Alerting.Absent = &yes
	}
	var err error
	if r.Spec.Indicator, err = indicatorOf(o.SLI); err == nil {
		_, _, err = parse(r)
	}
	if err != nil {
		return Resource{}, errs.New(errs.Invalid, "%s cannot be written for Pyrra: %w", o.ID, err)
	}
	return r, nil
}

// refusal says why Pyrra has no words for o, or "".
func refusal(o slo.Objective) string {
	switch {
	case o.Composite != nil:
		return "it is a composite, and Pyrra has none: convert its parts as SLOs of their own"
	case o.Calendar != nil:
		return "its window is a calendar's, and Pyrra's roll"
	case o.Method != slo.Occurrences:
		return "its budgeting method is " + string(o.Method) + ", and Pyrra knows Occurrences only"
	case o.SLI.Raw != "" || o.SLI.Threshold != "":
		return "its SLI is no ratio of counters"
	}
	return ""
}

func indicatorOf(s slo.SLI) (i Indicator, err error) {
	total, by, ok := bare(s.Total)
	part, partBy, ok2 := bare(s.Bad + s.Good)
	switch {
	case !ok || !ok2 || strings.Join(by, ",") != strings.Join(partBy, ","):
		return i, errs.New(errs.Invalid, "its queries are not sums of one metric each, as sum(rate(m{…}[{{.window}}])) is")
	case s.Bad != "":
		i.Ratio = &Ratio{Errors: Query{part.String()}, Total: Query{total.String()}, Grouping: by}
	case strings.HasSuffix(part.name, "_bucket") && strings.HasSuffix(total.name, "_count"):
		i.Latency = &Latency{Success: Query{part.String()}, Total: Query{total.String()}, Grouping: by}
	default:
		return i, errs.New(errs.Invalid, "it counts good events, and Pyrra's ratios count errors: write bad: in the place of good:")
	}
	return i, nil
}

var (
	sumForm  = regexp.MustCompile(`(?s)^\s*sum\s*(?:by\s*\(([^()]*)\)\s*)?\((.*)\)\s*(?:by\s*\(([^()]*)\)\s*)?$`)
	rateForm = regexp.MustCompile(`(?s)^\s*(?:rate|increase)\s*\((.*)\[\s*\{\{\s*\.window\s*\}\}\s*\]\s*\)\s*$`)
)

// bare finds the one selector of a sum.
func bare(q string) (s selector, by []string, ok bool) {
	m := sumForm.FindStringSubmatch(q)
	if m == nil {
		return s, nil, false
	}
	for g := range strings.SplitSeq(m[1]+","+m[3], ",") {
		if g = strings.TrimSpace(g); g != "" {
			by = append(by, g)
		}
	}
	inner := m[2]
	if r := rateForm.FindStringSubmatch(inner); r != nil {
		inner = r[1]
	}
	s, err := parseSelector(inner)
	return s, by, err == nil
}
