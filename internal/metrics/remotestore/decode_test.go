package remotestore

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func TestDecodeReadsEachKindOfResult(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1500).UTC()
	for body, want := range map[string][]metrics.Series{
		`{"status":"success","data":{"resultType":"scalar","result":[1.5,"2"]}}`:                                {{Labels: map[string]string{}, Points: []metrics.Point{{T: at, V: 2}}}},
		`{"status":"success","data":{"resultType":"vector","result":[]}}`:                                       {},
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1.5,"2"]}]}}`: {{Labels: map[string]string{"a": "b"}, Points: []metrics.Point{{T: at, V: 2}}}},
		`{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1.5,"2"],[1.5,"-3e1"]]}]}}`:    {{Labels: map[string]string{}, Points: []metrics.Point{{T: at, V: 2}, {T: at, V: -30}}}},
	} {
		got, err := decode([]byte(body))
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v, -want +got\n%s", body, err, d)
		}
	}
	for _, body := range []string{
		`{"status":"success","data":{"resultType":"string","result":[1.5,"x"]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}`,
	} {
		if _, err := decode([]byte(body)); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: got %v, want Invalid", body, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1.5,"NaN"]]}]}}`))
	f.Add([]byte(`{"status":"error","errorType":"bad_data","error":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decode(body)
		for _, s := range got {
			if s.Labels == nil || err != nil {
				t.Errorf("got %v with %v", s, err)
			}
		}
	})
}
