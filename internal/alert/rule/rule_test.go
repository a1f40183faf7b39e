package rule_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

const team = `apiVersion: hinoban/v1
kind: Person
metadata: {name: aoi}
spec: {}
---
apiVersion: hinoban/v1
kind: Team
metadata: {name: shop}
spec: {members: [aoi]}
---
apiVersion: hinoban/v1
kind: Service
metadata: {name: api, labels: {lang: go}}
spec: {team: shop, tier: 1}
---
apiVersion: hinoban/v1
kind: Service
metadata: {name: web}
spec: {team: shop, tier: 2}
---
`

// doc is an AlertRule whose spec is given as flow YAML, without the braces.
func doc(name, spec string) string {
	return "apiVersion: hinoban/v1\nkind: AlertRule\nmetadata: {name: " + name + "}\nspec: {" + spec + "}\n---\n"
}

const full = `who: {owner: shop}, why: {impact: no orders}, when: {urgency: page}, how: {playbook: "https://x.example", firstAction: roll back}`

func build(t *testing.T, text string, beside map[string]string) (*rule.Set, ascode.Problems) {
	t.Helper()
	set, problems := ascode.Parse(map[string]string{"f.yaml": team + text}, append(catalog.Kinds(), rule.Kinds()...))
	set = set.WithBeside(beside)
	snapshot, more := catalog.Build(set)
	problems = append(problems, more...)
	_, bad := rule.Wants(set)
	rules, refused := rule.Build(set, rule.Deps{Catalog: snapshot, HasEscalation: func(s string) bool { return s == "esc" }, HasSLO: func(s string) bool { return s == "orders" }})
	return rules, slices.Concat(problems, bad, refused)
}

func good(t *testing.T, text string, beside map[string]string) *rule.Set {
	t.Helper()
	rules, problems := build(t, text, beside)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return rules
}

func TestForEach(t *testing.T) {
	beside := map[string]string{
		"hosts.csv": "host,limit\ndb-1,85\n\"we\"\"b\",90\n", "a/x.tf": "", "a/y.tf": "", "b/z.tf": "",
		"out.json": `{"hosts":{"value":["p","q"]},"sizes":{"value":{"k":{"size":3,"ok":true}}},"list":{"value":[{"id":"r","n":1}]},"pass":{"sensitive":true,"value":["s"]}}`,
	}
	for each, want := range map[string]string{
		`selector: {tiers: [1]}`:                             `r[api] up{s="api",n="api"} > 1`,
		`selector: {teams: [shop]}`:                          `r[api] up{s="api",n="api"} > 1|r[web] up{s="web",n="web"} > 1`,
		`selector: {labels: {lang: go}}`:                     `r[api] up{s="api",n="api"} > 1`,
		`csv: {file: hosts.csv}`:                             `r[db-1] up{s="db-1",n="85"} > 1|r[we"b] up{s="we\"b",n="90"} > 1`,
		`glob: "a/*.tf"`:                                     `r[x] up{s="x",n="a"} > 1|r[y] up{s="y",n="a"} > 1`,
		`terraform: {file: out.json, output: hosts}`:         `r[p] up{s="p",n="p"} > 1|r[q] up{s="q",n="q"} > 1`,
		`terraform: {file: out.json, output: sizes}`:         `r[k] up{s="k",n="3"} > 1`,
		`terraform: {file: out.json, output: list, key: id}`: `r[r] up{s="r",n="1"} > 1`,
	} {
		second := "${each.value}"
		for mark, field := range map[string]string{"selector": "name", "csv": "limit", "glob": "dir", "sizes": "size", "list,": "n"} {
			if strings.Contains(each, mark) {
				second = "${each." + field + "}"
			}
		}
		rules := good(t, doc("r", full+`, what: {expr: 'up{s="${each.key}",n="`+second+`"} > 1'}, where: {forEach: {`+each+`}}`), beside)
		var got []string
		for _, i := range rules.All()[0].Instances {
			got = append(got, i.ID+" "+i.Expr)
			if i.Labels["each"] != i.Key || i.Labels["severity"] != "page" || i.Labels["owner"] != "shop" || i.Notes["first_action"] != "roll back" {
				t.Errorf("%s: labels %v, annotations %v", each, i.Labels, i.Notes)
			}
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%s:\n got %s\nwant %s", each, s, want)
		}
	}
}

func TestProblems(t *testing.T) {
	beside := map[string]string{"two.csv": "a\nx\nx\n", "odd.csv": "a,b\nx\n", "out.json": `{"pass":{"sensitive":true,"value":["s"]}}`}
	each := func(s string) string { return full + `, what: {expr: 'up > 1'}, where: {forEach: {` + s + `}}` }
	for spec, want := range map[string]string{
		full + `, what: {}`:                                                                          "exactly one of expr",
		full + `, what: {expr: up, job: x}`:                                                          "it says 2 things to watch",
		full + `, what: {expr: 'up >'}`:                                                              "parse error",
		full + `, what: {slo: nothing}`:                                                              `there is no objective "nothing"`,
		full + `, what: {job: x, for: 5m}`:                                                           "of expr alone",
		full + `, what: {expr: 'up{a="${each.key}"} > 1'}`:                                           "the rule is not repeated",
		full + `, what: {expr: up > 1, every: 1ms}`:                                                  "less than a second",
		full + `, what: {expr: up > 1}, labels: {severity: critical}`:                                "written by the rule itself",
		full + `, what: {expr: up > 1}, where: {service: nothing}`:                                   `there is no service "nothing"`,
		`when: {urgency: log}, who: {escalate: esc}, what: {job: x}`:                                 "wakes nobody",
		`when: {urgency: ticket}, who: {owner: nobody}, what: {job: x}`:                              `no team and no person "nobody"`,
		`when: {urgency: page}, who: {owner: shop, escalate: no}, what: {job: x}`:                    `no escalation "no"`,
		`when: {urgency: ticket}, who: {path: a/b}, what: {job: x}`:                                  `nobody owns path "a/b"`,
		`when: {urgency: page, hours: {from: "9", to: "18:00", timeZone: UTC}}, what: {job: x}`:      "not two times of the day",
		`when: {urgency: page, hours: {from: "09:00", to: "18:00", timeZone: Mars}}, what: {job: x}`: `unknown time zone "Mars"`,
		each(`csv: {file: ../../etc/passwd}`):                                                        "leads out of the folder",
		each(`csv: {file: /etc/passwd}`):                                                             "leads out of the folder",
		each(`csv: {file: none.csv}`):                                                                "is not in the folder",
		each(`csv: {file: two.csv}`):                                                                 `the key "x" is there twice`,
		each(`csv: {file: odd.csv}`):                                                                 "wrong number of fields",
		each(`csv: {file: two.csv, key: b}`):                                                         `no column "b"; its columns are a`,
		each(`glob: "*.none"`):                                                                       "names nothing",
		each(`terraform: {file: out.json, output: pass}`):                                            "is sensitive",
		each(`selector: {tiers: [1]}, glob: "*"`):                                                    "2 things to repeat it for",
		full + `, what: {expr: 'up > ${each.name}'}, where: {forEach: {csv: {file: two.csv}}}`:       "${each.name} stands for nothing; known here: each.key, each.a",
	} {
		_, problems := build(t, doc("r", spec), beside)
		if len(problems) == 0 || !strings.Contains(problems[0].String(), want) {
			t.Errorf("%s:\n got %v\nwant %q", spec, problems, want)
		}
	}
}

// Whatever a table holds, a value never leaves the string it stands in.
func TestAValueStaysInItsString(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.StringMatching(`[a-z"'\\{}()$ \x60-]{1,12}`).Draw(rt, "value")
		quote := rapid.SampledFrom([]string{`"`, `'`}).Draw(rt, "quote")
		text := "a\n\"" + strings.ReplaceAll(v, `"`, `""`) + "\"\n"
		expr := "up{s=" + quote + "${each.key}" + quote + "} > 1"
		rules, problems := build(t, "apiVersion: hinoban/v1\nkind: AlertRule\nmetadata: {name: r}\nspec:\n  when: {urgency: ticket}\n  what:\n    expr: |\n      "+expr+"\n  where: {forEach: {csv: {file: t.csv}}}\n", map[string]string{"t.csv": text})
		if len(problems) > 0 {
			rt.Fatalf("%q: %v", v, problems)
		}
		q, err := metrics.Inspect(rules.All()[0].Instances[0].Expr)
		if err != nil || len(q.Parts) != 1 {
			rt.Fatalf("%q: %v %v", v, q, err)
		}
		for _, m := range q.Parts[0].Matchers {
			if m.Name == "s" && m.Value != v {
				rt.Fatalf("got %q, want %q", m.Value, v)
			}
		}
	})
}

func TestHours(t *testing.T) {
	day := good(t, doc("r", strings.Replace(full, "urgency: page", `urgency: page, hours: {from: "09:00", to: "18:00", timeZone: Asia/Tokyo}`, 1)+`, what: {expr: up > 1}`), nil).All()[0].When
	night := good(t, doc("r", strings.Replace(full, "urgency: page", `urgency: page, hours: {days: [fri], from: "22:00", to: "06:00", timeZone: UTC}`, 1)+`, what: {expr: up > 1}`), nil).All()[0].When
	for _, tt := range []struct {
		w    rule.When
		at   string
		want alert.Severity
	}{
		{day, "2026-11-20T00:00:00Z", alert.Page},
		{day, "2026-11-19T23:59:00Z", alert.Ticket},
		{day, "2026-11-20T09:00:00Z", alert.Ticket},
		{day, "2026-11-21T03:00:00Z", alert.Ticket}, // Saturday
		{night, "2026-11-20T23:00:00Z", alert.Page},
		{night, "2026-11-21T05:59:00Z", alert.Page},
		{night, "2026-11-20T05:00:00Z", alert.Ticket},
		{night, "2026-11-21T06:00:00Z", alert.Ticket},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := tt.w.At(at); got != tt.want {
			t.Errorf("%s at %s: got %s, want %s", tt.w.Hours, tt.at, got, tt.want)
		}
	}
	if got := day.Hours.String(); got != "mon–fri 09:00–18:00 Asia/Tokyo" {
		t.Errorf("got %q", got)
	}
}

func TestSignal(t *testing.T) {
	rules := good(t, doc("errors", strings.Replace(full, "urgency: page", `urgency: page, hours: {from: "09:00", to: "18:00", timeZone: UTC}`, 1)+`, alert: Errors, what: {expr: up > 1}, where: {service: api}`), nil)
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	f := rule.Firing{
		File: rule.OwnPath("errors"), Expr: "up > 1", Labels: map[string]string{"alertname": "Errors", "severity": "page", "service": "api", "i": "1"},
		Annotations: map[string]string{"summary": "bad"}, Value: 2, At: at, FiredAt: at, Until: at.Add(4 * time.Minute),
	}
	s := rules.Signal(f, "http://h")
	if err := s.Validate(); err != nil || !s.Firing || s.Severity != alert.Page || s.Service != "api" || s.Rule != "Errors" || s.Summary != "bad" || !s.EndsAt.Equal(f.Until) || s.URL != "http://h/rules/Errors" {
		t.Errorf("got %+v, %v", s, err)
	}
	f.At = at.Add(12 * time.Hour)
	night := rules.Signal(f, "http://h")
	if night.Severity != alert.Ticket || night.Labels["severity"] != "ticket" || night.Fingerprint() != s.Fingerprint() || night.ID == s.ID {
		t.Errorf("at night: got %+v, want a ticket of the same fingerprint", night)
	}
	f.ResolvedAt = f.At
	if end := rules.Signal(f, ""); end.Firing || !end.EndsAt.IsZero() || end.Validate() != nil {
		t.Errorf("got %+v, want the end", end)
	}
	if f.Labels["severity"] != "page" {
		t.Error("the labels of the rule were written into")
	}
	for label, want := range map[string]alert.Severity{"critical": alert.Page, "page": alert.Page, "error": alert.Ticket, "Warning": alert.Ticket, "info": alert.Info, "": alert.Ticket, "none": alert.Info} {
		if got := rules.Signal(rule.Firing{File: "x.yaml", Labels: map[string]string{"alertname": "Other", "severity": label}, At: at}, "").Severity; got != want {
			t.Errorf("severity %q: got %s, want %s", label, got, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	spec := func(what string) string {
		return `who: {owner: shop, escalate: esc}, when: {urgency: page}, how: {playbook: "https://p.example", firstAction: look}, what: {` + what + `}, where: {service: web}`
	}
	rules := good(t, doc("a", spec("slo: orders"))+doc("b", spec("job: nightly"))+doc("c", spec("alert: Backup"))+doc("d", spec("expr: up > 1")+", alert: HostDown")+
		doc("e", `who: {owner: shop}, when: {urgency: ticket}, what: {check: home}`), nil)
	sig := func(source, name string) alert.Signal {
		return alert.Signal{ID: "1", Source: source, Rule: name, Severity: alert.Page, Service: "api", At: time.Unix(0, 0)}
	}
	for _, tt := range []struct {
		s    alert.Signal
		want bool
	}{
		{sig("slo", "orders"), true},
		{sig("slo", "orders: no data"), true},
		{sig("slo", "others"), false},
		{sig("job", "orders"), false},
		{sig("job", "nightly"), true},
		{sig("prom", "Backup"), true},
		{sig("prom", "HostDown"), true},
		{sig("prom", "Other"), false},
		{sig("probe", "home"), true},
	} {
		got := rules.Describe(tt.s)
		if has := got.Labels["owner"] == "shop"; has != tt.want {
			t.Errorf("%s %s: got labels %v, described: %t, want %t", tt.s.Source, tt.s.Rule, got.Labels, has, tt.want)
		}
		if tt.want && got.Service != "api" {
			t.Errorf("%s: the service changed to %s", tt.s.Rule, got.Service)
		}
	}
	got := rules.Describe(sig("slo", "orders"))
	if got.Annotations["first_action"] != "look" || got.Annotations["runbook_url"] != "https://p.example" || got.Labels["escalation"] != "esc" || got.Severity != alert.Page {
		t.Errorf("got %+v", got)
	}
	if got := rules.Describe(sig("probe", "home")); got.Severity != alert.Ticket || got.Labels["severity"] != "ticket" {
		t.Errorf("a rule of tickets calms: got %s", got.Severity)
	}
	low := sig("slo", "orders")
	low.Severity, low.Annotations = alert.Ticket, map[string]string{"playbook": "mine"}
	if got := rules.Describe(low); got.Severity != alert.Ticket || got.Annotations["playbook"] != "mine" {
		t.Errorf("a rule of pages raises nothing, and what the sender says stays: got %+v", got)
	}
	var none *rule.Set
	if got := none.Describe(low); got.Labels != nil {
		t.Errorf("got %+v", got)
	}
}

func TestChanges(t *testing.T) {
	text := doc("r", full+`, what: {expr: 'up{h="${each.key}"} > ${each.n}'}, where: {forEach: {csv: {file: t.csv}}}`)
	one := good(t, text, map[string]string{"t.csv": "h,n\na,1\nb,1\nc,1\n"})
	two := good(t, text, map[string]string{"t.csv": "h,n\nd,1\na,1\nc,2\n"})
	var got []string
	for _, c := range rule.Changes(one, two) {
		got = append(got, c.Op+" "+c.Name+" "+strings.Join(c.Diff, " "))
	}
	want := `- r[b] |~ r[c] - expr: up{h="c"} > 1 + expr: up{h="c"} > 2|+ r[d] `
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
	if len(rule.Changes(one, one)) != 0 || len(rule.Changes(nil, one)) != 3 {
		t.Error("want no change from a set to itself, and three from nothing")
	}
}

func TestLint(t *testing.T) {
	text := doc("bare", `when: {urgency: page, budget: 1m}, what: {expr: up == 0, for: 5m}`) +
		doc("calm", `when: {urgency: log}, what: {expr: up == 0}, annotations: {summary: s}`) +
		doc("fine", full+`, what: {expr: up == 0}, annotations: {summary: s}`) +
		"groups:\n- name: g\n  rules:\n  - {alert: Plain, expr: up, labels: {severity: critical}}\n  - {alert: Mute, expr: 'rate(x[10s]) > 1', annotations: {summary: s}}\n"
	rules := good(t, text, nil)
	a := rule.DefaultAssumed()
	a.Jobs = map[string]time.Duration{"": time.Minute}
	iv := []rule.Interval{{time.Unix(0, 0), time.Unix(100, 0)}}
	got := map[string]string{}
	for _, l := range rule.Lint(rules, rule.LintOptions{Assumed: a, Tests: []string{"  - {alertname: fine}"}, Fired: map[string][]rule.Interval{"fine": iv, "calm": iv}}) {
		got[l.Rule] += l.Code + ":" + string(l.Level)[:1] + " "
	}
	want := map[string]string{
		"bare":  "owner:e playbook:e first-action:e budget:e impact:w summary:w test:w ",
		"calm":  "duplicate:e test:w ",
		"Plain": "owner:w playbook:w first-action:w impact:w summary:w always:w test:w ",
		"Mute":  "severity:w range:w test:w ",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestComputed(t *testing.T) {
	m := time.Minute
	for name, tt := range map[string]struct {
		t                       rule.Timing
		best, mean, worst, next time.Duration
	}{
		"Prometheus, the black-box exporter and Alertmanager as they come": {
			rule.Timing{Sample: m, Eval: m, For: 5 * m, Wait: rule.AlertmanagerWait()}, 5*m + 30*time.Second, 6*m + 30*time.Second, 7*m + 30*time.Second, 12 * m,
		},
		"nothing takes no time":            {rule.Timing{}, 0, 0, 0, 0},
		"a for lasts whole evaluations":    {rule.Timing{Eval: m, For: 90 * time.Second}, 2 * m, 2*m + 30*time.Second, 3 * m, 3 * m},
		"checks that confirm may time out": {rule.Timing{Sample: m, Confirm: []time.Duration{2 * time.Second, 5 * time.Second}, Timeout: 10 * time.Second}, 7 * time.Second, 37 * time.Second, m + 37*time.Second, m + 37*time.Second},
		"the way to the device":            {rule.Timing{Send: 2 * time.Second, Provider: 4 * time.Second}, 0, 3 * time.Second, 6 * time.Second, 6 * time.Second},
	} {
		l := rule.Computed(tt.t)
		if l.Best != tt.best || l.Mean != tt.mean || l.Worst != tt.worst || l.Next != tt.next {
			t.Errorf("%s: got %s %s %s, next %s; want %s %s %s, next %s", name, l.Best, l.Mean, l.Worst, l.Next, tt.best, tt.mean, tt.worst, tt.next)
		}
		sum := time.Duration(0)
		for _, x := range l.Terms {
			sum += x.Worst
		}
		if sum != l.Worst {
			t.Errorf("%s: the terms make %s of %s", name, sum, l.Worst)
		}
	}
}

func TestJaccard(t *testing.T) {
	iv := func(n ...int64) (out []rule.Interval) {
		for i := 0; i < len(n); i += 2 {
			out = append(out, rule.Interval{From: time.Unix(n[i], 0), To: time.Unix(n[i+1], 0)})
		}
		return out
	}
	for _, tt := range []struct {
		a, b []rule.Interval
		want float64
	}{
		{iv(0, 10), iv(0, 10), 1},
		{iv(0, 10), iv(10, 20), 0},
		{iv(0, 10), iv(5, 15), 1.0 / 3},
		{nil, nil, 0},
		{iv(0, 10), nil, 0},
		{iv(0, 6, 3, 10), iv(0, 10), 1},
		{iv(0, 2, 4, 6), iv(1, 5), 2.0 / 6},
		{iv(5, 5), iv(0, 1), 0},
	} {
		if got := rule.Jaccard(tt.a, tt.b); got < tt.want-1e-9 || got > tt.want+1e-9 || got != rule.Jaccard(tt.b, tt.a) {
			t.Errorf("%v and %v: got %g, want %g", tt.a, tt.b, got, tt.want)
		}
	}
}

// In steps, counted one by one.
func TestJaccardIsWhatACountGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (out []rule.Interval, in [40]bool) {
			for _, p := range rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [2]int {
				return [2]int{rapid.IntRange(0, 39).Draw(t, "from"), rapid.IntRange(0, 8).Draw(t, "long")}
			}), 0, 5).Draw(t, name) {
				end := min(40, p[0]+p[1])
				out = append(out, rule.Interval{From: time.Unix(int64(p[0]), 0), To: time.Unix(int64(end), 0)})
				for i := p[0]; i < end; i++ {
					in[i] = true
				}
			}
			return out, in
		}
		a, inA := draw("a")
		b, inB := draw("b")
		both, either := 0, 0
		for i := range inA {
			if inA[i] && inB[i] {
				both++
			}
			if inA[i] || inB[i] {
				either++
			}
		}
		want := float64(both) / float64(max(1, either))
		if got := rule.Jaccard(a, b); got < want-1e-9 || got > want+1e-9 {
			t.Fatalf("got %g, want %g of %v and %v", got, want, a, b)
		}
	})
}

func TestFiredIn(t *testing.T) {
	at := func(minute int) metrics.Point { return metrics.Point{T: time.Unix(int64(60*minute), 0)} }
	s := []metrics.Series{{Points: []metrics.Point{at(0), at(1), at(2), at(3), at(6), at(7)}}, {Points: []metrics.Point{at(3)}}}
	for hold, want := range map[time.Duration]string{0: "0-4 6-8", 2 * time.Minute: "2-4", 5 * time.Minute: ""} {
		var got []string
		for _, i := range rule.FiredIn(s, hold, 0, time.Minute) {
			got = append(got, fmt.Sprintf("%d-%d", i.From.Unix()/60, i.To.Unix()/60))
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("for %s: got %s, want %s", hold, g, want)
		}
	}
}

func TestImportRoundTrips(t *testing.T) {
	set, bad := ascode.Parse(map[string]string{"p.yaml": "groups:\n- name: g\n  interval: 30s\n  limit: 3\n  rules:\n  - {record: a:b, expr: up}\n" +
		"  - {alert: KubePodCrash, expr: 'up == 0', for: 5m, labels: {severity: critical, team: shop, x: y}, annotations: {runbook_url: 'https://r', summary: '{{ $labels.i }}', impact: much}}\n" +
		"  - {alert: KubePodCrash, expr: 'up == 0', for: 1m, labels: {severity: warning}}\n"}, rule.Kinds())
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	im := rule.Import([]rule.PromFile{ascode.Of[rule.PromFile](set)[0].Spec}, nil)
	text := ""
	for _, d := range im.Documents {
		b, err := ascode.Write(d)
		if err != nil {
			t.Fatal(err)
		}
		text += "---\n" + string(b)
	}
	rules := good(t, strings.TrimPrefix(text, "---\n"), nil)
	if len(rules.All()) != 2 || len(im.Recording) != 1 || len(im.Notes) != 1 {
		t.Fatalf("got %d rules, %d groups of recording rules, notes %v", len(rules.All()), len(im.Recording), im.Notes)
	}
	r := rules.All()[0]
	if r.ID != "kube-pod-crash" || r.Name != "KubePodCrash" || r.What.For != 5*time.Minute || r.What.Every != 30*time.Second || r.Who.Owner != "shop" || r.How.Playbook != "https://r" ||
		r.When.Urgency != alert.Page || r.Labels["x"] != "y" || r.Notes["summary"] != "{{ $labels.i }}" || r.Why.Impact != "much" {
		t.Errorf("got %+v", r)
	}
	if id := rules.All()[1].ID; id != "kube-pod-crash-ticket" {
		t.Errorf("got the id %s", id)
	}
}
