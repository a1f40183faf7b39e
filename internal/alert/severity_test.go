package alert_test

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
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
