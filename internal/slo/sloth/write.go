package sloth

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/openslo"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

// Specs writes objectives as files of Sloth, one for each service in the order
// of their first objectives. period is what Sloth will be run with. It is
// Invalid, with a reason, where Sloth has no words for an objective.
func Specs(objectives []slo.Objective, period time.Duration) ([]Spec, error) {
	var out []Spec
	for _, o := range objectives {
		if o.PartOf != "" {
			continue // told with its composite
		}
		written, err := fromObjective(o, period)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(out, func(s Spec) bool { return s.Service == o.Service })
		if i < 0 {
			out, i = append(out, Spec{Version: Version, Service: o.Service}), len(out)
		}
		out[i].SLOs = append(out[i].SLOs, written)
	}
	return out, nil
}

// FromAlpha writes an SLO of OpenSLO v1alpha as Sloth itself reads it: one SLO
// for each objective, numbered from 0, without alerts. ok is false where Sloth
// does not read it: it wants good, total, and {{.window}} in both.
func FromAlpha(name string, s openslo.AlphaSLOSpec) (out Spec, ok bool) {
	out = Spec{Version: Version, Service: s.Service}
	for i, o := range s.Objectives {
		m := o.RatioMetrics
		if m == nil || m.Good == nil || !rules.HasWindow(m.Good.Query) || !rules.HasWindow(m.Total.Query) {
			return out, false
		}
		share, err := strconv.ParseFloat(string(o.Target), 64)
		if err != nil {
			return out, false
		}
		const form = "\n  1 - (\n    (\n      %s\n    )\n    /\n    (\n      %s\n    )\n  )\n"
		out.SLOs = append(out.SLOs, SLO{
			Name: name + "-" + strconv.Itoa(i), Description: s.Description, Objective: ascode.Decimal(strconv.FormatFloat(share*100, 'g', -1, 64)),
			SLI:      SLI{Raw: &Raw{fmt.Sprintf(form, m.Good.Query, m.Total.Query)}},
			Alerting: Alerting{Page: Alert{Disable: true}, Ticket: Alert{Disable: true}},
		})
	}
	return out, true
}

// refusal says why Sloth has no words for o, or "".
func refusal(o slo.Objective, period time.Duration) string {
	switch {
	case o.Composite != nil:
		return "it is a composite, and Sloth has none: convert its parts as SLOs of their own"
	case o.Calendar != nil:
		return "its window is a calendar's, and Sloth's roll: give it a rolling window"
	case o.Method != slo.Occurrences:
		return "its budgeting method is " + string(o.Method) + ", and Sloth knows Occurrences only"
	case o.SLI.Threshold != "":
		return "it is a threshold, and Sloth counts events: write a query of bad and of all samples"
	case o.Window != period:
		return "its window is " + slo.Short(o.Window) + ": run with --default-slo-period " + rules.Duration(o.Window)
	}
	return ""
}

func fromObjective(o slo.Objective, period time.Duration) (out SLO, err error) {
	if why := refusal(o, period); why != "" {
		return out, errs.New(errs.Invalid, "%s cannot be written for Sloth: %s", o.ID, why)
	}
	out = SLO{Name: o.ID, Description: o.Text, Objective: ascode.Decimal(o.Target.Percent()), Labels: o.Labels}
	if rest, ok := strings.CutPrefix(o.ID, o.Service+"-"); ok && rest != "" {
		out.Name = rest
	}
	if out.SLI, err = sliOf(o); err != nil {
		return out, errs.New(errs.Invalid, "%s cannot be written for Sloth: %w", o.ID, err)
	}
	severe := func(s alert.Severity) bool {
		return slices.ContainsFunc(o.Pairs, func(p slo.Pair) bool { return p.Severity == s })
	}
	out.Alerting = Alerting{Name: camel(o.ID), Page: Alert{Disable: !severe(alert.Page) && o.BurnRates == ""}, Ticket: Alert{Disable: !severe(alert.Ticket) && o.BurnRates == ""}}
	return out, nil
}

// sliOf writes an SLI with {{.window}} in it.
func sliOf(o slo.Objective) (out SLI, err error) {
	put := func(q string) string {
		if q == "" || err != nil || rules.HasWindow(q) {
			return q
		}
		fn := "sum_over_time"
		if o.SLI.Counter {
			fn = "rate"
		}
		// A length that no query has by itself marks where the window goes.
		const marker = 7919 * time.Second
		var text string
		text, err = metrics.OverWindow(q, fn, marker)
		return strings.ReplaceAll(text, "["+rules.Duration(marker)+"]", "[{{.window}}]")
	}
	switch {
	case o.SLI.Raw != "":
		if !rules.HasWindow(o.SLI.Raw) {
			return out, errs.New(errs.Invalid, "its raw ratio has no {{.window}}")
		}
		q := o.SLI.Raw
		if !o.SLI.RawFails {
			q = "1 - (" + q + ")"
		}
		out.Raw = &Raw{q}
	case o.SLI.Good != "":
		total := put(o.SLI.Total)
		out.Events = &Events{"(" + total + ") - (" + put(o.SLI.Good) + ")", total}
	default:
		out.Events = &Events{put(o.SLI.Bad), put(o.SLI.Total)}
	}
	return out, err
}

var wordStart = regexp.MustCompile(`(^|[^A-Za-z0-9]+)([A-Za-z0-9])`)

// camel is an alert's name: checkout-availability becomes CheckoutAvailability.
func camel(id string) string {
	return wordStart.ReplaceAllStringFunc(id, func(s string) string { return strings.ToUpper(s[len(s)-1:]) })
}
