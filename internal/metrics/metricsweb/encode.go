package metricsweb

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// appendResult appends the data of a query: {"resultType":…,"result":…}.
func appendResult(b []byte, v parser.Value) []byte {
	b = append(b, `{"resultType":"`...)
	b = append(b, v.Type()...)
	b = append(b, `","result":`...)
	switch v := v.(type) {
	case promql.Scalar:
		b = appendPoint(b, v.T, v.V)
	case promql.String:
		b = append(b, '[')
		b = appendTime(b, v.T)
		b = append(b, ',')
		b = appendString(b, v.V)
		b = append(b, ']')
	case promql.Vector:
		b = appendEach(b, v, appendSample)
	case promql.Matrix:
		b = appendEach(b, v, appendSeries)
	}
	return append(b, '}')
}

func appendEach[T any](b []byte, all []T, one func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, x := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, x)
	}
	return append(b, ']')
}

func appendSample(b []byte, s promql.Sample) []byte {
	b = append(b, `{"metric":`...)
	b = appendLabels(b, s.Metric)
	if s.H != nil {
		b = append(b, `,"histogram":`...)
		b = appendHPoint(b, promql.HPoint{T: s.T, H: s.H})
	} else {
		b = append(b, `,"value":`...)
		b = appendPoint(b, s.T, s.F)
	}
	return append(b, '}')
}

func appendSeries(b []byte, s promql.Series) []byte {
	b = append(b, `{"metric":`...)
	b = appendLabels(b, s.Metric)
	if len(s.Floats) > 0 {
		b = append(b, `,"values":`...)
		b = appendEach(b, s.Floats, func(b []byte, p promql.FPoint) []byte { return appendPoint(b, p.T, p.F) })
	}
	if len(s.Histograms) > 0 {
		b = append(b, `,"histograms":`...)
		b = appendEach(b, s.Histograms, appendHPoint)
	}
	return append(b, '}')
}

func appendLabels(b []byte, ls labels.Labels) []byte {
	b = append(b, '{')
	first := true
	ls.Range(func(l labels.Label) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendString(b, l.Name)
		b = append(b, ':')
		b = appendString(b, l.Value)
	})
	return append(b, '}')
}

func appendPoint(b []byte, ms int64, v float64) []byte {
	b = append(b, '[')
	b = appendTime(b, ms)
	b = append(b, ',')
	b = appendFloat(b, v)
	return append(b, ']')
}

func appendHPoint(b []byte, p promql.HPoint) []byte {
	b = append(b, '[')
	b = appendTime(b, p.T)
	b = append(b, `,{"count":`...)
	b = appendFloat(b, p.H.Count)
	b = append(b, `,"sum":`...)
	b = appendFloat(b, p.H.Sum)
	sep := `,"buckets":[`
	for it := p.H.AllBucketIterator(); it.Next(); {
		k := it.At()
		if k.Count == 0 {
			continue
		}
		b = append(b, sep...)
		sep = ","
		b = append(b, '[', '0'+edges(k), ',')
		b = appendFloat(b, k.Lower)
		b = append(b, ',')
		b = appendFloat(b, k.Upper)
		b = append(b, ',')
		b = appendFloat(b, k.Count)
		b = append(b, ']')
	}
	if sep == "," {
		b = append(b, ']')
	}
	return append(b, `}]`...)
}

// edges says which ends of a bucket belong to it: 0 the upper, 1 the lower, 2
// none, 3 both.
func edges(k histogram.Bucket[float64]) byte {
	switch {
	case k.LowerInclusive && k.UpperInclusive:
		return 3
	case k.LowerInclusive:
		return 1
	case k.UpperInclusive:
		return 0
	}
	return 2
}

// appendTime appends milliseconds as seconds, exactly.
func appendTime(b []byte, ms int64) []byte {
	if ms < 0 {
		b = append(b, '-')
		ms = -ms
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	if f := ms % 1000; f != 0 {
		b = append(b, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
	}
	return b
}

// appendFloat appends v quoted, in the forms that Prometheus uses.
func appendFloat(b []byte, v float64) []byte {
	form := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		form = 'e'
	}
	b = append(b, '"')
	b = strconv.AppendFloat(b, v, form, -1, 64)
	return append(b, '"')
}

func appendExemplar(b []byte, e exemplar.Exemplar) []byte {
	b = append(b, `{"labels":`...)
	b = appendLabels(b, e.Labels)
	b = append(b, `,"value":`...)
	b = appendFloat(b, e.Value)
	b = append(b, `,"timestamp":`...)
	b = appendTime(b, e.Ts)
	return append(b, '}')
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string, <, > and & as they are.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[start:i]...), `\ufffd`...)
				start = i + n
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
