package ingest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// maxPoints is what one delivery of a stream may hold.
const maxPoints = 200_000

// firehose is a request of Amazon Data Firehose to an HTTP endpoint.
type firehose struct {
	RequestID string `json:"requestId"`
	Timestamp int64  `json:"timestamp"` // ms since 1970
	Records   []struct {
		Data string `json:"data"` // base64
	} `json:"records"`
}

// streamed is one line of the json format of a metric stream.
type streamed struct {
	Account    string             `json:"account_id"`
	Region     string             `json:"region"`
	Namespace  string             `json:"namespace"`
	Metric     string             `json:"metric_name"`
	Dimensions map[string]string  `json:"dimensions"`
	Timestamp  int64              `json:"timestamp"` // ms since 1970
	Value      map[string]float64 `json:"value"`     // count, sum, max, min, p99 …
	Unit       string             `json:"unit"`
}

// FirehoseID is the id of a request of Firehose: that of its header, or of its body.
func FirehoseID(d Delivery) string {
	if id := d.header("X-Amz-Firehose-Request-Id"); id != "" {
		return clip(clean(id), 200)
	}
	var f struct {
		RequestID string `json:"requestId"`
	}
	if weigh(d.Body, maxValues) != nil || json.Unmarshal(d.Body, &f) != nil {
		return ""
	}
	return clip(clean(f.RequestID), 200)
}

// parseStream reads CloudWatch's metric streams as Firehose brings them: records
// in the json format, or in opentelemetry1.0.
func parseStream(d Delivery) (Batch, error) {
	var f firehose
	if err := decode(d.Body, &f); err != nil {
		return Batch{}, err
	}
	if f.RequestID == "" || f.Records == nil {
		return Batch{}, errs.New(errs.Invalid, "requestId and records: missing: this is no request of Firehose")
	}
	b := Batch{Once: clip(clean(f.RequestID), 200)}
	in := gathering{b: &b}
	for i, r := range f.Records {
		path := "records[" + strconv.Itoa(i) + "]"
		data, err := base64.StdEncoding.DecodeString(r.Data)
		if err != nil {
			b.refuse(path+".data", "not base64")
			continue
		}
		if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) == 0 || trimmed[0] == '{' {
			in.lines(data, path)
		} else {
			in.otel(data, path)
		}
		if b.Points > maxPoints {
			return Batch{}, errs.New(errs.Invalid, "%s: more than %d samples in one delivery: set a smaller buffer in Firehose", path, maxPoints)
		}
	}
	return b, nil
}

// gathering collects the samples of a delivery.
type gathering struct{ b *Batch }

func (g gathering) lines(data []byte, path string) {
	n := 0
	for line := range bytes.Lines(data) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || g.b.Points > maxPoints {
			continue
		}
		at := path + " line " + strconv.Itoa(n)
		var s streamed
		err := weigh(line, 10_000)
		if err == nil {
			err = member(line, at, &s)
		}
		switch {
		case err != nil:
			g.b.refuseError(at, err)
		case s.Metric == "" || s.Namespace == "":
			g.b.refuse(at, "namespace and metric_name: missing")
		case s.Timestamp <= 0:
			g.b.refuse(at, "timestamp: milliseconds since 1970 are expected")
		case len(s.Value) == 0:
			g.b.refuse(at, "value: missing")
		default:
			for stat, v := range s.Value {
				g.point(s, stat, v)
			}
		}
	}
}

var statRE = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.()%:]{0,40}$`)

// point adds one statistic of s as a sample of its own series.
func (g gathering) point(s streamed, stat string, v float64) {
	if !statRE.MatchString(stat) || math.IsInf(v, 0) || math.IsNaN(v) {
		g.b.refuse("value."+clip(clean(stat), 60), "neither a statistic nor a number")
		return
	}
	labels := map[string]string{metrics.NameLabel: metricName(s.Namespace, s.Metric, stat), "account_id": s.Account, "region": s.Region, "namespace": s.Namespace}
	for k, d := range s.Dimensions {
		if d != "" {
			labels["dimension_"+word(k, false)] = clean(d)
		}
	}
	for k, l := range labels {
		if l == "" {
			delete(labels, k)
		}
	}
	g.b.Series = append(g.b.Series, metrics.Series{Labels: labels, Points: []metrics.Point{{T: time.UnixMilli(s.Timestamp).UTC(), V: v}}})
	g.b.Points++
}

// metricName is aws_ec2_cpu_utilization_max for AWS/EC2, CPUUtilization, max.
func metricName(namespace, metric, stat string) string {
	name := "aws_" + word(strings.TrimPrefix(namespace, "AWS/"), true) + "_" + word(metric, true)
	return clip(strings.ReplaceAll(name, "__", "_"), 200) + "_" + strings.ToLower(word(stat, false))
}

// word is s as a part of the name of a metric or a label; in snake case where
// snake says so.
func word(s string, snake bool) string {
	runes := []rune(clip(clean(s), 200))
	var b strings.Builder
	for i, r := range runes {
		switch {
		case r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r):
			b.WriteByte('_')
			continue
		case snake && unicode.IsUpper(r):
			after := i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]))
			before := i > 0 && unicode.IsUpper(runes[i-1]) && i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if after || before {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
