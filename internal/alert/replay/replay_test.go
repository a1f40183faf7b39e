package replay

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/config"
	amroute "github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
)

var t0 = time.Date(2026, 10, 21, 0, 0, 0, 0, time.UTC)

func plan(tb testing.TB, text string) *dispatch.Plan {
	tb.Helper()
	c, err := config.Load(text)
	if err != nil {
		tb.Fatal(err)
	}
	p := &dispatch.Plan{Root: amroute.NewRoute(c.Route, nil), Receivers: map[string][]dispatch.Integration{}, Intervals: map[string][]timeinterval.TimeInterval{}}
	for _, r := range c.Receivers {
		p.Receivers[r.Name] = []dispatch.Integration{dispatch.StandIn(r.Name)}
	}
	return p
}

func episode(id, rule, service string, severity alert.Severity, from, length time.Duration) Episode {
	return Episode{
		ID: id, Rule: rule, Service: service, Severity: severity, From: t0.Add(from), To: t0.Add(from + length),
		Labels: dispatch.NewSet(map[string]string{"alertname": rule, "service": service, "severity": string(severity), "id": id}),
	}
}

const before = "route: {receiver: all, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 4h}\nreceivers: [{name: all}]\n"

func run(t *testing.T, all []Episode, c Config) Outcome {
	t.Helper()
	out, err := Run(t.Context(), all, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAChangedConfigurationOverTheSamePast(t *testing.T) {
	all := []Episode{
		episode("1", "errors", "shop", alert.Page, time.Hour, 20*time.Minute),
		episode("2", "disk", "shop", alert.Ticket, 2*time.Hour, 2*time.Hour),
		episode("3", "flap", "cart", alert.Page, 3*time.Hour, 10*time.Second), // over before the group was told of
		episode("4", "flap", "cart", alert.Page, 9*time.Hour, time.Minute),
	}
	incidents := []Incident{
		{ID: "i1", At: t0.Add(time.Hour), Alerts: []string{"1"}},
		{ID: "i2", At: t0.Add(4 * time.Hour), Alerts: []string{"2", "gone"}},
		{ID: "i3", At: t0, Alerts: nil},
	}
	old := run(t, all, Config{Plan: plan(t, before)})
	// 1: told, end told. 2: told, end told. 3: too short. 4: told, end told.
	if old.Alerts != 4 || old.Pages != 3 || old.Messages != 6 || old.To["all"] != 6 {
		t.Fatalf("before: %+v", old)
	}
	// The new one drops disk, wakes nobody for a flap, and tells of errors at once.
	const after = "route: {receiver: all, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 4h, routes: [{receiver: none, matchers: [alertname=disk]}, {receiver: all, matchers: [alertname=errors], group_wait: 0s}]}\nreceivers: [{name: all}, {name: none}]\n"
	p := plan(t, after)
	p.Receivers["none"] = nil
	now := run(t, all, Config{Plan: p, Raise: func(e Episode) (Episode, bool) {
		if e.Rule == "flap" {
			e.Severity = alert.Ticket
		}
		return e, true
	}})
	c := Compare(all, incidents, old, now)
	if c.After.Pages != 1 || c.After.Messages != 4 || len(c.Rules) != 1 || c.Rules[0] != (RuleDiff{"flap", 2, 0}) {
		t.Errorf("after: %+v, rules %+v", c.After, c.Rules)
	}
	if c.Incidents != 2 || len(c.Missed) != 1 || c.Missed[0].ID != "i2" || len(c.Quieter) != 0 {
		t.Errorf("incidents: %+v", c)
	}
	if c.LatencyP50.Before != 30 || len(c.Later) != 0 {
		t.Errorf("latency %+v, later %+v", c.LatencyP50, c.Later)
	}
}

func TestALongerForIsLaterOrNever(t *testing.T) {
	all := []Episode{episode("1", "a", "s", alert.Page, time.Hour, 3*time.Minute), episode("2", "a", "s", alert.Page, 5*time.Hour, time.Hour)}
	longer := func(e Episode) (Episode, bool) { return Longer(e, 5*time.Minute) }
	old, now := run(t, all, Config{Plan: plan(t, before)}), run(t, all, Config{Plan: plan(t, before), Raise: longer})
	c := Compare(all, []Incident{{ID: "i1", Alerts: []string{"1"}}, {ID: "i2", Alerts: []string{"2"}}}, old, now)
	if now.Pages != 1 || len(c.Missed) != 1 || c.Missed[0].ID != "i1" || len(c.Quieter) != 1 || len(c.Later) != 1 || c.Later[0].After.Sub(c.Later[0].Before) != 5*time.Minute {
		t.Errorf("%+v", c)
	}
}

// A replay of one configuration against itself changes nothing.
func TestTheSameConfigurationChangesNothing(t *testing.T) {
	all := corpus(3000)
	old, now := run(t, all, Config{Plan: plan(t, before)}), run(t, all, Config{Plan: plan(t, before)})
	var in []Incident
	for i := 0; i < len(all); i += 100 {
		in = append(in, Incident{ID: fmt.Sprint(i), Alerts: []string{all[i].ID}})
	}
	c := Compare(all, in, old, now)
	if len(c.Rules)+len(c.Missed)+len(c.Earlier)+len(c.Later)+len(c.Quieter) != 0 || old.Messages != now.Messages || c.LatencyP99.Before != c.LatencyP99.After {
		t.Errorf("%+v", c)
	}
}

// corpus are n episodes over 30 days: 300 rules, 60 services, most of them
// short, some of hours.
func corpus(n int) []Episode {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]Episode, n)
	for i := range out {
		length := time.Duration(30+rng.IntN(900)) * time.Second
		if rng.IntN(50) == 0 {
			length = time.Duration(1+rng.IntN(8)) * time.Hour
		}
		severity := []alert.Severity{alert.Page, alert.Ticket, alert.Info}[rng.IntN(3)]
		out[i] = episode(fmt.Sprint(i%20000), fmt.Sprint("rule", rng.IntN(300)), fmt.Sprint("svc", rng.IntN(60)), severity, time.Duration(rng.Int64N(int64(30*24*time.Hour))), length)
		out[i].ID = fmt.Sprint(i)
	}
	return out
}

// BenchmarkReplay is a million alerts of 30 days through a configuration.
func BenchmarkReplay(b *testing.B) {
	all := corpus(1_000_000)
	for b.Loop() {
		out, err := Run(b.Context(), all, Config{Plan: plan(b, before)}, nil)
		if err != nil || out.Alerts != len(all) {
			b.Fatal(out.Alerts, err)
		}
		b.ReportMetric(float64(out.Messages), "messages")
	}
}
