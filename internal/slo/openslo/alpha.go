package openslo

import (
	"fmt"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
)

// fromAlpha turns an SLO of v1alpha into one of v1 and returns what reads it.
func fromAlpha(s shelf, a AlphaSLOSpec) (*reader, SLOSpec) {
	r := &reader{shelf: s, version: V1Alpha, alpha: true}
	out := SLOSpec{Description: a.Description, Service: a.Service, BudgetingMethod: a.BudgetingMethod}
	unit := map[string]string{"Minute": "m", "Hour": "h", "Day": "d", "Week": "w", "Month": "M", "Quarter": "Q", "Year": "Y"}
	for _, w := range a.TimeWindows {
		out.TimeWindow = append(out.TimeWindow, TimeWindow{Duration: fmt.Sprint(w.Count) + unit[w.Unit], IsRolling: w.IsRolling, Calendar: w.Calendar})
	}
	if a.Indicator != nil {
		r.promql("spec.indicator.thresholdMetric", &a.Indicator.ThresholdMetric)
		out.Indicator = &InlineSLI{Spec: SLISpec{ThresholdMetric: alphaMetric(&a.Indicator.ThresholdMetric)}}
	}
	for i, o := range a.Objectives {
		spec := ObjectiveSpec{DisplayName: o.DisplayName, Op: o.Op, Value: o.Value, Target: o.Target, TimeSliceTarget: o.TimeSliceTarget, TimeSliceWindow: o.TimeSliceWindow}
		if m := o.RatioMetrics; m != nil {
			spec.Op, spec.Value = "", nil // v1alpha asks for a value even where it means nothing
			spec.Indicator = &InlineSLI{Spec: SLISpec{RatioMetric: &RatioMetric{
				Counter: m.Counter || m.Incremental, Good: alphaMetric(m.Good), Bad: alphaMetric(m.Bad), Total: alphaMetric(&m.Total),
			}}}
			r.sources(fmt.Sprintf("spec.objectives[%d].ratioMetrics", i), m)
		}
		out.Objectives = append(out.Objectives, spec)
	}
	return r, out
}

// sources refuses queries that are not PromQL.
func (r *reader) sources(path string, m *AlphaRatio) {
	for _, q := range []*AlphaMetric{m.Good, m.Bad, &m.Total} {
		r.promql(path, q)
	}
}

func (r *reader) promql(path string, q *AlphaMetric) {
	if q != nil && (!strings.EqualFold(q.Source, "prometheus") || (q.QueryType != "" && !strings.EqualFold(q.QueryType, "promql") && q.QueryType != "query")) {
		r.bad(path, "write source: prometheus and queryType: promql", "queries of %s in %q are not read", q.Source, q.QueryType)
	}
}

func alphaMetric(m *AlphaMetric) *Metric {
	if m == nil {
		return nil
	}
	return &Metric{MetricSource: &MetricSource{Spec: Query{Query: m.Query}}}
}

// alphaSLI reads an SLI that fromAlpha made.
func (r *reader) alphaSLI(path string, s SLISpec) slo.SLI {
	if s.ThresholdMetric != nil {
		path = "spec.indicator"
	}
	return r.sli(path, s)
}

// inAlpha gives faults the paths of the document that fromAlpha turned.
func (r *reader) inAlpha(found []ascode.FieldError) []ascode.FieldError {
	names := strings.NewReplacer(".timeWindow[", ".timeWindows[", ".ratioMetric.", ".ratioMetrics.", ".metricSource.spec", "", ".ratioMetrics", ".ratioMetrics")
	out := make([]ascode.FieldError, len(found))
	for i, f := range found {
		f.Path = names.Replace(f.Path)
		if strings.HasSuffix(f.Path, ".ratioMetric") {
			f.Path += "s"
		}
		out[i] = f
	}
	return out
}
