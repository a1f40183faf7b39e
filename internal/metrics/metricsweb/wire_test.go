package metricsweb

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/prometheus/prompb"
)

// FuzzWireAgreesWithGenerated: what both decoders take they read alike, and
// ours takes all that the generated encoder writes.
func FuzzWireAgreesWithGenerated(f *testing.F) {
	req := prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{
			{
				Labels: []prompb.Label{{Name: "__name__", Value: "火"}, {Name: "a"}}, Samples: []prompb.Sample{{Value: 1.5, Timestamp: -7}, {}},
				Exemplars: []prompb.Exemplar{{Labels: []prompb.Label{{Name: "t", Value: "1"}}, Value: 2, Timestamp: 3}},
			},
			{Labels: []prompb.Label{{Name: "b", Value: "c"}}, Histograms: []prompb.Histogram{{Sum: 4, PositiveDeltas: []int64{1, -1}, Timestamp: 9}}},
			{},
		},
		Metadata: []prompb.MetricMetadata{{MetricFamilyName: "m", Type: prompb.MetricMetadata_GAUGE, Help: "h", Unit: "u"}},
	}
	b, err := req.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		var want prompb.WriteRequest
		wantErr := want.Unmarshal(body)
		got, err := collect(body)
		if wantErr != nil {
			return // then it matters only that ours came back at all
		}
		strip(&want)
		if err == nil {
			agree(t, want, got)
		} // else ours is the stricter: groups, and numbers of more than 64 bits
		clean, err := want.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err = collect(clean)
		if err != nil {
			t.Fatalf("what the generated encoder writes: %v", err)
		}
		agree(t, want, got)
	})
}

// strip removes the unknown fields that the generated decoder keeps.
func strip(r *prompb.WriteRequest) {
	r.XXX_unrecognized = nil
	for i := range r.Timeseries {
		ts := &r.Timeseries[i]
		ts.XXX_unrecognized = nil
		for j := range ts.Labels {
			ts.Labels[j].XXX_unrecognized = nil
		}
		for j := range ts.Samples {
			ts.Samples[j].XXX_unrecognized = nil
		}
	}
}

func collect(body []byte) (prompb.WriteRequest, error) {
	var got prompb.WriteRequest
	err := decodeV1(body, func(ts *seriesV1) error {
		got.Timeseries = append(got.Timeseries, prompb.TimeSeries{
			Labels: slices.Clone(ts.labels), Samples: slices.Clone(ts.samples), Exemplars: slices.Clone(ts.exemplars), Histograms: slices.Clone(ts.histograms),
		})
		return nil
	}, func(m *prompb.MetricMetadata) { got.Metadata = append(got.Metadata, *m) })
	return got, err
}

func agree(t *testing.T, want, got prompb.WriteRequest) {
	t.Helper()
	if d := cmp.Diff(want.Timeseries, got.Timeseries, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); d != "" {
		t.Errorf("series: -generated +ours\n%s", d)
	}
	if d := cmp.Diff(want.Metadata, got.Metadata, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("metadata: -generated +ours\n%s", d)
	}
}
