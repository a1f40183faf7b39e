package metricsweb

import (
	"slices"
	"strings"

	otlppb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// units are the names that Prometheus gives the units of UCUM.
var units = map[string]string{ //nolint:gochecknoglobals // a constant table
	"d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds",
	"By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes", "TiBy": "tibibytes",
	"KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
	"m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius", "Hz": "hertz", "%": "percent",
}

// perUnits are the names of what stands below the line: one second, not many.
var perUnits = map[string]string{ //nolint:gochecknoglobals // a constant table
	"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year", "min": "minute",
}

// metricName returns the Prometheus name of an OTLP metric, with its unit and,
// for a counter, "total" at the end.
func metricName(m *otlppb.Metric) string {
	words := words(m.GetName())
	for _, u := range unitWords(m) {
		if u != "" && !slices.Contains(words, u) {
			words = append(words, u)
		}
	}
	if isCounter(m) {
		words = slices.DeleteFunc(words, func(w string) bool { return w == "total" })
		words = append(words, "total")
	}
	name := strings.Join(words, "_")
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// words splits a name at what Prometheus does not allow in one.
func words(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return !alphanumeric(r) && r != ':' })
}

func alphanumeric(r rune) bool {
	return (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9')
}

// unitWords returns the words that the unit adds to the name: none, the unit,
// or "unit", "per_unit".
func unitWords(m *otlppb.Metric) []string {
	unit := strings.TrimSpace(m.GetUnit())
	if unit == "1" {
		if m.GetGauge() != nil {
			return []string{"ratio"}
		}
		return nil
	}
	main, per, divided := strings.Cut(unit, "/")
	out := []string{unitWord(units, main)}
	if w := unitWord(perUnits, per); divided && w != "" {
		out = append(out, "per", w)
	}
	return out
}

// unitWord returns the word for one unit; a remark in braces is none.
func unitWord(known map[string]string, unit string) string {
	unit = strings.TrimSpace(unit)
	if strings.ContainsAny(unit, "{}") {
		return ""
	}
	if w, ok := known[unit]; ok {
		return w
	}
	return strings.Join(words(unit), "_")
}

func isCounter(m *otlppb.Metric) bool { return m.GetSum() != nil && m.GetSum().GetIsMonotonic() }

// labelName returns the Prometheus name of an attribute.
func labelName(key string) string {
	name := strings.Map(func(r rune) rune {
		if alphanumeric(r) {
			return r
		}
		return '_'
	}, key)
	switch {
	case name == "":
		return ""
	case name[0] >= '0' && name[0] <= '9':
		return "key_" + name
	case strings.HasPrefix(name, "_") && !strings.HasPrefix(name, "__"):
		return "key" + name
	case strings.HasPrefix(name, "__"): // reserved for Prometheus itself
		return "key_" + strings.TrimLeft(name, "_")
	}
	return name
}
