package openslo

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

const day = 24 * time.Hour

// shelf holds the documents that others refer to by name. Its zero value is
// that of a document that is looked at alone: then no reference is followed.
type shelf struct {
	whole      bool
	slis       map[string]doc[SLISpec]
	policies   map[string]AlertPolicySpec
	conditions map[string]AlertConditionSpec
	targets    map[string]bool
	sources    map[string]string // name to type
}

type doc[T any] struct {
	version string
	spec    T
}

// reader turns one SLO into objectives and says what is wrong with it. What is
// found in the document alone and what is found through its references is kept
// apart, because the two are asked for at different times.
type reader struct {
	shelf   shelf
	version string
	alpha   bool // objectives have their own SLIs and are no composite
	alone   []ascode.FieldError
	linked  []ascode.FieldError
}

func (r *reader) bad(path, fix, format string, args ...any) {
	r.alone = append(r.alone, ascode.Fieldf(path, fix, format, args...))
}

func (r *reader) note(path, fix, format string, args ...any) {
	r.alone = append(r.alone, ascode.Notef(path, fix, format, args...))
}

func (r *reader) link(path, fix, format string, args ...any) {
	if r.shelf.whole {
		r.linked = append(r.linked, ascode.Fieldf(path, fix, format, args...))
	}
}

// broken reports whether the document has faults of its own.
func (r *reader) broken() bool {
	for _, f := range r.alone {
		if !f.Lenient {
			return true
		}
	}
	return false
}

// checkQuery says what is wrong with a query, or "". fn is what is put around a
// bare selector; "" leaves the query as it is.
func checkQuery(q, fn string) string {
	if strings.TrimSpace(q) == "" {
		return "the query is empty"
	}
	var err error
	if fn == "" || rules.HasWindow(q) {
		err = metrics.ParseQuery(rules.PutWindow(q, "5m"))
	} else {
		_, err = metrics.OverWindow(q, fn, time.Hour)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// metric returns the query of m. fn is as in checkQuery.
func (r *reader) metric(path string, m *Metric, fn string) string {
	q, kind, ref, path, ok := r.source(path, m)
	switch {
	case !ok:
		return ""
	case strings.EqualFold(kind, "any"):
		r.note(path, "write type: Prometheus", "a source of type Any, as in OpenSLO's examples, is read as Prometheus")
	case kind != "" && !strings.EqualFold(kind, "prometheus"):
		r.bad(path, "write the query in PromQL, and type: Prometheus", "queries of type %q are not read", kind)
		return ""
	case ref != "" && r.shelf.whole:
		r.sourceNamed(path, ref)
	}
	field := ".spec.query"
	if q.Query == "" && q.PromQL != "" {
		field = ".spec.promql"
	}
	if why := checkQuery(q.text(), fn); why != "" {
		r.bad(path+field, "write the bare counter, such as sum(http_requests_total), or a range of {{.window}}", "%s", why)
	}
	return rules.PutWindow(q.text(), rules.WindowMark)
}

// sourceNamed looks at the data source that a metric names.
func (r *reader) sourceNamed(path, ref string) {
	kind, known := r.shelf.sources[ref]
	switch {
	case !known:
		r.linked = append(r.linked, ascode.Notef(path, "add a DataSource document of this name; the server's own metrics are meant in any case", "there is no data source %q", ref))
	case !strings.EqualFold(kind, "prometheus"):
		r.link(path, "name a source of type Prometheus, and write the query in PromQL", "the data source %q is of type %q, whose queries are not read", ref, kind)
	}
}

// source finds the query of m, the kind and the name of its source, and the path
// of the query. ok is false where there is none.
func (r *reader) source(path string, m *Metric) (q Query, kind, ref, at string, ok bool) {
	ref = m.DataSourceRef
	switch {
	case m.MetricSource != nil:
		if m.Spec != nil || ref != "" || m.DataSourceSpec != nil {
			r.bad(path, "keep metricSource in openslo/v1, and spec in openslo.com/v2alpha", "metricSource stands beside the fields of v2alpha")
		}
		if r.version == V2Alpha {
			r.bad(path+".metricSource", "write dataSourceRef: and spec: in its place", "v2alpha has no metricSource")
		}
		path += ".metricSource"
		q, kind, ref = m.MetricSource.Spec, m.MetricSource.Type, m.MetricSource.MetricSourceRef
	case m.Spec != nil:
		if r.version == V1 {
			r.bad(path+".spec", "put it under metricSource:", "in v1 a metric has a metricSource")
		}
		q = *m.Spec
		if m.DataSourceSpec != nil {
			kind = m.DataSourceSpec.Type
		}
	default:
		r.bad(path, "add metricSource: {spec: {query: …}}", "the metric has no query")
		return q, kind, ref, path, false
	}
	return q, kind, ref, path, true
}

// sli reads what counts events. The op and value of a threshold are the
// objective's.
func (r *reader) sli(path string, s SLISpec) (out slo.SLI) {
	switch {
	case (s.RatioMetric == nil) == (s.ThresholdMetric == nil):
		r.bad(path, "add one of ratioMetric: and thresholdMetric:", "exactly one of ratioMetric and thresholdMetric must be given")
	case s.ThresholdMetric != nil:
		out.Threshold = r.metric(path+".thresholdMetric", s.ThresholdMetric, "")
	default:
		out = r.ratio(path+".ratioMetric", *s.RatioMetric)
	}
	return out
}

func (r *reader) ratio(path string, m RatioMetric) (out slo.SLI) {
	if m.Raw != nil || m.RawType != "" {
		return r.raw(path, m)
	}
	out.Counter = m.Counter
	if m.Total == nil {
		r.bad(path, "add total:", "the ratio has no total")
	}
	if (m.Good == nil) == (m.Bad == nil) {
		r.bad(path, "give one of good: and bad:", "exactly one of good and bad must be given")
	}
	fn := "sum_over_time"
	if m.Counter {
		fn = "increase"
	}
	for _, side := range []struct {
		name string
		m    *Metric
		to   *string
	}{{"good", m.Good, &out.Good}, {"bad", m.Bad, &out.Bad}, {"total", m.Total, &out.Total}} {
		if side.m != nil {
			*side.to = r.metric(path+"."+side.name, side.m, fn)
		}
	}
	if out.Total != "" && (out.Good == out.Total || out.Bad == out.Total) {
		r.note(path, "one of the two needs a matcher more, such as code=~\"5..\"", "both sides of the ratio are the same query")
	}
	return out
}

func (r *reader) raw(path string, m RatioMetric) (out slo.SLI) {
	if m.Raw == nil || m.RawType == "" || m.Total != nil || m.Good != nil || m.Bad != nil {
		r.bad(path, "give raw: and rawType: success or failure, and neither good, bad nor total", "a raw ratio needs raw and rawType, and nothing else")
		return out
	}
	out.RawFails, out.Counter = m.RawType == "failure", m.Counter
	out.Raw = r.metric(path+".raw", m.Raw, "")
	return out
}

// indicator finds the SLI that an SLO or an objective has inline or names. ok is
// false where there is none to be had.
func (r *reader) indicator(path string, inline *InlineSLI, ref, field string) (out slo.SLI, ok bool) {
	if inline != nil && ref != "" {
		r.bad(path, "give one of the two", "%s and %sRef are both given", field, field)
		return out, false
	}
	if inline != nil {
		if r.alpha {
			return r.alphaSLI(path, inline.Spec), true
		}
		at := field + ".spec"
		if path != "" {
			at = path + "." + at
		}
		return r.sli(at, inline.Spec), true
	}
	d, ok := r.shelf.slis[ref]
	if !ok {
		r.link(path+"."+field+"Ref", "add an SLI document of this name, or mend the name", "there is no SLI %q", ref)
		return out, false
	}
	other := &reader{version: d.version, shelf: r.shelf}
	out = other.sli("spec", d.spec)
	for _, f := range other.linked { // told at the name, for it is not of this document
		f.Path = path + "." + field + "Ref"
		r.linked = append(r.linked, f)
	}
	return out, !other.broken() // what its own document shows has been told
}

var spanForm = regexp.MustCompile(`^([0-9]+)([mhdwMQY])$`)

// span reads OpenSLO's duration shorthand, months as 30 days.
func span(s string) (time.Duration, error) {
	m := spanForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not a duration such as 5m, 1h or 30d", s)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n == 0 || n > 1_000_000 {
		return 0, fmt.Errorf("%q is not a duration that makes sense", s)
	}
	unit := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day, "M": 30 * day, "Q": 90 * day, "Y": 365 * day}[m[2]]
	if time.Duration(n) > (1<<62)/unit {
		return 0, fmt.Errorf("%q is too long", s)
	}
	return time.Duration(n) * unit, nil
}
