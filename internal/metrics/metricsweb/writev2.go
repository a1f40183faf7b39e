package metricsweb

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/hinoban/hinoban/internal/metrics/promstore"
)

// readV2 puts a message of remote write 2.0 into in. Start timestamps go to
// the store with their samples.
func (a *api) readV2(in *intake, body []byte) error {
	var req writev2.Request
	if err := req.Unmarshal(body); err != nil {
		return refusal(http.StatusBadRequest, "the body is not a %s: %s", messageV2, err)
	}
	if len(req.Symbols) == 0 || req.Symbols[0] != "" {
		return refusal(http.StatusBadRequest, "the first symbol must be the empty string")
	}
	b := labels.NewScratchBuilder(16)
	for i := range req.Timeseries {
		if err := a.seriesV2(in, &b, &req.Timeseries[i], req.Symbols); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) seriesV2(in *intake, b *labels.ScratchBuilder, ts *writev2.TimeSeries, symbols []string) error {
	n := len(ts.Samples) + len(ts.Histograms)
	ls, err := labelsV2(b, ts.LabelsRefs, symbols)
	if err != nil {
		in.refuse(n, err)
		return nil
	}
	m, err := ts.ToMetadata(symbols)
	if err != nil {
		in.refuse(n, fmt.Errorf("%s: %w", ls, err))
		return nil
	}
	switch {
	case n == 0:
		in.refuse(0, fmt.Errorf("%s: a series must hold a sample or a histogram", ls))
		return nil
	case len(ts.Samples) > 0 && len(ts.Histograms) > 0:
		in.refuse(n, fmt.Errorf("%s: a series holds samples or histograms, not both", ls))
		return nil
	}
	samples := samplesV2(ts)
	for _, e := range ts.Exemplars {
		x, err := e.ToExemplar(b, symbols)
		if err != nil {
			in.refuse(0, fmt.Errorf("%s: exemplar: %w", ls, err))
			continue
		}
		last := &samples[len(samples)-1]
		last.Exemplars = append(last.Exemplars, x)
	}
	sortExemplars(samples[len(samples)-1].Exemplars)
	if err := in.series(ls, samples...); err != nil {
		return err
	}
	a.Store.Describe(family(ls.Get(model.MetricNameLabel), m.Type), m)
	return nil
}

func samplesV2(ts *writev2.TimeSeries) []promstore.Sample {
	out := make([]promstore.Sample, 0, len(ts.Samples)+len(ts.Histograms))
	for _, s := range ts.Samples {
		out = append(out, promstore.Sample{T: s.Timestamp, Start: s.StartTimestamp, V: s.Value})
	}
	for _, h := range ts.Histograms {
		x := promstore.Sample{T: h.Timestamp, Start: h.StartTimestamp}
		if h.IsFloatHistogram() {
			x.FH = h.ToFloatHistogram()
		} else {
			x.H = h.ToIntHistogram()
		}
		out = append(out, x)
	}
	return out
}

func labelsV2(b *labels.ScratchBuilder, refs []uint32, symbols []string) (labels.Labels, error) {
	if len(refs)%2 != 0 {
		return labels.EmptyLabels(), errors.New("an odd number of label references")
	}
	b.Reset()
	prev := ""
	for i := 0; i < len(refs); i += 2 {
		if int(refs[i]) >= len(symbols) || int(refs[i+1]) >= len(symbols) {
			return labels.EmptyLabels(), fmt.Errorf("label reference %d or %d outside of the %d symbols", refs[i], refs[i+1], len(symbols))
		}
		name := symbols[refs[i]]
		if err := inOrder(i, prev, name); err != nil {
			return labels.EmptyLabels(), err
		}
		prev = name
		b.Add(name, symbols[refs[i+1]])
	}
	return b.Labels(), nil
}

// family returns the name of the metric family that a series belongs to.
func family(name string, t model.MetricType) string {
	if t != model.MetricTypeHistogram && t != model.MetricTypeGaugeHistogram && t != model.MetricTypeSummary {
		return name
	}
	for _, end := range []string{"_bucket", "_count", "_sum"} {
		if s, ok := strings.CutSuffix(name, end); ok {
			return s
		}
	}
	return name
}
