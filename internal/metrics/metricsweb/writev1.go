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
	b := labels.NewScratchBuilder(16)
	var samples []promstore.Sample
	var doomed error // by the store, not by the message
	err := decodeV1(body, func(ts *seriesV1) error {
		ls, err := labelsV1(&b, ts.labels)
		if err != nil {
			in.refuse(len(ts.samples)+len(ts.histograms), err)
			return nil
		}
		samples = samplesV1(samples[:0], ts, &b)
		doomed = in.series(ls, samples...)
		return doomed
	}, func(m *prompb.MetricMetadata) {
		a.Store.Describe(m.MetricFamilyName, metadata.Metadata{Type: typeV1(m.Type), Unit: m.Unit, Help: m.Help})
	})
	if err != nil && doomed == nil {
		return refusal(http.StatusBadRequest, "the body is not a %s: %s", messageV1, err)
	}
	return err
}

func samplesV1(out []promstore.Sample, ts *seriesV1, b *labels.ScratchBuilder) []promstore.Sample {
	for _, s := range ts.samples {
		out = append(out, promstore.Sample{T: s.Timestamp, V: s.Value})
	}
	for _, h := range ts.histograms {
		x := promstore.Sample{T: h.Timestamp}
		if h.IsFloatHistogram() {
			x.FH = h.ToFloatHistogram()
		} else {
			x.H = h.ToIntHistogram()
		}
		out = append(out, x)
	}
	if len(ts.exemplars) > 0 && len(out) > 0 {
		last := &out[len(out)-1]
		for _, e := range ts.exemplars {
			last.Exemplars = append(last.Exemplars, e.ToExemplar(b, nil))
		}
		sortExemplars(last.Exemplars)
	}
	return out
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
