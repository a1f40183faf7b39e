package openslo

import (
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo"
)

// prefix is that of Hinoban's own annotations.
const prefix = "hinoban.dev/"

// Annotations are Hinoban's own annotations of an SLO and what they say.
func Annotations() map[string]string {
	return map[string]string{
		"id":                  "the objective's id, where the document's name cannot be it",
		"burn-rates":          "the entry of a burn-rate catalogue: std/tier1@3",
		"burn-rates-override": "why the alert policies are not those of the catalogue",
		"alerting":            "off: no burn rate alerts",
		"no-data":             "what a slice without data counts as: good, bad or ignore",
		"first-sample":        "zero-origin: the first sample of a new series counts from 0",
		"composite":           "how the parts become one: weighted, worst, event-product or any-bad",
		"composite-target":    "the target of the whole, where it is not the weighted mean of its parts'",
		"when-delayed":        "what a part without data counts as: good, bad or ignore",
		"absent":              "call when there has been no data for so long: 10m ticket",
	}
}

// extras are the annotations that are not an objective's own fields.
type extras struct {
	composite, target, delayed string
	first                      slo.FirstSample
	silent                     bool
}

// annotations reads Hinoban's own ones into o.
func (r *reader) annotations(all map[string]string, o *slo.Objective) (own extras) {
	o.NoData = slo.NoDataIgnore
	if o.Method == slo.Timeslices {
		o.NoData = slo.NoDataGood
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if name, ours := strings.CutPrefix(key, prefix); ours {
			r.annotation(name, all[key], o, &own)
		}
	}
	return own
}

func (r *reader) annotation(name, value string, o *slo.Objective, own *extras) {
	const path = "metadata.annotations"
	oneOf := func(words ...string) string {
		if !slices.Contains(words, value) {
			r.bad(path, "write "+strings.Join(words, ", "), "%s%s: %q is not known", prefix, name, value)
		}
		return value
	}
	switch name {
	case "id":
		o.ID = value
	case "burn-rates":
		o.BurnRates = value
	case "burn-rates-override":
		o.Override = value
	case "alerting":
		own.silent = oneOf("off") == "off"
	case "no-data":
		o.NoData = slo.NoData(oneOf("good", "bad", "ignore"))
		if o.Method == slo.Occurrences && value != "ignore" {
			r.bad(path, "use budgetingMethod: Timeslices", "%s%s: with Occurrences nothing happened where there is no data", prefix, name)
		}
	case "first-sample":
		own.first = slo.FirstSample(oneOf("zero-origin"))
	case "composite":
		own.composite = oneOf("weighted", "worst", "event-product", "any-bad")
	case "composite-target":
		own.target = value
	case "when-delayed":
		own.delayed = oneOf("good", "bad", "ignore")
	case "absent":
		r.absent(value, o)
	default:
		r.bad(path, "known: "+strings.Join(slices.Sorted(maps.Keys(Annotations())), ", "), "unknown annotation %s%s", prefix, name)
	}
}

func (r *reader) absent(value string, o *slo.Objective) {
	after, word, _ := strings.Cut(value, " ")
	d, err := span(after)
	severity, known := severityOf(word)
	if err != nil || !known {
		r.bad("metadata.annotations", "write 10m ticket, for example", "%sabsent: %q is no time and severity", prefix, value)
		return
	}
	o.Absent = slo.Absent{After: d, Severity: severity}
}

// severityOf reads the words that people use. known is false for a word that
// says nothing here.
func severityOf(word string) (s alert.Severity, known bool) {
	switch strings.ToLower(word) {
	case "page", "critical", "high", "emergency", "fatal", "urgent", "p1", "sev1":
		return alert.Page, true
	case "ticket", "warning", "warn", "medium", "low", "minor", "p2", "p3", "sev2", "sev3":
		return alert.Ticket, true
	case "info", "information", "notice":
		return alert.Info, true
	}
	return alert.Ticket, false
}

// jointTarget is the mean of the parts' targets by weight.
func jointTarget(parts []slo.Objective, weights []slo.Component) slo.Target {
	sum, all := new(big.Rat), new(big.Rat)
	for i, p := range parts {
		t, ok := new(big.Rat).SetString(p.Target.String())
		w := new(big.Rat).SetFloat64(weights[i].Weight)
		if !ok || w == nil {
			continue
		}
		all.Add(all, w)
		sum.Add(sum, t.Mul(t, w))
	}
	if all.Sign() == 0 {
		return slo.Target{}
	}
	t, err := slo.ParseTarget(sum.Quo(sum, all).FloatString(12), false)
	if err != nil {
		return slo.Target{}
	}
	return t
}
