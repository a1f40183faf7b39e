package httpd_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

type question struct {
	Kind string `query:"kind"`
}

type answer struct {
	Said string `json:"said"`
}

func api(t *testing.T) *httpd.API {
	t.Helper()
	a := httpd.NewAPI(slog.New(slog.DiscardHandler), "test")
	kinds := map[string]errs.Kind{"invalid": errs.Invalid, "missing": errs.NotFound, "conflict": errs.Conflict, "who": errs.Unauthenticated, "denied": errs.Denied, "later": errs.Unavailable}
	httpd.Get(a, "/api/v1/ask", httpd.Op{ID: "ask", Tag: "t", Summary: "Ask"}, func(_ context.Context, in *question) (answer, error) {
		if k, ok := kinds[in.Kind]; ok {
			return answer{}, errs.New(k, "because %s", in.Kind)
		}
		if in.Kind == "bug" {
			return answer{}, errors.New("the password of the database is hunter2")
		}
		return answer{"yes"}, nil
	})
	return a
}

func handler(t *testing.T, cfg httpd.Config, now func() time.Time, routes ...httpd.Route) http.Handler {
	t.Helper()
	h, err := httpd.Handler(slog.New(slog.DiscardHandler), cfg, httpd.Open, now, routes...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func serve(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

func TestKindsBecomeStatuses(t *testing.T) {
	h := handler(t, httpd.Default(), time.Now, api(t).Routes()...)
	for kind, want := range map[string]int{"": 200, "invalid": 422, "missing": 404, "conflict": 409, "who": 401, "denied": 403, "later": 503, "bug": 500} {
		w := serve(h, "GET", "/api/v1/ask?kind="+kind, "")
		if w.Code != want {
			t.Errorf("%s: got %d, want %d", kind, w.Code, want)
		}
		if want == 200 {
			continue
		}
		var p httpd.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != want || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v %s %s", kind, err, w.Header().Get("Content-Type"), w.Body)
		}
		if strings.Contains(w.Body.String(), "hunter2") || (want != 500 && p.Detail != "because "+kind) {
			t.Errorf("%s: says %s", kind, w.Body)
		}
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	echo := httpd.Route{Pattern: "POST /echo", Access: httpd.Public, MaxBody: 10, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body) // a recorder does not fail
	})}
	boom := httpd.Route{Pattern: "GET /boom", Access: httpd.Public, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") })}
	h := handler(t, httpd.Default(), time.Now, echo, boom)
	tests := []struct {
		name, method, target, body string
		code                       int
	}{
		{"fits", "POST", "/echo", "0123456789", 200},
		{"too long", "POST", "/echo", "0123456789a", 413},
		{"not UTF-8", "POST", "/echo", "\xff", 400},
		{"query not UTF-8", "POST", "/echo?q=%ff", "", 400},
		{"query with NUL", "POST", "/echo?q=%00", "", 400},
		{"panic", "GET", "/boom", "", 500},
		{"nowhere", "GET", "/nowhere", "", 404},
	}
	for _, tt := range tests {
		if w := serve(h, tt.method, tt.target, tt.body); w.Code != tt.code {
			t.Errorf("%s: got %d %s, want %d", tt.name, w.Code, w.Body, tt.code)
		}
	}
}

func TestRouteMustSayWhoMayCallIt(t *testing.T) {
	_, err := httpd.Handler(slog.New(slog.DiscardHandler), httpd.Default(), httpd.Open, time.Now, httpd.Route{Pattern: "GET /x", Handler: http.NotFoundHandler()})
	if err == nil {
		t.Error("a route without Access was mounted")
	}
	twice := httpd.Route{Pattern: "GET /x", Access: httpd.Public, Handler: http.NotFoundHandler()}
	if _, err := httpd.Handler(slog.New(slog.DiscardHandler), httpd.Default(), httpd.Open, time.Now, twice, twice); err == nil {
		t.Error("a pattern was mounted twice")
	}
}

// A client has a burst, then a rate; another address has its own; machines
// that send data are not limited; a clock set back neither gives nor takes.
func TestRateIsPerClient(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	h := handler(t, httpd.Config{MaxBody: 1, PerSecond: 2, Burst: 3}, func() time.Time { return now },
		httpd.Route{Pattern: "GET /x", Access: httpd.Public, Handler: ok}, httpd.Route{Pattern: "GET /in", Access: httpd.Ingest, Handler: ok})
	call := func(target, client string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
		r.RemoteAddr = client + ":1"
		h.ServeHTTP(w, r)
		return w.Code
	}
	got := []int{call("/x", "10.0.0.1"), call("/x", "10.0.0.1"), call("/x", "10.0.0.1"), call("/x", "10.0.0.1"), call("/x", "10.0.0.2"), call("/in", "10.0.0.1")}
	now = now.Add(500 * time.Millisecond)
	got = append(got, call("/x", "10.0.0.1"), call("/x", "10.0.0.1"))
	now = now.Add(-time.Hour)
	got = append(got, call("/x", "10.0.0.1"))
	want := []int{200, 200, 200, 429, 200, 200, 200, 429, 429}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("call %d: got %d, want %d", i, got[i], want[i])
		}
	}
}

func TestReadyNamesWhatIsWrong(t *testing.T) {
	checks := []httpd.HealthCheck{
		{Name: "good", Probe: func(context.Context) error { return nil }},
		{Name: "soft", Soft: true, Probe: func(context.Context) error { return errors.New("look at it by day") }},
	}
	h := handler(t, httpd.Default(), time.Now, httpd.HealthRoutes(checks)...)
	if w := serve(h, "GET", "/readyz", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "look at it by day") {
		t.Errorf("a soft failure: got %d %s", w.Code, w.Body)
	}
	checks[0].Probe = func(context.Context) error { return errors.New("the disk is full") }
	if w := serve(h, "GET", "/readyz", ""); w.Code != 503 || !strings.Contains(w.Body.String(), "the disk is full") {
		t.Errorf("a failure: got %d %s", w.Code, w.Body)
	}
	if w := serve(h, "GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("healthz: got %d", w.Code)
	}
}
