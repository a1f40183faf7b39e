package incident

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

func at(m int) time.Time { return t0.Add(time.Duration(m) * time.Minute) }

// names are the names of facts, in order.
func names(facts []event.Fact) []string {
	var out []string
	for _, f := range facts {
		out = append(out, f.Event.EventName())
	}
	return out
}

func byAlert() Incident {
	i, _ := declare("i1", 1, Declaration{Title: "payment", Service: "payment", Severity: 2, Alert: "a1", Rule: "o1", At: at(1), Detected: at(0)})
	return i
}

func byPerson() Incident {
	i, _ := declare("i1", 1, Declaration{Title: "payment", Service: "payment", Severity: 3, By: "aoi", At: at(1)})
	return i
}

func TestLifecycle(t *testing.T) {
	for _, c := range []struct {
		name   string
		start  func() Incident
		do     func(*Incident) []event.Fact
		facts  []string
		status Status
		mitig  time.Time
		end    time.Time
	}{
		{"declared by an alert it investigates", byAlert, func(*Incident) []event.Fact { return nil }, nil, Investigating, time.Time{}, time.Time{}},
		{"mitigating is said once", byAlert, func(i *Incident) []event.Fact {
			return append(i.mitigate("aoi", "rolled back", at(5), "web"), i.mitigate("ren", "again", at(6), "web")...)
		}, []string{"incident.mitigated"}, MitigatedNow, at(5), time.Time{}},
		{"resolving what still hurts says that it no longer does", byPerson, func(i *Incident) []event.Fact { return i.resolve("aoi", at(7), "web") }, []string{"incident.mitigated", "incident.resolved"}, Resolved, at(7), at(7)},
		{"resolving what is mitigated keeps its time", byPerson, func(i *Incident) []event.Fact {
			return append(i.mitigate("aoi", "x", at(5), "web"), i.resolve("aoi", at(7), "web")...)
		}, []string{"incident.mitigated", "incident.resolved"}, Resolved, at(5), at(7)},
		{"resolving twice is no news", byPerson, func(i *Incident) []event.Fact {
			i.resolve("aoi", at(7), "web")
			return i.resolve("aoi", at(8), "web")
		}, nil, Resolved, at(7), at(7)},
		{"its last alert ends what an alert declared", byAlert, func(i *Incident) []event.Fact { return i.alertResolved("a1", at(9)) }, []string{"incident.mitigated", "incident.resolved"}, Resolved, at(9), at(9)},
		{"one of two alerts ends nothing", byAlert, func(i *Incident) []event.Fact {
			i.attach("a2", "o2", "more", at(2))
			return i.alertResolved("a1", at(9))
		}, nil, Investigating, time.Time{}, time.Time{}},
		{"an alert of another incident ends nothing", byAlert, func(i *Incident) []event.Fact { return i.alertResolved("a9", at(9)) }, nil, Investigating, time.Time{}, time.Time{}},
		{"what a person declared waits for a person", byPerson, func(i *Incident) []event.Fact {
			i.attach("a1", "o1", "more", at(2))
			return i.alertResolved("a1", at(9))
		}, nil, Investigating, time.Time{}, time.Time{}},
		{"another alert reopens what was mitigated", byAlert, func(i *Incident) []event.Fact {
			i.mitigate("aoi", "x", at(5), "web")
			return i.attach("a2", "", "more", at(6))
		}, []string{"incident.alert_attached", "incident.reopened"}, Investigating, time.Time{}, time.Time{}},
		{"the same alert again is no news", byAlert, func(i *Incident) []event.Fact { return i.attach("a1", "o1", "again", at(6)) }, nil, Investigating, time.Time{}, time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := c.start()
			facts := c.do(&i)
			if got := names(facts); !slices.Equal(got, c.facts) {
				t.Errorf("facts: got %v, want %v", got, c.facts)
			}
			if i.Status != c.status || !i.MitigatedAt.Equal(c.mitig) || !i.ResolvedAt.Equal(c.end) {
				t.Errorf("got %s, mitigated %s, resolved %s; want %s, %s, %s", i.Status, i.MitigatedAt, i.ResolvedAt, c.status, c.mitig, c.end)
			}
			for _, f := range facts {
				if f.Service != "payment" || f.Subject != "incident/i1" || f.At.IsZero() || f.Actor == "" || f.Source == "" {
					t.Errorf("fact %+v is not filed", f)
				}
			}
		})
	}
}

func TestWhoAnswersFirstCommands(t *testing.T) {
	i := byAlert()
	if got := names(i.answered("aoi", at(3))); !slices.Equal(got, []string{"incident.role_changed"}) {
		t.Errorf("first answer: got %v", got)
	}
	if got := names(i.answered("ren", at(4))); got != nil {
		t.Errorf("second answer: got %v, want nothing", got)
	}
	if i.Roles[Commander] != "aoi" || !i.AckedAt.Equal(at(3)) {
		t.Errorf("got %v at %s, want aoi at %s", i.Roles, i.AckedAt, at(3))
	}
	j := byPerson()
	j.answered("ren", at(4))
	if j.Roles[Commander] != "aoi" || !j.AckedAt.Equal(at(4)) {
		t.Errorf("declared by aoi: got %v, answered %s", j.Roles, j.AckedAt)
	}
}

func TestChanges(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(*Incident) ([]event.Fact, error)
		facts []string
		bad   bool
	}{
		{"role", func(i *Incident) ([]event.Fact, error) { return i.setRole(Scribe, "ren", "aoi", at(2)) }, []string{"incident.role_changed"}, false},
		{"same role", func(i *Incident) ([]event.Fact, error) { return i.setRole(Commander, "aoi", "aoi", at(2)) }, nil, false},
		{"no such role", func(i *Incident) ([]event.Fact, error) { return i.setRole("hero", "ren", "aoi", at(2)) }, nil, true},
		{"severity", func(i *Incident) ([]event.Fact, error) { return i.setSeverity(1, "aoi", at(2)) }, []string{"incident.severity_changed"}, false},
		{"same severity", func(i *Incident) ([]event.Fact, error) { return i.setSeverity(3, "aoi", at(2)) }, nil, false},
		{"severity 0", func(i *Incident) ([]event.Fact, error) { return i.setSeverity(0, "aoi", at(2)) }, nil, true},
		{"severity 5", func(i *Incident) ([]event.Fact, error) { return i.setSeverity(5, "aoi", at(2)) }, nil, true},
		{"note", func(i *Incident) ([]event.Fact, error) { return i.note(" seen ", "aoi", at(2)) }, []string{"incident.note_added"}, false},
		{"empty note", func(i *Incident) ([]event.Fact, error) { return i.note(" \n", "aoi", at(2)) }, nil, true},
		{"endless note", func(i *Incident) ([]event.Fact, error) { return i.note(strings.Repeat("x", 10_001), "aoi", at(2)) }, nil, true},
	} {
		i := byPerson()
		facts, err := c.do(&i)
		if got := names(facts); !slices.Equal(got, c.facts) || (err != nil) != c.bad || (c.bad && errs.KindOf(err) != errs.Invalid) {
			t.Errorf("%s: got %v, %v; want %v, refused %t", c.name, got, err, c.facts, c.bad)
		}
	}
}

func TestDeclarationValidate(t *testing.T) {
	for _, c := range []struct {
		d  Declaration
		ok bool
	}{
		{Declaration{Title: "cards fail", Severity: 1}, true},
		{Declaration{Title: "cards fail", Severity: 4}, true},
		{Declaration{Title: " ", Severity: 1}, false},
		{Declaration{Title: strings.Repeat("x", 301), Severity: 1}, false},
		{Declaration{Title: "cards fail"}, false},
		{Declaration{Title: "cards fail", Severity: 5}, false},
	} {
		if err := c.d.Validate(); (err == nil) != c.ok {
			t.Errorf("%.20q severity %d: got %v, want ok %t", c.d.Title, c.d.Severity, err, c.ok)
		}
	}
}

func TestTook(t *testing.T) {
	for _, c := range []struct {
		d      time.Duration
		en, ja string
	}{
		{0, "0s", "0秒"},
		{3 * time.Millisecond, "under 0.1s", "0.1秒未満"},
		{400 * time.Millisecond, "0.4s", "0.4秒"},
		{9 * time.Second, "9s", "9秒"},
		{9960 * time.Millisecond, "10s", "10秒"},
		{59*time.Second + 600*time.Millisecond, "1m", "1分"},
		{200 * time.Second, "3m20s", "3分20秒"},
		{time.Hour, "1h", "1時間"},
		{time.Hour + 5*time.Second, "1h", "1時間"},
		{26*time.Hour + 5*time.Minute, "1d2h", "1日2時間"},
		{-90 * time.Second, "−1m30s", "−1分30秒"},
	} {
		if en, ja := Took("en", c.d), Took("ja", c.d); en != c.en || ja != c.ja {
			t.Errorf("%s: got %q and %q, want %q and %q", c.d, en, ja, c.en, c.ja)
		}
	}
}

func TestMeasuresNameWhatIsKnown(t *testing.T) {
	i := byAlert()
	page := event.Record{Name: "oncall.page_opened", At: at(2), Payload: []byte(`{"page":"p1","alert":"a1"}`)}
	other := event.Record{Name: "oncall.page_opened", At: at(-5), Payload: []byte(`{"page":"p0","alert":"a0"}`)}
	i.answered("aoi", at(6))
	i.mitigate("aoi", "x", at(10), "web")
	got := map[string]time.Duration{}
	for _, m := range Measures(i, []event.Record{other, page}) {
		got[m.Name] = m.Took()
	}
	want := map[string]time.Duration{"declare": time.Minute, "ack": 4 * time.Minute, "mitigate": 10 * time.Minute}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// What people read has no verb without its argument, in either language.
func TestLineReadsEveryEvent(t *testing.T) {
	payloads := map[string]string{
		"slo.burning":               `{"name":"Payments go through","burn":21.43,"pair":"14.4× over 1h and 5m"}`,
		"slo.recovered":             `{"name":"Payments go through","seconds":200}`,
		"alert.fired":               `{"rule":"pay","severity":"page"}`,
		"alert.raised":              `{"rule":"pay","severity":"page"}`,
		"alert.resolved":            `{"rule":"pay","open_seconds":61}`,
		"oncall.page_opened":        `{"page":"p1"}`,
		"oncall.step_fired":         `{"step":1,"round":1,"people":["aoi","ren"],"devices":3}`,
		"oncall.delivered":          `{"kind":"page","person":"aoi","channel":"slack"}`,
		"oncall.delivery_failed":    `{"person":"aoi","channel":"mail","error":"mailbox\nfull"}`,
		"oncall.acked":              `{"by":"ren","after_seconds":139.4}`,
		"oncall.declined":           `{"by":"aoi"}`,
		"oncall.exhausted":          `{"reason":"every step was taken and nobody answered"}`,
		"incident.declared":         `{"number":7,"severity":2}`,
		"incident.role_changed":     `{"role":"commander","person":"ren"}`,
		"incident.severity_changed": `{"from":3,"to":2}`,
		"incident.note_added":       `{"by":"ren","text":"two\nlines"}`,
		"incident.mitigated":        `{"how":"rolled back","after_seconds":600}`,
		"incident.resolved":         `{"number":7,"seconds":900}`,
		"incident.reopened":         `{"reason":"another alert fired"}`,
		"incident.alert_attached":   `{"summary":"Search is slow"}`,
		"config.applied":            `{}`,
	}
	want := map[string][2]string{
		"slo.burning":            {"“Payments go through” burns its budget at 21.4× (limit 14.4× over 1h and 5m)", "「Payments go through」がエラーバジェットを 21.4 倍の速さで消費 (しきい値 1h・5m平均で14.4倍)"},
		"alert.fired":            {"page alert “pay” fired", "アラート「pay」が発報 (呼び出し)"},
		"oncall.step_fired":      {"escalation step 2 told Aoi, Ren (3 devices), round 2", "エスカレーション 2 段目: Aoi、Ren に通知 (端末 3 台)、2 巡目"},
		"oncall.delivery_failed": {"message to Aoi by mail not taken: mailbox full", "Aoi への通知 (mail) が受理されず: mailbox full"},
		"oncall.exhausted":       {"nobody is left to tell: every step was taken and nobody answered", "通知先が尽きた: すべての段を終えても応答がなかった"},
		"incident.note_added":    {"Ren noted: “two lines”", "Ren のメモ: 「two lines」"},
		"incident.mitigated":     {"mitigated after 10m: rolled back", "影響を緩和 (検知から 10分): rolled back"},
		"incident.role_changed":  {"Ren is commander", "Ren が「指揮」を担当"},
		"incident.reopened":      {"opened again: another alert fired", "再開: 別のアラートが発報した"},
	}
	worse := event.Record{Name: "alert.raised", Payload: []byte(`{"rule":"pay","from":"page","severity":"page","from_word":"error","word":"critical"}`)}
	if en, ja := Line(worse, "en", nil), Line(worse, "ja", nil); en != "alert “pay” became worse: “error” → “critical”" || ja != "アラート「pay」が悪化 (「error」→「critical」)" {
		t.Errorf("within a severity: %q, %q", en, ja)
	}
	who := func(id string) string { return map[string]string{"aoi": "Aoi", "ren": "Ren"}[id] }
	read := readers()
	if len(read)+1 != len(payloads) {
		t.Errorf("%d kinds of event are read, %d are tested", len(read)+1, len(payloads))
	}
	for name, payload := range payloads {
		r := event.Record{Name: name, Payload: []byte(payload)}
		for n, lang := range []string{"en", "ja"} {
			got := Line(r, lang, who)
			if got == "" || strings.ContainsAny(got, "%\n") || strings.Contains(got, "()") {
				t.Errorf("%s in %s: %q", name, lang, got)
			}
			if w, ok := want[name]; ok && got != w[n] {
				t.Errorf("%s in %s: got %q, want %q", name, lang, got, w[n])
			}
		}
	}
	if got := Line(event.Record{Name: "incident.role_changed", Payload: []byte(`{"role":"scribe"}`)}, "en", who); got != "nobody is scribe now" {
		t.Errorf("an open role: got %q", got)
	}
	if got := Line(event.Record{Name: "incident.note_added", Payload: []byte(`{`)}, "en", who) + Line(event.Record{Name: "x.y"}, "en", who); got != "" {
		t.Errorf("what cannot be read: got %q, want nothing", got)
	}
}
