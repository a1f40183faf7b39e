package ingest_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	otlppb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

func recorded(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "payloads", name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

const secret = "sentry-client-secret"

func signed(body []byte) func(string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return func(name string) string {
		if name == "Sentry-Hook-Signature" {
			return hex.EncodeToString(mac.Sum(nil))
		}
		return ""
	}
}

func read(t *testing.T, kind ingest.Kind, body []byte) (ingest.Batch, error) {
	t.Helper()
	src := ingest.Source{Name: "src", Kind: kind, Service: "house", Severity: alert.Ticket}
	return ingest.Parse(t.Context(), src, secret, ingest.Delivery{Body: body, Header: signed(body), At: t0})
}

// told is a batch in one line for each thing it says.
func told(b ingest.Batch) string {
	var out strings.Builder
	for _, s := range b.Signals {
		state := "resolved"
		if s.Firing {
			state = "firing"
		}
		fmt.Fprintf(&out, "%s %s %s|%s|%s|%s|%s\n", state, s.Severity, s.Service, s.Rule, s.Key, s.Summary, s.At.Format("15:04:05"))
	}
	for _, a := range b.Acks {
		fmt.Fprintf(&out, "ack %s\n", a)
	}
	for _, r := range b.Refused {
		fmt.Fprintf(&out, "refused %s: %s\n", r.Path, r.Reason)
	}
	for _, n := range b.Notes {
		fmt.Fprintf(&out, "note %s\n", n)
	}
	return out.String()
}

func TestRecordedPayloads(t *testing.T) {
	for _, tt := range []struct {
		file string
		kind ingest.Kind
		want string
	}{
		{"alertmanager.json", ingest.Alertmanager, `firing page checkout|HighErrorRate|9a3c1f0be2d47a55|5.2% of requests to checkout fail|02:09:12
resolved page checkout|HighErrorRate|1b02c8d7745e90fa|1.2% of requests to checkout fail|02:11:42
note 3 more alerts of this group were left out by the sender (max_alerts)
`},
		{"alertmanager-partly.json", ingest.Alertmanager, `firing ticket shop|NoFingerprint|` + labelPrint("NoFingerprint", "shop") + `|NoFingerprint|02:09:12
refused alerts[0].status: "burning" is neither firing nor resolved
refused alerts[1].labels: number where a string is expected
refused alerts[3].labels: there are none
`},
		{"grafana.json", ingest.Grafana, "firing ticket search|HighLatency|57c6d9296de2ad39|p99 of search is 2.1 s|02:08:00\n"},
		{"grafana-legacy.json", ingest.Grafana, "firing page orders|orders queue|17|Queue of orders is long|02:13:00\n"},
		{"incidentio.json", ingest.IncidentIO, "firing ticket billing|Down|c0ffee00c0ffee00|billing is down|02:09:12\n"},
		{"pagerduty-trigger.json", ingest.PagerDuty, "firing page mysql|disk|disk-prod-datapipe03|DISK at 99% on machine prod-datapipe03.example.com|02:07:35\n"},
		{"pagerduty-acknowledge.json", ingest.PagerDuty, "ack disk-prod-datapipe03\n"},
		{"pagerduty-resolve.json", ingest.PagerDuty, "resolved ticket house|event|disk-prod-datapipe03|resolved by its sender|02:13:00\n"},
		{"opsgenie-create.json", ingest.Opsgenie, "firing page prod-db|alert|disk-prod-db-1|Disk of prod-db-1 is 99% full|02:13:00\nnote create alias=disk-prod-db-1\n"},
		{"datadog.json", ingest.Datadog, "firing page web|CPU is high on web-1|9f1c2d3e4b|CPU of web-1 is above 90 % @webhook-hinoban|02:09:00\n"},
		{"datadog-default.json", ingest.Datadog, "resolved ticket house|Queue of orders||The queue is empty again|02:09:00\n"},
		{"sentry-event.json", ingest.Sentry, "firing ticket storefront|Very important alert rule|1170820242|TypeError: cannot read properties of undefined|02:08:42\n"},
		{"sentry-resolved.json", ingest.Sentry, "resolved ticket house|issue|1170820242|TypeError: cannot read properties of undefined|02:13:00\n"},
		{"sentry-metric.json", ingest.Sentry, "firing page house|Too many errors|7|1000 events in the last 10 minutes\nFilter: level:error|02:13:00\n"},
		{"mackerel.json", ingest.Mackerel, "firing page Shop|CPU%|2bj...|CPU% on app01 is critical|02:09:00\n"},
		{"mackerel-sample.json", ingest.Mackerel, "note event sample is no alert\n"},
	} {
		b, err := read(t, tt.kind, recorded(t, tt.file))
		if got := told(b); err != nil || got != tt.want {
			t.Errorf("%s: got\n%s%v, want\n%s", tt.file, got, err, tt.want)
		}
		again, err := read(t, tt.kind, recorded(t, tt.file))
		for i, s := range again.Signals {
			if err != nil || s.ID != b.Signals[i].ID && tt.file != "pagerduty-resolve.json" {
				t.Errorf("%s: delivered again, signal %d has another id", tt.file, i)
			}
			if err := s.Validate(); err != nil {
				t.Errorf("%s: the inbox would not take it: %v", tt.file, err)
			}
		}
	}
}

// labelPrint is the fingerprint of two labels, worked out by hand: FNV-1a.
func labelPrint(name, namespace string) string {
	h := uint64(14695981039346656037)
	for _, c := range []byte("alertname\xff" + name + "\xffnamespace\xff" + namespace + "\xff") {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return fmt.Sprintf("%016x", h)
}

func TestEvidenceAndLinksAreKept(t *testing.T) {
	b, err := read(t, ingest.Grafana, recorded(t, "grafana.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := b.Signals[0]
	if len(s.Evidence) != 2 || s.Evidence[0].Value != "2.1" || s.URL != "https://grafana.example/d/xyz?orgId=1&viewPanel=4" || s.Annotations["dashboard_url"] == "" {
		t.Errorf("grafana: got %+v", s)
	}
	if b, err = read(t, ingest.PagerDuty, recorded(t, "pagerduty-trigger.json")); err != nil {
		t.Fatal(err)
	}
	s = b.Signals[0]
	if s.Annotations["free space"] != "1%" || s.Annotations["load avg"] != "0.75" || s.Annotations["link_1"] != "Runbook https://runbooks.example/disk" || s.Labels["pd_source"] == "" || s.URL != "https://monitoring.example" {
		t.Errorf("pagerduty: got %+v", s)
	}
	if b, err = read(t, ingest.Mackerel, recorded(t, "mackerel.json")); err != nil {
		t.Fatal(err)
	}
	if e := b.Signals[0].Evidence[0]; e.Value != "91.4665074" || e.Limit != "> 90" {
		t.Errorf("mackerel: got %+v", e)
	}
}

func TestWhatCannotBeReadSaysWhere(t *testing.T) {
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for _, tt := range []struct {
		kind       ingest.Kind
		body, says string
	}{
		{ingest.Alertmanager, ``, "the body is empty"},
		{ingest.Alertmanager, "{\n \"version\": \"4\",\n \"alerts\": [}", "line 3, column 13"},
		{ingest.Alertmanager, `[]`, "an object is expected"},
		{ingest.Alertmanager, `{"version":"4"}`, "alerts: missing"},
		{ingest.Alertmanager, `{"version":"3","alerts":[]}`, `version: "3"`},
		{ingest.Alertmanager, `{"version":"4","alerts":{}}`, "alerts: object where an array is expected"},
		{ingest.Alertmanager, `{"version":"4","alerts":[],"x":` + deep + `}`, "nested deeper than 64"},
		{ingest.Alertmanager, `{"version":"4","alerts":[` + strings.Repeat("1,", 300_000) + `1]}`, "more than 250000 values"},
		{ingest.Grafana, `{"ruleName":"x","state":"dancing"}`, "state"},
		{ingest.Datadog, `{}`, "title: missing"},
		{ingest.Mackerel, `{"event":"alert","alert":{"monitorName":"x","status":"meh"}}`, "alert.status"},
		{ingest.Mackerel, `{"event":"alert"}`, "alert.monitorName"},
		{ingest.Mackerel, `{"event":"tea"}`, "event"},
		{ingest.Sentry, `{"action":"x","data":{}}`, "data: neither"},
		{ingest.PagerDuty, `{"event_action":"trigger","routing_key":"x"}`, "'payload' is missing or blank"},
		{ingest.PagerDuty, `{"event_action":"trigger","payload":{}}`, "'payload.summary' is missing or blank; 'payload.source' is missing or blank; 'payload.severity' is missing or blank"},
		{ingest.PagerDuty, `{"event_action":"resolve"}`, "'dedup_key' is missing or blank"},
		{ingest.PagerDuty, `{"event_action":"sing"}`, "'event_action' must be one of"},
		{ingest.CloudWatchStream, `{"records":[]}`, "requestId"},
		{ingest.Generic, `{"a":`, "not JSON at line 1"},
	} {
		_, err := read(t, tt.kind, []byte(tt.body))
		if err == nil || errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s %.60s: got %v, want it Invalid with %q", tt.kind, tt.body, err, tt.says)
		}
	}
}

func TestSentryAsksForASignature(t *testing.T) {
	body := recorded(t, "sentry-event.json")
	src := ingest.Source{Name: "src", Kind: ingest.Sentry, Severity: alert.Ticket}
	for name, d := range map[string]ingest.Delivery{
		"none":    {Body: body, At: t0},
		"another": {Body: append(bytes.Clone(body), ' '), Header: signed(body), At: t0},
	} {
		if _, err := ingest.Parse(t.Context(), src, secret, d); errs.KindOf(err) != errs.Denied {
			t.Errorf("%s: got %v, want Denied", name, err)
		}
	}
	if _, err := ingest.Parse(t.Context(), src, "", ingest.Delivery{Body: body, Header: signed(body), At: t0}); errs.KindOf(err) != errs.Denied {
		t.Errorf("no secret: got %v, want Denied", err)
	}
}

func stream(records ...[]byte) []byte {
	type record struct {
		Data string `json:"data"`
	}
	body := struct {
		RequestID string   `json:"requestId"`
		Timestamp int64    `json:"timestamp"`
		Records   []record `json:"records"`
	}{RequestID: "ed4acda5-034f-9f42-bba1-f29aea6d7d8f", Timestamp: 1795140600000}
	for _, r := range records {
		body.Records = append(body.Records, record{base64.StdEncoding.EncodeToString(r)})
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return b
}

func text(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

// otel is a record in the format opentelemetry1.0, as CloudWatch writes it.
func otel(tb testing.TB) []byte {
	tb.Helper()
	dims := &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: []*commonpb.KeyValue{{Key: "InstanceId", Value: text("i-0abc")}}}}}
	point := &otlppb.SummaryDataPoint{
		Attributes:   []*commonpb.KeyValue{{Key: "MetricName", Value: text("CPUUtilization")}, {Key: "Namespace", Value: text("AWS/EC2")}, {Key: "Dimensions", Value: dims}},
		TimeUnixNano: 1795140540000 * 1e6, Count: 5, Sum: 412.25,
		QuantileValues: []*otlppb.SummaryDataPoint_ValueAtQuantile{{Quantile: 0, Value: 3.2}, {Quantile: 0.99, Value: 91}, {Quantile: 1, Value: 91.5}},
	}
	m := &otlppb.MetricsData{ResourceMetrics: []*otlppb.ResourceMetrics{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{{Key: "cloud.provider", Value: text("aws")}, {Key: "cloud.account.id", Value: text("123456789012")}, {Key: "cloud.region", Value: text("ap-northeast-1")}}},
		ScopeMetrics: []*otlppb.ScopeMetrics{{Metrics: []*otlppb.Metric{{
			Name: "amazonaws.com/AWS/EC2/CPUUtilization", Unit: "{Percent}", Data: &otlppb.Metric_Summary{Summary: &otlppb.Summary{DataPoints: []*otlppb.SummaryDataPoint{point}}},
		}}}},
	}}}
	raw, err := proto.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return protowire.AppendBytes(nil, raw)
}

// Both formats of a stream name the same series.
func TestAStreamBecomesSeries(t *testing.T) {
	lines := recorded(t, "cloudwatch-stream.txt")
	b, err := read(t, ingest.CloudWatchStream, stream(lines))
	if err != nil || b.Points != 9 || len(b.Refused) != 0 || b.Once == "" {
		t.Fatalf("json: got %d points, %v, %v", b.Points, b.Refused, err)
	}
	got := map[string]float64{}
	for _, s := range b.Series {
		got[s.Key()] = s.Points[0].V
	}
	o, err := read(t, ingest.CloudWatchStream, stream(append(otel(t), otel(t)...)))
	if err != nil || o.Points != 10 || len(o.Refused) != 0 {
		t.Fatalf("otel: got %d points, %v, %v", o.Points, o.Refused, err)
	}
	for _, s := range o.Series {
		if v, ok := got[s.Key()]; !ok || v != s.Points[0].V || s.Points[0].T.UnixMilli() != 1795140540000 {
			t.Errorf("otel has %q = %v, json has %v", s.Key(), s.Points[0].V, v)
		}
	}
	l := b.Series[0].Labels
	if !strings.HasPrefix(l["__name__"], "aws_ec2_cpu_utilization_") || l["dimension_InstanceId"] != "i-0abc" || l["account_id"] != "123456789012" {
		t.Errorf("labels: %v", l)
	}
	if n := b.Series[8].Labels["__name__"]; !strings.HasPrefix(n, "aws_application_elb_http_code_elb_5_xx_count_") && !strings.HasPrefix(n, "aws_application_elb_http_code_elb_5xx_count_") {
		t.Errorf("name: %s", n)
	}
}

func TestAStreamTakesWhatIsGood(t *testing.T) {
	b, err := read(t, ingest.CloudWatchStream, stream([]byte("{\"namespace\":\"AWS/EC2\",\"metric_name\":\"X\",\"timestamp\":1795140540000,\"value\":{\"sum\":1}}\n{bad\n{\"namespace\":\"AWS/EC2\",\"metric_name\":\"X\",\"timestamp\":0,\"value\":{\"sum\":1}}\n"), []byte{0xff, 0xff, 0xff}))
	if err != nil || b.Points != 1 || len(b.Refused) != 3 {
		t.Errorf("got %d points, %+v, %v", b.Points, b.Refused, err)
	}
}

// What is hostile in a label is cut, cleaned or refused, and never panics.
func TestHostileText(t *testing.T) {
	body := `{"version":"4","alerts":[
		{"status":"firing","labels":{"alertname":"a\u0000b","x":"` + "\xff\xfe" + `"},"annotations":{"summary":"` + strings.Repeat("長", 3000) + `"},"startsAt":"2026-11-20T02:09:12Z","generatorURL":"javascript:alert(1)"},
		{"status":"firing","labels":{"alertname":"` + strings.Repeat("n", 300) + `"},"startsAt":"2026-11-20T02:09:12Z"},
		{"status":"firing","labels":{"alertname":"old"},"startsAt":"0000-01-01T00:00:00Z"},
		{"status":"firing","labels":{"alertname":"ahead"},"startsAt":"2999-01-01T00:00:00Z"}]}`
	b, err := read(t, ingest.Alertmanager, []byte(body))
	if err != nil || len(b.Signals) != 3 || len(b.Refused) != 1 || b.Refused[0].Path != "alerts[1].labels.alertname" {
		t.Fatalf("got %s %v", told(b), err)
	}
	s := b.Signals[0]
	if strings.ContainsRune(s.Rule, 0) || len(s.Summary) > 4096 || s.URL != "" || !b.Signals[1].At.Equal(t0) || !b.Signals[2].At.Equal(t0) {
		t.Errorf("got %q, %d bytes, %q, %s, %s", s.Rule, len(s.Summary), s.URL, b.Signals[1].At, b.Signals[2].At)
	}
}
