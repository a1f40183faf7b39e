package metrics_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func TestParseQuerySaysWhere(t *testing.T) {
	t.Parallel()
	for q, want := range map[string]string{
		`sum(rate(http_requests_total{code=~"5.."}[5m])) / 2`: "",
		`sum(`:        "1:5: parse error",
		`up ==`:       "1:6: parse error",
		``:            "no expression found",
		`rate(up)`:    "expected type range vector",
		"sum(\n  up]": "2:5: parse error",
	} {
		err := metrics.ParseQuery(q)
		if want == "" && err != nil {
			t.Errorf("ParseQuery(%q): got %v, want none", q, err)
		}
		if want == "" {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || errs.KindOf(err) != errs.Invalid {
			t.Errorf("ParseQuery(%q): got %v (kind %d), want Invalid with %q", q, err, errs.KindOf(err), want)
		}
	}
}

func TestKeyIsEqualForEqualLabels(t *testing.T) {
	t.Parallel()
	a := metrics.Series{Labels: map[string]string{"a": "1", "b": "2"}}
	b := metrics.Series{Labels: map[string]string{"b": "2", "a": "1"}}
	c := metrics.Series{Labels: map[string]string{"a": "12", "b": ""}}
	if a.Key() != b.Key() || a.Key() == c.Key() {
		t.Errorf("got keys %q %q %q, want the first two equal and the third not", a.Key(), b.Key(), c.Key())
	}
}

func ExampleSeries_Last() {
	s := metrics.Series{Points: []metrics.Point{{T: time.Unix(60, 0).UTC(), V: 1}, {T: time.Unix(120, 0).UTC(), V: 3}}}
	p, ok := s.Last()
	fmt.Println(p.V, p.T.Format(time.TimeOnly), ok)
	// Output: 3 00:02:00 true
}
