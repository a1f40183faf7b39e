package sloweb

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/platform/webkit/webkittest"
	"github.com/hinoban/hinoban/internal/slo"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

const day = 24 * time.Hour

func objective(t testing.TB, id, service, percent string) slo.Objective {
	t.Helper()
	target, err := slo.ParseTarget(percent, true)
	if err != nil {
		t.Fatal(err)
	}
	return slo.Objective{
		ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Service: service, Target: target, Window: 30 * day, Source: "slos.yaml:7", Doc: "kind: SLO\n",
		SLI: slo.SLI{Bad: "bad", Total: id, Counter: true}, Pairs: slo.DefaultPairs(30*day, target),
	}
}

// stand judges an objective whose windows have these shares of bad events; the
// period has its own.
func stand(o slo.Objective, bad, period float64) slo.Standing {
	counts := map[time.Duration]slo.Count{}
	for _, w := range o.Windows() {
		share, total := bad, w.Minutes()*100
		if w == o.Window {
			share = period
		}
		if !math.IsNaN(share) {
			counts[w] = slo.Count{Good: int64(total*(1-share) + 0.5), Total: int64(total), Known: true, At: t0.Add(-5 * time.Second)}
		}
	}
	return slo.Standing{Objective: o, Status: slo.Judge(o, counts, t0)}
}

type fakes struct {
	mu sync.Mutex

	all     []slo.Standing
	err     error // of the metrics
	counted int
	records []event.Record
}

func (f *fakes) All() []slo.Standing { return f.all }

func (f *fakes) Objective(id string) (slo.Objective, slo.Status, bool) {
	for _, s := range f.all {
		if s.Objective.ID == id {
			return s.Objective, s.Status, true
		}
	}
	return slo.Objective{}, slo.Status{}, false
}

func (f *fakes) Counts(_ context.Context, _ slo.Objective, e slo.Ends) (out []slo.Count, err error) {
	f.mu.Lock() // charts are counted side by side
	f.counted++
	f.mu.Unlock()
	for at := e.From; !at.After(e.To); at = at.Add(e.Step) {
		out = append(out, slo.Count{Good: 1999, Total: 2000, Known: at.Sub(e.From) != 3*e.Step, At: at})
	}
	return out, f.err
}

func (f *fakes) Expr(_ slo.Objective, w time.Duration) string {
	return "bad[" + slo.Short(w) + "] / total"
}

func (f *fakes) Events(_ context.Context, q event.Query) (out []event.Record, err error) {
	for _, r := range f.records {
		if len(q.Subjects) > 0 && q.Subjects[0] == r.Subject || len(q.Services) > 0 && q.Services[0] == r.Service && strings.HasPrefix(r.Name, "incident.") {
			out = append(out, r)
		}
	}
	return out, nil
}

func record(seq int64, ago time.Duration, subject, service string, ev event.Event) event.Record {
	payload, err := json.Marshal(ev)
	if err != nil {
		panic(err)
	}
	return event.Record{Seq: seq, Name: ev.EventName(), At: t0.Add(-ago), Subject: subject, Service: service, Payload: payload}
}

func shop(t testing.TB) *fakes {
	problem := stand(objective(t, "stale", "search", "99"), 0.0001, 0.0001)
	problem.Status.Problem = "connection refused"
	return &fakes{
		all: []slo.Standing{
			stand(objective(t, "answers", "checkout", "99.9"), 0.02, 0.0004),
			stand(objective(t, "fast", "checkout", "99"), 0.001, 0.009),
			stand(objective(t, "gone", "search", "99.9"), 0, 0.0013),
			stand(objective(t, "mute", "search", "99.9"), math.NaN(), math.NaN()),
			problem,
		},
		records: []event.Record{
			record(9, 20*time.Minute, "slo/answers", "checkout", slo.Burning{Objective: "answers", Severity: alert.Page, Burn: 16.3, Pair: "14.4× over 1h and 5m"}),
			record(5, 5*day, "slo/answers", "checkout", slo.Recovered{Objective: "answers", Since: t0.Add(-5*day - time.Hour), Seconds: 3600, Bad: 420, Total: 9000, Counted: true, Spent: 0.1}),
			record(4, 5*day+time.Hour, "slo/answers", "checkout", slo.Burning{Objective: "answers", Severity: alert.Page, Burn: 20}),
		},
	}
}

func serve(t testing.TB, f *fakes) (http.Handler, *webkit.Kit) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	now := func() time.Time { return t0 }
	kit, err := webkit.New(webkit.Options{Log: quiet, Nav: Nav(), Text: []webkit.Catalogue{Text}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	d := Deps{Kit: kit, Log: quiet, Now: now, SLOs: f, History: f, Events: f}
	api := httpd.NewAPI(quiet, "test")
	API(api, Deps{Log: quiet, Now: now, SLOs: f, History: f, Events: f})
	h, err := httpd.Handler(quiet, httpd.Default(), httpd.Open, now, append(Routes(d), api.Routes()...)...)
	if err != nil {
		t.Fatal(err)
	}
	return h, kit
}

func get(t testing.TB, h http.Handler, path, lang string, want int) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Language", lang)
	r.Header.Set("HX-Request", "true")
	r.Header.Set("HX-Target", "main#main")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != want || strings.Contains(w.Body.String(), "⟦") {
		t.Fatalf("%s in %s: got status %d, want %d, and text for every key:\n%.600s", path, lang, w.Code, want, w.Body)
	}
	return w.Body.String()
}

func TestPagesAreAsBefore(t *testing.T) {
	f := shop(t)
	h, kit := serve(t, f)
	for _, p := range []struct{ name, path string }{
		{"list", "/slos"},
		{"danger", "/slos?state=danger&sort=-left"},
		{"none", "/slos?q=nothing"},
		{"show", "/slos/answers"},
		{"gone", "/slos/gone"},
		{"silent", "/slos/mute"},
		{"panel", "/services/checkout/slos"},
		{"panel-none", "/services/nope/slos"},
		{"spark", "/slos/fast/spark"},
	} {
		get(t, h, p.path, "ja", http.StatusOK)
		webkittest.Compare(t, filepath.Join("testdata", p.name+".golden"), webkittest.Normal(get(t, h, p.path, "en", http.StatusOK)), *update)
	}
	get(t, h, "/slos/nope", "en", http.StatusNotFound)
	f.all = nil
	webkittest.Compare(t, filepath.Join("testdata", "empty.golden"), webkittest.Normal(get(t, h, "/slos", "en", http.StatusOK)), *update)
	get(t, h, "/slos", "ja", http.StatusOK)
	for _, m := range kit.Missing() {
		t.Error(m)
	}
}

func TestMetricsThatDoNotAnswerAreSaid(t *testing.T) {
	f := shop(t)
	f.err = errors.New("connection refused")
	h, _ := serve(t, f)
	page := get(t, h, "/slos/answers", "en", http.StatusOK)
	if n := strings.Count(page, "This chart could not be drawn"); n != 2 || strings.Contains(page, "<hb-chart") {
		t.Errorf("got %d notices and maybe a blank chart, want 2 notices and none", n)
	}
	if page := get(t, h, "/slos/stale", "en", http.StatusOK); !strings.Contains(page, "this may be old: connection refused") {
		t.Error("a status with a problem does not say so")
	}
	if spark := get(t, h, "/slos/answers/spark", "en", http.StatusOK); !strings.Contains(spark, "no data") {
		t.Errorf("spark: got %s", spark)
	}
}

// A page that is refreshed by every piece of news counts a month once.
func TestPastIsRemembered(t *testing.T) {
	f := shop(t)
	h, _ := serve(t, f)
	get(t, h, "/slos/answers", "en", http.StatusOK)
	first := f.counted
	get(t, h, "/slos/answers", "en", http.StatusOK)
	if f.counted != first || first == 0 {
		t.Errorf("counted %d times, then %d", first, f.counted)
	}
	get(t, h, "/slos/fast/spark", "en", http.StatusOK)
	if page := get(t, h, "/slos", "en", http.StatusOK); strings.Contains(page, `hx-get="/slos/fast/spark"`) || !strings.Contains(page, `hx-get="/slos/mute/spark"`) {
		t.Error("a spark that is known is not in the list, or one that is not known is")
	}
}

func TestAPI(t *testing.T) {
	h, _ := serve(t, shop(t))
	var page Page
	decode(t, get(t, h, "/api/v1/slos?limit=2", "en", http.StatusOK), &page)
	if len(page.SLOs) != 2 || page.Next != "fast" || page.SLOs[0].Target != "0.999" || page.SLOs[0].Window != "30d" || page.SLOs[0].Health != slo.Fast {
		t.Errorf("first page: %+v", page)
	}
	decode(t, get(t, h, "/api/v1/slos?limit=2&after=fast&state=nodata", "en", http.StatusOK), &page)
	var one Detail
	decode(t, get(t, h, "/api/v1/slos/answers", "en", http.StatusOK), &one)
	if len(one.Promise) != 20 || one.Promise[0].AfterSeconds < 51 || one.Promise[0].AfterSeconds > 52 || one.Expr != "bad[1h] / total" || one.Doc == "" || !one.Pairs[0].Burning {
		t.Errorf("detail: %+v", one)
	}
	var past Past
	decode(t, get(t, h, "/api/v1/slos/answers/history?from=2026-11-19T00:00:00Z&to=2026-11-20T00:00:00Z", "en", http.StatusOK), &past)
	if len(past.Points) != 120 || past.StepSeconds != 720 || past.Points[0].Left == nil || past.Points[3].Known || past.Points[3].Left != nil {
		t.Errorf("history: %d points of %g s, %+v", len(past.Points), past.StepSeconds, past.Points[:min(4, len(past.Points))])
	}
	get(t, h, "/api/v1/slos/nope", "en", http.StatusNotFound)
	get(t, h, "/api/v1/slos/answers/history?from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z", "en", http.StatusUnprocessableEntity)
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func TestPick(t *testing.T) {
	all := shop(t).all
	tests := []struct {
		f    filter
		want string
		next string
	}{
		{filter{}, "answers fast gone mute stale", ""},
		{filter{Text: " SEARCH "}, "gone mute stale", ""},
		{filter{Service: "checkout"}, "answers fast", ""},
		{filter{State: "danger"}, "answers gone", ""},
		{filter{State: "nodata"}, "mute stale", ""}, // what cannot be looked at now is not known
		{filter{State: "ok"}, "fast", ""},
		{filter{Sort: "left"}, "gone fast answers stale mute", ""}, // unknown last, either way
		{filter{Sort: "-left"}, "stale answers fast gone mute", ""},
		{filter{Sort: "-burn1h"}, "answers fast stale gone mute", ""},
		{filter{Sort: "-name"}, "stale mute gone fast answers", ""},
		{filter{Limit: 2}, "answers fast", "fast"},
		{filter{Limit: 2, After: "fast"}, "gone mute", "mute"},
		{filter{Limit: 2, After: "mute"}, "stale", ""},
		{filter{After: "deleted"}, "answers fast gone mute stale", ""},
	}
	for _, tt := range tests {
		page, next := pick(all, tt.f)
		var ids []string
		for _, s := range page {
			ids = append(ids, s.Objective.ID)
		}
		if got := strings.Join(ids, " "); got != tt.want || next != tt.next {
			t.Errorf("%+v: got %q, next %q; want %q, next %q", tt.f, got, next, tt.want, tt.next)
		}
	}
}

func TestSentenceAndBudget(t *testing.T) {
	f := shop(t)
	_, kit := serve(t, f)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	ctx := kit.Context(r)
	over := stand(objective(t, "over", "x", "99.9"), 0.02, 0.0042)
	idle := f.all[1]
	idle.Status = slo.Judge(idle.Objective, map[time.Duration]slo.Count{time.Hour: {Known: true}}, t0)
	tests := []struct {
		s      slo.Standing
		want   string
		detail string
		state  webkit.State
	}{
		{f.all[0], "Burns 20× — budget gone in 21 h 36 m", "2,592 events · 25 m 55 s", webkit.Firing},
		{f.all[1], "10 % of the budget is left", "4,320 events · 43 m 12 s", webkit.OK},
		{f.all[2], "The budget is spent, by 30 % too much", "over by 1,296 events · 12 m 58 s", webkit.Firing},
		{f.all[3], "No data: nobody knows how this stands", "", webkit.Unknown},
		{over, "Burns 20× — the budget is overspent by 320 %", "over by 13,824 events · 2 h 18 m", webkit.Firing},
		{idle, "Nothing has happened, so nothing can be said", "", webkit.OK},
	}
	for _, tt := range tests {
		clean := func(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }
		if got := clean(Sentence(ctx, tt.s)); got != tt.want || State(tt.s.Status) != tt.state {
			t.Errorf("%s: got %q, %s; want %q, %s", tt.s.Objective.ID, got, State(tt.s.Status), tt.want, tt.state)
		}
		if got := clean(leftBar(ctx, tt.s).Detail); got != tt.detail {
			t.Errorf("%s: detail %q, want %q", tt.s.Objective.ID, got, tt.detail)
		}
	}
}

// The one whose budget is gone soonest comes first, whatever is left of it.
func TestWorst(t *testing.T) {
	slower, faster := stand(objective(t, "slower", "x", "99.9"), 0.02, 0.0008), stand(objective(t, "faster", "x", "99.9"), 0.9, 0.0004)
	ticket, spent := stand(objective(t, "ticket", "x", "99.9"), 0.004, 0.0004), stand(objective(t, "spent", "x", "99.9"), 0, 0.002)
	over := stand(objective(t, "over", "x", "99.9"), 0.02, 0.002)
	tests := []struct {
		all  []slo.Standing
		want string
	}{
		{[]slo.Standing{slower, faster, ticket, spent}, "faster"},
		{[]slo.Standing{faster, over}, "over"},
		{[]slo.Standing{ticket, spent}, "spent"},
		{[]slo.Standing{ticket}, "ticket"},
		{[]slo.Standing{stand(objective(t, "well", "x", "99.9"), 0, 0)}, ""},
	}
	for _, tt := range tests {
		if got, ok := Worst(tt.all); got.Objective.ID != tt.want || ok != (tt.want != "") {
			t.Errorf("got %q, want %q", got.Objective.ID, tt.want)
		}
	}
}

func TestProjection(t *testing.T) {
	end := t0.Add(4 * day)
	burning := stand(objective(t, "a", "x", "99.9"), 0.02, 0.0004)
	if got := projection(burning, t0, end); len(got) != 1 || got[0].Value != 0 || !got[0].At.Before(end) {
		t.Errorf("a fast burn ends within the picture: got %v", got)
	}
	slow := stand(objective(t, "b", "x", "99.9"), 0.002, 0.0004)
	if got := projection(slow, t0, end); len(got) != 1 || !got[0].At.Equal(end) || got[0].Value <= 0 {
		t.Errorf("a slow one leaves it: got %v", got)
	}
	if got := projection(stand(objective(t, "c", "x", "99.9"), 0.0002, 0.0004), t0, end); got != nil {
		t.Errorf("within the target nothing is projected: got %v", got)
	}
}

// A page of ten thousand objectives holds one page of them and a way on, and
// its time is a benchmark: BenchmarkTenThousandRows.
func TestTenThousandRowsArePaged(t *testing.T) {
	h, _ := serve(t, many(t))
	page := get(t, h, "/slos?sort=-burn1h", "en", http.StatusOK)
	if n := strings.Count(page, "/slos/o"); n < pageSize || n > 3*pageSize {
		t.Errorf("the page has %d links to objectives, want about %d", n, pageSize)
	}
}

func many(tb testing.TB) *fakes {
	f := &fakes{}
	for i := range 10_000 {
		f.all = append(f.all, stand(objective(tb, fmt.Sprintf("o%05d", i), fmt.Sprintf("s%03d", i%400), "99.9"), float64(i%70)/10_000, float64(i%90)/100_000))
	}
	return f
}

func BenchmarkTenThousandRows(b *testing.B) {
	h, _ := serve(b, many(b))
	b.ReportAllocs()
	for b.Loop() {
		get(b, h, "/slos?sort=-burn1h", "en", http.StatusOK)
	}
}
