package sloweb

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/platform/webkit/webkittest"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/correction"
	"github.com/hinoban/hinoban/internal/slo/ledger"
	"github.com/hinoban/hinoban/internal/slo/period"
	"github.com/hinoban/hinoban/internal/slo/policy"
	"github.com/hinoban/hinoban/internal/slo/review"
)

// rules keep what governs objectives in memory. The database's own test is in slodb.
type rules struct {
	*fakes

	overrides []policy.Override
	reviews   []review.Record
}

func (r *rules) GateStates(context.Context) (map[string]policy.Kept, error) {
	return map[string]policy.Kept{"checkout": {State: policy.Healthy, Since: t0.Add(-3 * day)}}, nil
}
func (r *rules) SaveGate(context.Context, string, policy.Kept, ...event.Fact) error { return nil }
func (r *rules) Record(context.Context, ...event.Fact) error                        { return nil }
func (r *rules) Overrides(context.Context, string, time.Time) ([]policy.Override, error) {
	return r.overrides, nil
}

func (r *rules) PutOverride(_ context.Context, o policy.Override, _ ...event.Fact) error {
	r.overrides = append(r.overrides, o)
	return nil
}

func (r *rules) EndOverride(_ context.Context, id string, _ time.Time, fn func(policy.Override) []event.Fact) error {
	for _, o := range r.overrides {
		if o.ID == id {
			fn(o)
			r.overrides = nil
			return nil
		}
	}
	return errs.New(errs.NotFound, "no override %q is in force", id)
}
func (r *rules) Corrections(context.Context) ([]period.Correction, error) { return nil, nil }
func (r *rules) PutCorrection(context.Context, period.Correction, ...event.Fact) error {
	return nil
}

func (r *rules) DeleteCorrection(context.Context, string, func(period.Correction) []event.Fact) error {
	return nil
}

func (r *rules) PutReview(_ context.Context, rec review.Record, _ ...event.Fact) error {
	r.reviews = append(r.reviews, rec)
	return nil
}

func (r *rules) Reviews(context.Context, string, int) ([]review.Record, error) { return r.reviews, nil }

func (r *rules) Review(context.Context, string) (review.Record, error)     { return r.reviews[0], nil }
func (r *rules) LastReviews(context.Context) (map[string]time.Time, error) { return nil, nil }
func (r *rules) Overspent(context.Context, string, string, time.Time, ...event.Fact) error {
	return nil
}

func (r *rules) Objectives() (out []slo.Objective) {
	for _, s := range r.all {
		out = append(out, s.Objective)
	}
	return out
}

func (r *rules) Status(o slo.Objective) slo.Status {
	_, s, _ := r.Objective(o.ID)
	return s
}

func (r *rules) Services(context.Context) []catalog.Service {
	return []catalog.Service{{ID: "checkout", Name: "Checkout", Tier: 1, DependsOn: []catalog.Dependency{{Service: "db", Hard: true}}}, {ID: "search", Name: "Search", Tier: 2}, {ID: "db", Name: "Database"}}
}

func (r *rules) Service(ctx context.Context, id string) (catalog.Service, error) {
	for _, s := range r.Services(ctx) {
		if s.ID == id {
			return s, nil
		}
	}
	return catalog.Service{}, errs.New(errs.NotFound, "service %q is not in the catalog", id)
}

// local is a guard that lets everybody in as the one at the machine.
func local(_ httpd.Access, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(auth.With(r.Context(), auth.Local("127.0.0.1"))))
	})
}

func governed(t *testing.T) (http.Handler, *webkit.Kit, *rules) {
	t.Helper()
	r := &rules{fakes: shop(t)}
	quiet, now, newID := slog.New(slog.DiscardHandler), func() time.Time { return t0 }, func() string { return "id-1" }
	kit, err := webkit.New(webkit.Options{Log: quiet, Nav: append(Nav(), PolicyNav()...), Text: []webkit.Catalogue{Text}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	gate := policy.NewGate(r, r, r, now, newID)
	strict := policy.Builtin()
	strict.ID, strict.Name, strict.Tiers, strict.Approvers = "strict", "Strict", []int{1}, []string{"aoi"}
	strict.Review = &period.Cycle{Start: t0.AddDate(0, -1, 0), Rule: "FREQ=MONTHLY", Zone: "Asia/Tokyo"}
	gate.Replace([]policy.Policy{strict})
	book := correction.NewBook(r, now, newID)
	keeper := &ledger.Keeper{Slots: ledger.ByWindow{Counts: r}, Events: r, Corrections: book, Services: r, Store: r, Objectives: r.Objectives, Now: now}
	d := Deps{Kit: kit, Log: quiet, Now: now, SLOs: r, History: r, Events: r, Governed: Governed{
		Gate: gate, Corrections: book, Recorder: r, Services: r, Ledger: keeper,
		Reviews: &review.Desk{Gate: gate, Ledgers: keeper, Events: r, Store: r, Objectives: r.Objectives, Now: now, NewID: newID},
		People:  func(context.Context) []webkit.Choice { return []webkit.Choice{{Value: "aoi", Text: "Aoi"}} },
	}}
	h, err := httpd.Handler(quiet, httpd.Default(), local, now, append(append(Routes(d), PolicyRoutes(d)...), PolicyProtocols(d)...)...)
	if err != nil {
		t.Fatal(err)
	}
	return h, kit, r
}

func post(h http.Handler, path, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPolicyPagesAreAsBefore(t *testing.T) {
	h, kit, r := governed(t)
	shown := func(name, path string) {
		t.Helper()
		get(t, h, path, "ja", http.StatusOK)
		webkittest.Compare(t, filepath.Join("testdata", name+".golden"), webkittest.Normal(get(t, h, path, "en", http.StatusOK)), *update)
	}
	shown("gate", "/gate")
	shown("gate-try", "/gate?service=search&class=feature")
	shown("gate-nope", "/gate?service=nope&class=feature")
	if w := post(h, "/gate/overrides", "service=search&class=feature&reason=the+law+changes&hours=2&as=aoi"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/gate" {
		t.Fatalf("override: %d %s", w.Code, w.Header())
	}
	shown("gate-override", "/gate?service=search&class=feature")
	shown("reviews", "/slos/reviews")
	shown("review", "/slos/reviews/of/checkout")
	w := post(h, "/slos/reviews/of/checkout", "decision=tighten&notes=99.95+from+December&as=aoi")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/slos/reviews/of/checkout?held=id-1" {
		t.Fatalf("hold: %d %s", w.Code, w.Header())
	}
	shown("review-held", w.Header().Get("Location"))
	shown("report", "/slos/report?period=2026-11&zone=Asia/Tokyo&service=checkout")
	r.all = append(r.all, stand(objective(t, "rows", "db", "99.5"), 0, 0))
	shown("ledger", "/slos/answers")
	if page := get(t, h, "/slos/answers", "en", http.StatusOK); !strings.Contains(page, "checkout promises 99.9 %, but checkout → db promises only 99.5 %") {
		t.Error("the page does not say that the target cannot be kept")
	}
	get(t, h, "/slos/report?period=soon", "en", http.StatusUnprocessableEntity)
	get(t, h, "/slos/report?period=2099", "en", http.StatusUnprocessableEntity)
	get(t, h, "/slos/reviews/of/nope", "en", http.StatusNotFound)
	r.all = nil
	shown("gate-empty", "/gate")
	shown("reviews-empty", "/slos/reviews")
	for _, m := range kit.Missing() {
		t.Error(m)
	}
}

func TestOverrideFormSaysWhatIsWrong(t *testing.T) {
	h, _, r := governed(t)
	w := post(h, "/gate/overrides", "service=checkout&reason=x&hours=2&as=ren")
	to := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.Contains(to, "no+approver") {
		t.Fatalf("got %d %s", w.Code, to)
	}
	if page := get(t, h, to, "en", http.StatusOK); !strings.Contains(page, "ren is no approver of the policy strict: aoi are") || len(r.overrides) > 0 {
		t.Error("the page does not say why")
	}
	if w := post(h, "/gate/overrides", "service=checkout&reason=x&hours=99&as=aoi"); !strings.Contains(w.Header().Get("Location"), "within") {
		t.Errorf("too long: %s", w.Header().Get("Location"))
	}
	post(h, "/gate/overrides", "service=checkout&reason=x&hours=2&as=aoi")
	if w := post(h, "/gate/overrides/id-1/end", "as=aoi"); w.Code != http.StatusSeeOther || len(r.overrides) > 0 {
		t.Errorf("end: %d, %v", w.Code, r.overrides)
	}
}

func TestReportCSV(t *testing.T) {
	h, _, r := governed(t)
	r.all[0].Objective.Name = "=cmd()"
	text := get(t, h, "/slos/report.csv?period=2026-11&service=checkout", "en", http.StatusOK)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "period,start,end,service,slo,") || !strings.HasPrefix(lines[1], "2026-11,2026-11-01T00:00:00Z,2026-11-20T02:13:00Z,checkout,answers,'=cmd(),99.9,") {
		t.Errorf("got %s", text)
	}
	get(t, h, "/slos/report.csv?period=soon", "en", http.StatusUnprocessableEntity)
}
