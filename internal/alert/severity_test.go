package alert_test

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/event"
)

func TestTheLabelOfSeverityOnlyRises(t *testing.T) {
	at := time.Unix(1, 0)
	var a alert.Alert
	for _, step := range []struct{ says, want alert.Severity }{{alert.Ticket, alert.Ticket}, {alert.Page, alert.Page}, {alert.Ticket, alert.Page}} {
		a.Take(alert.Signal{Firing: true, Source: "rule", Rule: "x", Severity: step.says, At: at, Labels: map[string]string{"severity": string(step.says)}})
		if got := a.LabelSet()["severity"]; got != string(step.want) || a.Severity != step.want {
			t.Errorf("after %s routes see %s, the inbox %s, want %s", step.says, got, a.Severity, step.want)
		}
	}
}

// Of what wakes people the sender's own word rises too; of the rest it is kept.
func TestTheWordOfASenderOnlyRises(t *testing.T) {
	for _, tt := range []struct {
		label, first, then string
		severity           alert.Severity
		want               string
		news               bool
	}{
		{"pd_severity", "error", "critical", alert.Page, "critical", true},
		{"pd_severity", "critical", "error", alert.Page, "critical", false},
		{"og_priority", "P2", "P1", alert.Page, "P1", true},
		{"og_priority", "P1", "P2", alert.Page, "P1", false},
		{"severity", "page", "Critical", alert.Page, "Critical", true},
		{"severity", "critical", "CRITICAL", alert.Page, "critical", false},
		{"severity", "", "critical", alert.Page, "critical", true},
		{"severity", "warning", "", alert.Page, "warning", false},
		{"severity", "warning", "error", alert.Ticket, "warning", false},
	} {
		var a alert.Alert
		take := func(word string) []event.Fact {
			labels := map[string]string{tt.label: word}
			if word == "" {
				labels = nil
			}
			return a.Take(alert.Signal{Firing: true, Source: "rule", Rule: "x", Severity: tt.severity, At: time.Unix(1, 0), Labels: labels})
		}
		take(tt.first)
		news := take(tt.then)
		if a.Labels[tt.label] != tt.want || (len(news) > 0) != tt.news {
			t.Errorf("%s %q, then %q: got %q and %d events", tt.label, tt.first, tt.then, a.Labels[tt.label], len(news))
		}
		if tt.news {
			if e, ok := news[0].Event.(alert.Raised); !ok || e.FromWord != tt.first || e.Word != tt.then || e.From != e.Severity {
				t.Errorf("%s %q, then %q: said %+v", tt.label, tt.first, tt.then, news[0].Event)
			}
		}
	}
}
