package httpd

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// HealthCheck is one named probe: nil, or what is wrong and what to do.
type HealthCheck struct {
	Name  string
	Soft  bool // a failure is shown and does not make the server unready
	Probe func(context.Context) error
}

// CheckResult is one line of /readyz.
type CheckResult struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Soft   bool   `json:"soft,omitempty"` // the server works without it
	Detail string `json:"detail,omitempty"`
}

// Health is what /readyz answers.
type Health struct {
	Ready  bool          `json:"ready"`
	Checks []CheckResult `json:"checks"`
}

// CheckAll runs checks side by side, each for at most three seconds.
func CheckAll(ctx context.Context, checks []HealthCheck) Health {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	h := Health{Ready: true, Checks: make([]CheckResult, len(checks))}
	type answer struct {
		i   int
		err error
	}
	answers := make(chan answer, len(checks)) // room for the late: none is left hanging
	for i, c := range checks {
		h.Checks[i] = CheckResult{Name: c.Name, Soft: c.Soft, Detail: "no answer within 3 s"}
		go func() { answers <- answer{i, c.Probe(ctx)} }()
	}
	for range checks {
		select {
		case a := <-answers:
			h.Checks[a.i].OK, h.Checks[a.i].Detail = a.err == nil, ""
			if a.err != nil {
				h.Checks[a.i].Detail = a.err.Error()
			}
		case <-ctx.Done():
		}
	}
	for _, c := range h.Checks {
		h.Ready = h.Ready && (c.OK || c.Soft)
	}
	return h
}

// HealthRoutes are /healthz (the process answers) and /readyz (it can work).
func HealthRoutes(checks []HealthCheck) []Route {
	return []Route{
		{Pattern: "GET /healthz", Access: Public, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("ok\n"))
		})},
		{Pattern: "GET /readyz", Access: Public, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := CheckAll(r.Context(), checks)
			w.Header().Set("Content-Type", "application/json")
			if !h.Ready {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			_ = json.NewEncoder(w).Encode(h) // the client may be gone
		})},
	}
}
