package sloth_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/rules"
	"github.com/hinoban/hinoban/internal/slo/sloth"
)

const day = 24 * time.Hour

func build(kinds []ascode.Kind, text string) (objectives []slo.Objective, problems, notes string) {
	set, bad := ascode.Parse(map[string]string{"f.yaml": text}, kinds)
	objectives, more, hints := sloth.Build(set, func(s string) bool { return s != "nobody" })
	return objectives, append(bad, more...).Error(), append(set.Notes, hints...).Error()
}

func TestObjectives(t *testing.T) {
	kinds := sloth.Kinds()
	for _, k := range kinds[:2] { // the file and the custom resource say the same
		out, problems, _ := build(kinds, k.Example)
		if problems != "" || len(out) != 1 {
			t.Fatalf("%s: %s", k.Name, problems)
		}
		o := out[0]
		if o.ID != "checkout-requests-availability" || o.Service != "checkout" || o.Target.String() != "0.999" || o.Window != 30*day || !o.SLI.Counter {
			t.Errorf("%s: %+v", k.Name, o)
		}
		if o.SLI.Bad != `sum(rate(http_requests_total{job="checkout",code=~"5.."}[{{.window}}]))` {
			t.Errorf("%s: %s", k.Name, o.SLI.Bad)
		}
		if !cmp.Equal(o.Pairs, slo.DefaultPairs(o.Window, o.Target)) {
			t.Errorf("%s: pairs %+v", k.Name, o.Pairs)
		}
	}
	// The only AlertWindows of a folder says the period.
	out, problems, _ := build(kinds, kinds[0].Example+"---\n"+kinds[2].Example)
	if problems != "" || out[0].Window != 7*day || out[0].Pairs[0].Rate != 13.44 {
		t.Errorf("7d: %s %+v", problems, out)
	}
	// A disabled alert calls nobody, and one that cannot fire is said.
	out, _, notes := build(kinds, strings.NewReplacer("99.9", "90", "page_alert: {labels: {severity: page}}", "page_alert: {disable: false}", "ticket_alert: {labels: {severity: ticket}}", "ticket_alert: {disable: true}").Replace(kinds[0].Example))
	want := []slo.Pair{{Severity: alert.Page, Rate: 6, Long: 6 * time.Hour, Short: 30 * time.Minute}}
	if diff := cmp.Diff(want, out[0].Pairs); diff != "" || !strings.Contains(notes, "14.4× over 1h and 5m can never fire: total failure burns at 10×") {
		t.Errorf("90 %%: %s\n%s", diff, notes)
	}
}

func TestFaults(t *testing.T) {
	kinds := sloth.Kinds()
	good := kinds[0].Example
	tests := []struct{ name, old, by, want string }{
		{"service", "service: checkout", "service: nobody", `f.yaml:2:10: there is no service "nobody" — add a Service document`},
		{"plugin", "events:", "plugin: {id: sloth-common/x}\n    events:", `slos[0].sli.plugin: the SLI plugin "sloth-common/x" is code, which is not run here — write the query`},
		{"chain", "labels: {owner: shop}", "slo_plugins: {chain: [{id: mine/v1}]}", `f.yaml:3:28: slo_plugins.chain[0].id: the plugin "mine/v1" is code, which is not run here — take it out of the chain; known here: sloth.dev/contrib/`},
		{"no window", "5..\"}[{{.window}}]", "5..\"}[5m]", "slos[0].sli.events.error_query: the query has no {{.window}} — write the range as [{{.window}}]"},
		{"template", "5..\"}[{{.window}}]", "5..\"}[{{.window}}{{printf \"x\"}}]", "the query is a template of more than {{.window}}"},
		{"PromQL", "sum(rate(http_requests_total{job=\"checkout\"}", "sum(rate(http_requests_total{job=\"checkout\"", "f.yaml:11:20: slos[0].sli.events.total_query: "},
		{"objective", "objective: 99.9", "objective: 100", "f.yaml:6:14: slos[0].objective: an objective lies between 0 and 100"},
		{"share", "objective: 99.9", "objective: 0.999", "the objective is a percentage, not a share"},
		{"no alert name", "name: CheckoutAvailability", "labels: {}", "slos[0].alerting: the alerts have no name"},
		{"unknown field", "objective:", "objektive:", `f.yaml:6:3: unknown field "objektive" — did you mean "objective"?`},
		{"version", "version: prometheus/v1", "version: prometheus/v2", "f.yaml:1:1: apiVersion and kind must be given"},
	}
	for _, tt := range tests {
		_, problems, notes := build(kinds, strings.Replace(good, tt.old, tt.by, 1))
		if !strings.Contains(problems+"\n"+notes, tt.want) {
			t.Errorf("%s: got\n%s\n%s\nwant %q", tt.name, problems, notes, tt.want)
		}
	}
}

func TestSpecsRefuseWhatSlothCannotSay(t *testing.T) {
	target, err := slo.ParseTarget("0.999", false)
	if err != nil {
		t.Fatal(err)
	}
	good := slo.Objective{ID: "api-errors", Service: "api", Target: target, Window: 30 * day, Method: slo.Occurrences, SLI: slo.SLI{Bad: "sum(e)", Total: "sum(t)", Counter: true}}
	specs, err := sloth.Specs([]slo.Objective{good}, 30*day)
	if err != nil || specs[0].SLOs[0].Name != "errors" || specs[0].SLOs[0].SLI.Events.ErrorQuery != "sum(rate(e[{{.window}}]))" || specs[0].SLOs[0].Alerting.Name != "ApiErrors" {
		t.Errorf("got %+v, %v", specs, err)
	}
	for why, change := range map[string]func(*slo.Objective){
		"Occurrences only":         func(o *slo.Objective) { o.Method = slo.Timeslices },
		"Sloth has none":           func(o *slo.Objective) { o.Composite = &slo.Composite{} },
		"Sloth counts events":      func(o *slo.Objective) { o.SLI = slo.SLI{Threshold: "up"} },
		"--default-slo-period 1w":  func(o *slo.Objective) { o.Window = 7 * day },
		"ratio has no {{.window}}": func(o *slo.Objective) { o.SLI = slo.SLI{Raw: "x"} },
	} {
		o := good
		change(&o)
		if _, err := sloth.Specs([]slo.Objective{o}, 30*day); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want %q", err, why)
		}
	}
}

// The fifteen series of Sloth, two counters and a gauge for each pair.
func TestSeries(t *testing.T) {
	kinds := sloth.Kinds()
	out, _, _ := build(kinds, kinds[0].Example)
	o := out[0]
	at := time.Unix(1_800_000_000, 0).UTC()
	counts := map[time.Duration]slo.Count{}
	for _, w := range []time.Duration{5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, day, 3 * day, 30 * day} {
		total := int64(w / time.Second)
		counts[w] = slo.Count{Good: total - total/100, Total: total, Known: true, At: at}
	}
	counts[2*time.Hour] = slo.Count{} // no data
	s := slo.Judge(o, counts, at)
	got := map[string]float64{}
	for _, line := range sloth.Series(o, s, slo.Count{Good: 90, Total: 100, Known: true}, at) {
		for k, v := range map[string]string{"sloth_id": o.ID, "sloth_service": "checkout", "sloth_slo": "requests-availability", "owner": "shop"} {
			if line.Labels[k] != v {
				t.Errorf("%v: %s is %q, want %q", line.Labels, k, line.Labels[k], v)
			}
		}
		p, ok := line.Last()
		if !ok || !p.T.Equal(at) || math.IsNaN(p.V) {
			t.Errorf("%v: %+v", line.Labels, line.Points)
		}
		name := line.Labels[metrics.NameLabel]
		if w := line.Labels["sloth_window"]; w != "" && !strings.HasSuffix(name, w) {
			t.Errorf("%s has the window %s", name, w)
		}
		if name == "slo_pressure" {
			name += " " + line.Labels["sloth_severity"] + " " + line.Labels["long"] + " " + line.Labels["short"]
		}
		got[name] = math.Round(1e6*p.V) / 1e6
	}
	want := map[string]float64{
		"slo:sli_error:ratio_rate5m": 0.01, "slo:sli_error:ratio_rate30m": 0.01, "slo:sli_error:ratio_rate1h": 0.01, "slo:sli_error:ratio_rate6h": 0.01,
		"slo:sli_error:ratio_rate1d": 0.01, "slo:sli_error:ratio_rate3d": 0.01, "slo:sli_error:ratio_rate30d": 0.01,
		"slo:objective:ratio": 0.999, "slo:error_budget:ratio": 0.001, "slo:time_period:days": 30, "slo:current_burn_rate:ratio": 10,
		"slo:period_burn_rate:ratio": 10, "slo:period_error_budget_remaining:ratio": -9, "sloth_slo_info": 1,
		"slo_events_good": 90, "slo_events_total": 100,
		"slo_pressure page 1h 5m": 0.694444, "slo_pressure page 6h 30m": 1.666667, "slo_pressure ticket 3d 6h": 10,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff, slices.Sorted(maps.Keys(got)))
	}
}

// Whatever the bytes are, reading ends, and what is accepted has rules that
// Prometheus can read.
func FuzzRead(f *testing.F) {
	kinds := sloth.Kinds()
	for _, k := range kinds {
		f.Add(k.Example)
	}
	windows, _ := sloth.BuiltIn(30 * day)
	p := parser.NewParser(parser.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		set, problems := ascode.Parse(map[string]string{"f.yaml": text}, kinds)
		if len(problems) > 0 {
			return
		}
		for _, d := range ascode.Of[sloth.Spec](set) {
			groups, err := sloth.Rules(d.Spec, sloth.Options{Windows: windows})
			if err != nil {
				continue // the configuration of a plugin
			}
			read(t, p, groups)
		}
	})
}

func read(t *testing.T, p parser.Parser, groups []rules.Group) {
	t.Helper()
	for _, g := range groups {
		for _, r := range g.Rules {
			if _, err := p.ParseExpr(r.Expr); err != nil {
				t.Fatalf("%s: %v", r.Expr, err)
			}
		}
	}
}
