package canary

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/rule"
)

const (
	// Series is 1, and 0 while there is a fault. Its label canary is the name.
	Series = "hinoban_canary_up"
	// Rule is the alert's name.
	Rule = "HinobanCanary"
	// Source is that of the alert which says that none arrives.
	Source = "canary"
	// Missing is its rule.
	Missing = "canary missing"
	// File is the name of the generated file of rules.
	File = "hinoban-canary"
)

// Is reports whether a is the alert of a fault that was made on purpose: of the
// rules' source, by that rule's name, with that rule's label. A label canary alone,
// which releases have too, hides nothing.
func Is(a alert.Alert) bool {
	return a.Source == rule.Source && a.Rule == Rule && a.Labels["canary"] != ""
}

// Next is when a fault begins, and how long it lasts, where the one before ended at
// after. The time between is exponential with the mean Every, at least rest and at
// most twice Every.
func (c Canary) Next(seed uint64, after time.Time, rest time.Duration) (at time.Time, lasts time.Duration) {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(c.Name))                                        // it never fails
	r := rand.New(rand.NewPCG(seed^sum.Sum64(), uint64(after.UnixMicro()))) //nolint:gosec // a schedule, not a secret
	gap := min(time.Duration(r.ExpFloat64()*float64(c.Every)), 2*c.Every)
	return after.Add(max(gap, rest)), c.Min + time.Duration(r.Int64N(int64(c.Max-c.Min)+1))
}

// Rules is a file of Prometheus' rules that alert on the faults of all, evaluated
// every so often; "" where there are none.
func Rules(all []Canary, every time.Duration) string {
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "groups:\n- name: hinoban-canary\n  interval: %dms\n  rules:\n", every.Milliseconds())
	for _, c := range all {
		fmt.Fprintf(&b, "  - alert: %s\n    expr: %s{canary=%q} == 0\n    labels: {canary: %q, severity: %s}\n    annotations: {summary: \"A fault made on purpose: nothing is to be done\"}\n", Rule, Series, c.Name, c.Name, c.Urgency)
	}
	return b.String()
}
