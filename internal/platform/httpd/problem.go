package httpd

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Problem is the body of every API answer that is not a success (RFC 9457).
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// Fail answers with err: its kind decides the status, and what is internal is
// logged and not told.
func Fail(log *slog.Logger, w http.ResponseWriter, r *http.Request, err error) {
	p := problem(err)
	if p.Status == http.StatusInternalServerError {
		log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "err", err)
	}
	WriteProblem(w, p)
}

// WriteProblem answers with p.
func WriteProblem(w http.ResponseWriter, p Problem) {
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	// The client may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(p)
}

func problem(err error) Problem {
	p := Problem{Status: Status(errs.KindOf(err))}
	p.Title = http.StatusText(p.Status)
	if p.Status != http.StatusInternalServerError {
		p.Detail = err.Error()
	}
	return p
}

// Status is the HTTP status for a kind of error.
func Status(k errs.Kind) int {
	switch k {
	case errs.Invalid:
		return http.StatusUnprocessableEntity
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Conflict:
		return http.StatusConflict
	case errs.Unauthenticated:
		return http.StatusUnauthorized
	case errs.Denied:
		return http.StatusForbidden
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	case errs.Internal:
	}
	return http.StatusInternalServerError
}

func statusError(ctx context.Context, log *slog.Logger, err error) error {
	p := problem(err)
	if p.Status == http.StatusInternalServerError {
		log.ErrorContext(ctx, "operation failed", "err", err)
		return huma.NewError(p.Status, "")
	}
	return huma.NewError(p.Status, p.Detail)
}
