package catalogue

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/slo"
)

// Write writes pairs as a document of one entry, ready to be read again.
func Write(name, entry, why string, pairs []slo.Pair) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: hinoban/v1\nkind: BurnRateCatalogue\nmetadata: {name: %s, version: 1}\nspec:\n  entries:\n  - id: %s\n    pairs:\n", name, entry)
	for _, p := range pairs {
		fmt.Fprintf(&b, "    - {severity: %s, burnRate: %s, long: %s", p.Severity, number(p.Rate), span(p.Long))
		if p.Short > 0 {
			b.WriteString(", short: " + span(p.Short))
		}
		if p.ShortRate > 0 {
			b.WriteString(", shortBurnRate: " + number(p.ShortRate))
		}
		if p.For > 0 {
			b.WriteString(", for: " + span(p.For))
		}
		if g := p.Gate; g != (slo.Gate{}) {
			b.WriteString(gate(g))
		}
		b.WriteString("}\n")
	}
	fmt.Fprintf(&b, "    rationale: %s\n", strconv.Quote(why))
	return b.String()
}

func gate(g slo.Gate) string {
	out := ""
	if g.Confidence > 0 {
		out += ", confidence: " + number(g.Confidence)
	}
	if g.Against != "" {
		out += ", against: " + g.Against
	}
	if g.MinEvents > 0 {
		out += ", minEvents: " + strconv.FormatInt(g.MinEvents, 10)
	}
	if g.MinFailures > 0 {
		out += ", minFailures: " + strconv.FormatInt(g.MinFailures, 10)
	}
	if g.Method != "" {
		out += ", method: " + g.Method
	}
	return out
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// span writes a duration in one unit that a document takes.
func span(d time.Duration) string {
	switch {
	case d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	case d%hour == 0:
		return strconv.Itoa(int(d/hour)) + "h"
	case d%minute == 0:
		return strconv.Itoa(int(d/minute)) + "m"
	}
	return strconv.Itoa(int(d/time.Second)) + "s"
}
