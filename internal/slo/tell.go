package slo

import (
	"context"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
)

// TellBurning turns news of the log into a signal for the inbox. id is the
// record's.
func (e *Evaluator) TellBurning(ctx context.Context, id string, at time.Time, b Burning) error {
	_, err := e.inbox.Take(ctx, alert.Signal{
		ID: id, Firing: true, Source: "slo", Service: b.Service, Rule: rule(b.Objective, b.Condition), Severity: b.Severity,
		// A page is never refused because what explains it is long.
		Summary: clip(b.Name+" "+b.Sentence, 4096), Expr: clip(b.Expr, 8192), Evidence: b.Evidence[:min(64, len(b.Evidence))], URL: e.cfg.BaseURL + "/slos/" + b.Objective, At: at,
	})
	return err
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}

// TellRecovered resolves the objective's alert.
func (e *Evaluator) TellRecovered(ctx context.Context, id string, at time.Time, r Recovered) error {
	_, err := e.inbox.Take(ctx, alert.Signal{
		ID: id, Source: "slo", Service: r.Service, Rule: rule(r.Objective, r.Condition), Severity: alert.Page,
		Summary: r.Name + ": " + r.Reason, At: at,
	})
	return err
}

// rule is the name of the alert: what is watched beside burn rates has alerts of
// its own.
func rule(objective, condition string) string {
	if condition == "" {
		return objective
	}
	return objective + ": " + condition
}
