package metricsweb

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/prompb"

	"github.com/hinoban/hinoban/internal/metrics/promstore"
)

// readV1 puts a message of remote write 1.0 into in.
func (a *api) readV1(in *intake, body []byte) error {
	var req prompb.WriteRequest
	if err := req.Unmarshal(body); err != nil {
		return refusal(http.StatusBadRequest, "the body is not a %s: %s", messageV1, err)
	}
	b := labels.NewScratchBuilder(16)
	var samples []promstore.Sample
	for i := range req.Timeseries {
		ts := &req.Timeseries[i]
		ls, err := labelsV1(&b, ts.Labels)
		if err != nil {
			in.refuse(len(ts.Samples)+len(ts.Histograms), err)
			continue
		}
		samples = samples[:0]
		for _, s := range ts.Samples {
			samples = append(samples, promstore.Sample{T: s.Timestamp, V: s.Value})
		}
		for _, h := range ts.Histograms {
			x := promstore.Sample{T: h.Timestamp}
			if h.IsFloatHistogram() {
				x.FH = h.ToFloatHistogram()
			} else {
				x.H = h.ToIntHistogram()
			}
			samples = append(samples, x)
		}
		if len(ts.Exemplars) > 0 && len(samples) > 0 {
			last := &samples[len(samples)-1]
			for _, e := range ts.Exemplars {
				last.Exemplars = append(last.Exemplars, e.ToExemplar(&b, nil))
			}
			sortExemplars(last.Exemplars)
		}
		if err := in.series(ls, samples...); err != nil {
			return err
		}
	}
	for _, m := range req.Metadata {
		a.Store.Describe(m.MetricFamilyName, metadata.Metadata{Type: typeV1(m.Type), Unit: m.Unit, Help: m.Help})
	}
	return nil
}

// labelsV1 builds the labels of a series. They have to come sorted, and each
// once, as the protocol says: a sender that cannot do that has a fault that
// would show later as two series where there is one.
func labelsV1(b *labels.ScratchBuilder, all []prompb.Label) (labels.Labels, error) {
	b.Reset()
	prev := ""
	for i, l := range all {
		if err := inOrder(i, prev, l.Name); err != nil {
			return labels.EmptyLabels(), fmt.Errorf("%w in %s", err, labelText(all))
		}
		prev = l.Name
		b.Add(l.Name, l.Value)
	}
	return b.Labels(), nil
}

func inOrder(i int, prev, name string) error {
	switch {
	case i == 0 || name > prev:
		return nil
	case name == prev:
		return fmt.Errorf("label %q twice", name)
	}
	return fmt.Errorf("labels not sorted: %q after %q", name, prev)
}

func labelText(all []prompb.Label) string {
	var s strings.Builder
	for _, l := range all[:min(len(all), 10)] {
		fmt.Fprintf(&s, "%.100s=%.100q ", l.Name, l.Value)
	}
	return "{" + strings.TrimSpace(s.String()) + "}"
}

func typeV1(t prompb.MetricMetadata_MetricType) model.MetricType {
	if t == prompb.MetricMetadata_UNKNOWN {
		return model.MetricTypeUnknown
	}
	return model.MetricType(strings.ToLower(t.String()))
}

// sortExemplars puts them in the order that the store wants. A message holds a
// handful, mostly in order already.
func sortExemplars(es []exemplar.Exemplar) {
	for i := 1; i < len(es); i++ {
		for j := i; j > 0 && es[j].Ts < es[j-1].Ts; j-- {
			es[j], es[j-1] = es[j-1], es[j]
		}
	}
}
