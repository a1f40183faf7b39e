package metrics

import (
	"fmt"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	tests := []struct{ query, want string }{
		{`sum(a{job="x",code=~"5.."})`, `+a[job="x" code=~"5.."]`},
		{`sum(rate(a[{{.window}}])) - sum(b)`, `+a[]5m0s -b[]`},
		{`sum(a) - (b - c)`, `+a[] -b[] +c[]`},
		{`a / b`, `a[] b[]`},
		{`sum(a) + sum(b)`, `+a[] +b[] sums`},
		{`sum(a) + sum(b) or vector(0)`, `+a[] +b[] sums fallback`},
		{`sum(a) > 0`, `a[] filters`},
		{`sum(a) > bool 0`, `a[]`},
		{`a and b`, `a[] b[] filters`},
		{`topk(3, a)`, `+a[] filters`},
		{`{__name__="up", job!="x"}`, `+up[job!="x"]`},
	}
	for _, tt := range tests {
		q, err := Inspect(tt.query)
		if err != nil {
			t.Errorf("%s: %v", tt.query, err)
			continue
		}
		var parts []string
		for _, s := range q.Parts {
			text := s.Side + s.Metric + fmt.Sprint([]Matcher(s.Matchers))
			if s.Range > 0 {
				text += s.Range.String()
			}
			parts = append(parts, text)
		}
		if q.Sums {
			parts = append(parts, "sums")
		}
		if q.Filters {
			parts = append(parts, "filters")
		}
		if q.Fallback {
			parts = append(parts, "fallback")
		}
		if got := strings.Join(parts, " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.query, got, tt.want)
		}
	}
	if _, err := Inspect("sum(("); err == nil {
		t.Error("what does not parse is refused")
	}
	for _, m := range []struct {
		m    Matcher
		v    string
		want bool
	}{
		{Matcher{"code", "=~", "5.."}, "503", true},
		{Matcher{"code", "=~", "5.."}, "5030", false},
		{Matcher{"code", "!~", "5.."}, "200", true},
		{Matcher{"a", "=", "b"}, "b", true},
		{Matcher{"a", "!=", "b"}, "b", false},
		{Matcher{"a", "=~", "("}, "b", false},
	} {
		if got := m.m.Matches(m.v); got != m.want {
			t.Errorf("%s of %q: got %v", m.m, m.v, got)
		}
	}
}
