package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/examples"
	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/metrics/promrules"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/auth"
)

// ruled is a server with the example of alert rules.
func ruled(t *testing.T) *App {
	t.Helper()
	cfg := Default()
	cfg.Listen, cfg.Data, cfg.Folder, cfg.Auth.Mode = "127.0.0.1:0", t.TempDir(), filepath.Join(t.TempDir(), "config"), auth.Off
	if err := os.CopyFS(cfg.Folder, examples.Files); err != nil {
		t.Fatal(err)
	}
	cfg.Folder = filepath.Join(cfg.Folder, "alert-rules")
	a, err := New(t.Context(), slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestRulesReachTheInbox(t *testing.T) {
	a := ruled(t)
	ctx, at := t.Context(), time.Now().UTC().Truncate(time.Millisecond)
	page := promrules.Alert{
		File: rule.OwnPath("errors"), Expr: "x > 1", Labels: map[string]string{"alertname": "RequestsFail", "severity": "page", "service": "shop", "each": "shop"},
		Annotations: map[string]string{"summary": "Shop: 10% of requests fail"}, Value: 0.1, At: at, FiredAt: at, Until: at.Add(4 * time.Minute),
	}
	if err := a.tellRules(ctx, []promrules.Alert{page}); err != nil {
		t.Fatal(err)
	}
	got := only(t, a)
	if got.State() != alert.Open || got.Severity != alert.Page || got.Service != "shop" || got.Rule != "RequestsFail" || !got.EndsAt.Equal(page.Until) {
		t.Errorf("got %+v", got)
	}
	if w := fetch(a, "/alerts/"+got.ID+"/rule", "en"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Roll the last release back") {
		t.Errorf("the alert's page does not show its rule: %d", w.Code)
	}
	page.At, page.ResolvedAt = at.Add(time.Minute), at.Add(time.Minute)
	if err := a.tellRules(ctx, []promrules.Alert{page}); err != nil {
		t.Fatal(err)
	}
	if got = only(t, a); got.State() != alert.Resolved {
		t.Errorf("got %s, want it resolved", got.State())
	}
}

func only(t *testing.T, a *App) alert.Alert {
	t.Helper()
	all, err := a.inbox.Alerts(t.Context(), alert.Query{})
	if err != nil || len(all) != 1 {
		t.Fatalf("got %d alerts, %v; want one", len(all), err)
	}
	return all[0]
}

// What another system sends gets what its rule knows.
func TestTheInboxIsTold(t *testing.T) {
	a := ruled(t)
	got, err := a.inbox.Take(t.Context(), alert.Signal{ID: "1", Firing: true, Source: "api", Rule: "BackupFailed", Severity: alert.Page, At: time.Now()})
	if err != nil || got.Service != "shop" || got.Severity != alert.Ticket || got.Labels["owner"] != "platform" || got.Annotations["first_action"] != "Start it by hand." {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A table that changed is a plan by instance, though no document did.
func TestPlanShowsInstances(t *testing.T) {
	a := ruled(t)
	files := map[string]string{}
	for n, text := range a.config.Set().Files {
		files[n] = strings.ReplaceAll(text, "db-2,/var/lib/postgresql,85", "db-3,/var/lib/postgresql,85")
	}
	set, problems := ascode.Parse(files, Kinds())
	p, more := build(set)
	if problems = append(problems, more...); len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, c := range a.planned(set, p) {
		got = append(got, c.Op+" "+c.Name)
	}
	if s := strings.Join(got, ", "); s != "- disk-fills[db-2], + disk-fills[db-3]" {
		t.Errorf("got %s", s)
	}
}

func TestRulesAPI(t *testing.T) {
	a := ruled(t)
	w := fetch(a, "/api/v1/rules/DiskFills", "en")
	var out struct {
		Rules []struct {
			ID        string
			Instances []struct{ ID string }
			Latency   struct {
				Worst float64 `json:"worst_seconds"`
			}
			Live struct{ Evaluated bool }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || len(out.Rules) != 1 {
		t.Fatalf("got %s, %v", w.Body, err)
	}
	if r := out.Rules[0]; r.ID != "disk-fills" || len(r.Instances) != 3 || r.Latency.Worst != 681 || !r.Live.Evaluated {
		t.Errorf("got %+v", r)
	}
	if w := fetch(a, "/api/v1/rules/none", "en"); w.Code != http.StatusNotFound {
		t.Errorf("got %d for a rule that is not there", w.Code)
	}
	if w := fetch(a, "/prometheus/api/v1/rules", "en"); !strings.Contains(w.Body.String(), `"name":"HostDown"`) {
		t.Errorf("got %s", w.Body)
	}
	if err := a.rules.engine.Health(context.Background()); err != nil {
		t.Error(err)
	}
}

// What ended while nobody looked is over, once the rules had time to be restored.
func TestOverdueAlertsEnd(t *testing.T) {
	a := ruled(t)
	at := time.Now().Add(-time.Hour)
	one := promrules.Alert{File: "node.yaml", Labels: map[string]string{"alertname": "HostDown", "severity": "critical", "instance": "i"}, At: at, FiredAt: at, Until: at.Add(4 * time.Minute)}
	if err := a.tellRules(t.Context(), []promrules.Alert{one}); err != nil {
		t.Fatal(err)
	}
	if err := a.endOverdue(t.Context()); err != nil || only(t, a).State() != alert.Open {
		t.Errorf("got %s, %v right after the start; want it open", only(t, a).State(), err)
	}
	a.rules.began = at
	if err := a.endOverdue(t.Context()); err != nil || only(t, a).State() != alert.Resolved {
		t.Errorf("got %s, %v; want it resolved", only(t, a).State(), err)
	}
}
