package pyrra

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hinoban/hinoban/internal/slo/rules"
)

// kept are the labels by which the whole window is counted: those of the
// grouping, those that only the other side has, and those that a regular
// expression leaves open.
func (p promise) kept() []string {
	all := map[string]bool{}
	for _, m := range p.part.matchers {
		all[m.name] = true
	}
	for _, m := range p.total.matchers {
		delete(all, m.name)
	}
	delete(all, "le")
	for _, m := range p.total.matchers {
		if m.regexp() || p.kind == gauge {
			all[m.name] = true
		}
	}
	if p.kind == gauge {
		all["__name__"] = true // which changes nothing, but the original writes it
	}
	for _, g := range p.grouping {
		all[g] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// increases count the whole window and call when a metric is gone.
func (p promise) increases() []rules.Rule {
	if p.kind == native {
		return p.nativeIncreases()
	}
	by := p.kept()
	labels := p.fixed(by)
	absent := func(of selector, labels map[string]string) []rules.Rule {
		if !p.spec.Alerting.absent() {
			return nil
		}
		return []rules.Rule{p.absent(of, labels)}
	}
	var short, long []rules.Rule
	add := func(s, l []rules.Rule) { short, long = append(short, s...), append(long, l...) }
	switch p.kind {
	case latency:
		add(p.counted(p.total, "increase", by, labels))
		bucket := rules.Merge(map[string]string{"le": p.le()}, labels)
		add(p.counted(p.part, "increase", by, bucket))
		short = append(short, append(absent(p.total, labels), absent(p.part, bucket)...)...)
	case gauge:
		add(p.counted(p.total, "count_over_time", by, labels))
		add(p.counted(p.total, "sum_over_time", by, labels))
		short = append(short, absent(p.total, labels)...)
	default:
		add(p.counted(p.total, "increase", by, labels))
		short = append(short, absent(p.total, labels)...)
		if p.part.name != p.total.name {
			add(p.counted(p.part, "increase", by, labels))
			short = append(short, absent(p.part, labels)...)
		}
	}
	if p.spec.Performance {
		return append(short, long...)
	}
	return short
}

// counted records fn of s over the whole window. In performance mode it records
// that over 5m, and in a second rule the sum of those.
func (p promise) counted(s selector, fn string, by []string, labels map[string]string) (short, long []rules.Rule) {
	name := func(window string) string {
		switch fn {
		case "count_over_time":
			return s.name + ":count" + window
		case "sum_over_time":
			return s.name + ":sum" + window
		}
		return increaseName(s.name, window)
	}
	window := rules.Duration(p.period)
	direct := window
	if p.spec.Performance {
		direct = "5m"
		of := s.named(name("5m"))
		if p.kind == latency && s.name == p.total.name {
			of = of.named(of.name, matcher{"le", "=", ""}) // both sides record into one name
		}
		long = []rules.Rule{{Record: name(window), Expr: sum(by, "sum_over_time("+of.over(window+":5m")+")"), Labels: labels}}
	}
	return []rules.Rule{{Record: name(direct), Expr: sum(by, fn+"("+s.over(direct)+")"), Labels: labels}}, long
}

func (p promise) nativeIncreases() []rules.Rule {
	window := rules.Duration(p.period)
	by := p.spec.Indicator.LatencyNative.Grouping
	counted := sum(by, "increase("+p.total.over(window)+")")
	labels := p.fixed(nil)
	name := increaseName(p.total.name, window)
	return []rules.Rule{
		{Record: name, Expr: "histogram_count(" + counted + ")", Labels: labels},
		{
			Record: name, Labels: rules.Merge(labels, map[string]string{"le": fmt.Sprintf("%g", p.within)}),
			Expr: "histogram_fraction(0, " + number(p.within) + ", " + counted + ") * histogram_count(" + counted + ")",
		},
	}
}

// generic are series whose names are the same for all objectives.
func (p promise) generic() []rules.Rule {
	labels := p.labels
	if r := p.spec.RuleOutput; r != nil && r.DescriptionAsLabel {
		labels = rules.Merge(labels, map[string]string{"description": p.spec.Description})
	}
	out := []rules.Rule{
		{Record: "pyrra_objective", Expr: number(p.target)},
		{Record: "pyrra_window", Expr: fmt.Sprint(int64(p.period.Seconds()))},
	}
	window, own := rules.Duration(p.period), matcher{"slo", "=", p.name}
	rate := func(s selector) string { return "sum(rate(" + s.over("5m") + "))" }
	add := func(record, expr string) { out = append(out, rules.Rule{Record: record, Expr: expr}) }
	total, part := p.total.named(increaseName(p.total.name, window), own), p.part.named(increaseName(p.part.name, window), own)
	none := matcher{"le", "=", ""}
	switch p.kind {
	case ratio:
		add("pyrra_availability", "1 - sum("+part.String()+" or vector(0)) / sum("+total.String()+")")
		add("pyrra_requests:rate5m", rate(p.total))
		add("pyrra_errors:rate5m", rate(p.part)+" or vector(0)")
	case latency:
		add("pyrra_availability", "sum("+part.String()+" or vector(0)) / sum("+total.named(total.name, none).String()+")")
		add("pyrra_requests:rate5m", rate(p.total))
		add("pyrra_errors:rate5m", rate(p.total)+" - "+rate(p.part))
	case native:
		le := matcher{"le", "=", fmt.Sprintf("%g", p.within)}
		add("pyrra_availability", "sum("+total.named(total.name, le).String()+" or vector(0)) / sum("+total.named(total.name, none).String()+")")
	case gauge:
		count, good := p.total.named(p.total.name+":count"+window, own), p.total.named(p.total.name+":sum"+window, own)
		add("pyrra_availability", "sum("+good.String()+") / sum("+count.String()+")")
		add("pyrra_requests:rate5m", "sum("+count.String()+")")
		add("pyrra_errors:rate5m", "sum("+count.String()+") - sum("+good.String()+")")
	}
	for i := range out {
		out[i].Labels = labels
	}
	return out
}
