package ingest_test

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func contextFor(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// fuzz has one parser read anything: it never panics, its errors have a kind, and
// its signals are text that every database takes.
func fuzz(f *testing.F, kind ingest.Kind, seeds ...string) {
	for _, s := range seeds {
		f.Add(recorded(f, s))
	}
	f.Add([]byte(`{"alerts":[{}],"a":[[[{}]]],"x":"\u0000"}`))
	src := ingest.Source{Name: "src", Kind: kind, Service: "house", Severity: alert.Ticket}
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := ingest.Parse(t.Context(), src, secret, ingest.Delivery{Body: body, Header: signed(body), At: t0})
		if err != nil {
			if !errs.Permanent(err) {
				t.Fatalf("an error without a kind: %v", err)
			}
			return
		}
		if len(b.Paths) != len(b.Signals) {
			t.Fatal("a signal without a place")
		}
		for _, s := range b.Signals {
			if s.Source != "src" || s.ID == "" || s.At.After(t0) {
				t.Fatalf("got %+v", s)
			}
			for _, text := range []string{s.Rule, s.Service, s.Key, s.Summary, s.Expr, s.URL} {
				if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
					t.Fatalf("no text: %q", text)
				}
			}
			if len(s.Summary) > 4096 || len(s.Key) > 128 || len(s.URL) > 2048 {
				t.Fatalf("too long: %+v", s)
			}
		}
		for _, s := range b.Series {
			for k, v := range s.Labels {
				if !utf8.ValidString(k) || !utf8.ValidString(v) {
					t.Fatalf("no text: %q=%q", k, v)
				}
			}
		}
	})
}

func FuzzAlertmanager(f *testing.F) {
	fuzz(f, ingest.Alertmanager, "alertmanager.json", "alertmanager-partly.json", "incidentio.json")
}

func FuzzGrafana(f *testing.F) { fuzz(f, ingest.Grafana, "grafana.json", "grafana-legacy.json") }

func FuzzPagerDuty(f *testing.F) {
	fuzz(f, ingest.PagerDuty, "pagerduty-trigger.json", "pagerduty-acknowledge.json", "pagerduty-resolve.json")
}

func FuzzOpsgenie(f *testing.F) {
	fuzz(f, ingest.Opsgenie, "opsgenie-create.json", "opsgenie-close.json")
}

// FuzzOpsgenieVerbs has what the address of a request may ask read with any body.
func FuzzOpsgenieVerbs(f *testing.F) {
	for _, verb := range []string{"close", "acknowledge", "unacknowledge", "notes", "message", "description", "snooze", ingest.Ping} {
		f.Add(verb, "alias", "disk", recorded(f, "opsgenie-close.json"))
		f.Add(verb, "id", "\x00\xff", []byte(nil))
	}
	src := ingest.Source{Name: "src", Kind: ingest.Opsgenie, Severity: alert.Ticket}
	f.Fuzz(func(t *testing.T, verb, by, of string, body []byte) {
		b, err := ingest.Parse(t.Context(), src, "", ingest.Delivery{Body: body, At: t0, Ask: ingest.Ask{Verb: verb, By: ingest.By(by), Of: of}})
		if err != nil && errs.KindOf(err) != errs.Invalid {
			t.Fatal(err)
		}
		if verb != "" && len(b.Signals) > 0 {
			t.Fatalf("%s made signals", verb)
		}
		for _, n := range b.Notes {
			if !utf8.ValidString(n) || strings.ContainsRune(n, 0) {
				t.Fatalf("no text: %q", n)
			}
		}
	})
}

func FuzzDatadog(f *testing.F) { fuzz(f, ingest.Datadog, "datadog.json", "datadog-default.json") }

func FuzzSNS(f *testing.F) {
	f.Add(snsBody(f, newAWS(f), "Notification", string(recorded(f, "cloudwatch-alarm.json")), "2"))
	fuzz(f, ingest.CloudWatchSNS, "cloudwatch-alarm.json")
}

func FuzzStream(f *testing.F) {
	f.Add(stream(recorded(f, "cloudwatch-stream.txt"), otel(f)))
	fuzz(f, ingest.CloudWatchStream)
}

func FuzzSentry(f *testing.F) {
	fuzz(f, ingest.Sentry, "sentry-event.json", "sentry-resolved.json", "sentry-metric.json")
}

func FuzzMackerel(f *testing.F) { fuzz(f, ingest.Mackerel, "mackerel.json", "mackerel-sample.json") }

func FuzzGeneric(f *testing.F) { fuzz(f, ingest.Generic, "generic.json", "alertmanager.json") }

// FuzzMapping has anything compiled and run as an expression.
func FuzzMapping(f *testing.F) {
	for _, s := range []string{`it.a`, `filter(body.a, # > 1)`, `{"a": it}`, `it.a ?? "x"`, `body.a[1:2]`, `it.a matches "x"`} {
		f.Add(s, `{"a":[1,2,"x"]}`)
	}
	src := ingest.Source{Name: "src", Kind: ingest.Generic, Severity: alert.Ticket}
	f.Fuzz(func(t *testing.T, text, body string) {
		p, err := ingest.Mapping{Summary: text, Labels: text}.Compile()
		if err == nil {
			_, err = ingest.Map(t.Context(), src, p, ingest.Delivery{Body: []byte(body), At: t0})
		}
		if err != nil && errs.KindOf(err) != errs.Invalid {
			t.Fatal(err)
		}
	})
}
