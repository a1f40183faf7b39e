package metricsweb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/prometheus/promql"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// reply is a success of the Prometheus API: data is JSON already.
type reply struct {
	data     []byte
	warnings []string
	infos    []string
}

type answer func(*http.Request) (reply, error)

// The error types of the Prometheus API.
const (
	badData    = "bad_data"
	execution  = "execution"
	canceled   = "canceled"
	timedOut   = "timeout"
	internal   = "internal"
	notFound   = "not_found"
	notReady   = "unavailable"
	statusGone = 499 // the client hung up: nginx's number, and Prometheus'
)

// apiError is an error with its type of the Prometheus API.
type apiError struct {
	class string
	err   error
}

func (e *apiError) Error() string { return e.err.Error() }
func (e *apiError) Unwrap() error { return e.err }

func invalidParam(name string, err error) error {
	return &apiError{badData, fmt.Errorf("invalid parameter %q: %w", name, err)}
}

// handle writes what fn answers in the envelope of the Prometheus API.
func (a *api) handle(fn answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, formBody)
		var out reply
		err := r.ParseForm()
		if err != nil {
			err = &apiError{badData, fmt.Errorf("error parsing form values: %w", err)}
		} else {
			out, err = fn(r)
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(out.bytes())
	})
}

func (r reply) bytes() []byte {
	b := make([]byte, 0, len(r.data)+64)
	b = append(b, `{"status":"success","data":`...)
	b = append(b, r.data...)
	b = appendStrings(b, `,"warnings":`, r.warnings)
	b = appendStrings(b, `,"infos":`, r.infos)
	return append(b, '}')
}

func appendStrings(b []byte, key string, all []string) []byte {
	if len(all) == 0 {
		return b
	}
	b = append(b, key...)
	b = append(b, '[')
	for i, s := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	class := classOf(err)
	code := statusOf(class)
	if code == http.StatusInternalServerError {
		a.Log.ErrorContext(r.Context(), "metrics request failed", "path", r.URL.Path, "err", err)
	}
	body, merr := json.Marshal(map[string]string{"status": "error", "errorType": class, "error": err.Error()})
	if merr != nil {
		a.Log.ErrorContext(r.Context(), "answer not encoded", "path", r.URL.Path, "err", merr)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(body)
}

// classOf says which error type err is.
func classOf(err error) string {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e.class
	}
	if _, ok := errors.AsType[promql.ErrQueryTimeout](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return timedOut
	}
	if _, ok := errors.AsType[promql.ErrQueryCanceled](err); ok || errors.Is(err, context.Canceled) {
		return canceled
	}
	switch errs.KindOf(err) {
	case errs.Invalid, errs.Conflict, errs.Denied:
		return execution
	case errs.NotFound:
		return notFound
	case errs.Unavailable:
		return notReady
	case errs.Internal, errs.Unauthenticated: // the guard has refused strangers
	}
	return internal
}

func statusOf(class string) int {
	switch class {
	case badData:
		return http.StatusBadRequest
	case execution:
		return http.StatusUnprocessableEntity
	case canceled:
		return statusGone
	case timedOut, notReady:
		return http.StatusServiceUnavailable
	case notFound:
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

func constant(data string) answer {
	return func(*http.Request) (reply, error) { return reply{data: []byte(data)}, nil }
}

// jsonReply is for the small answers; the large ones are appended by hand.
func jsonReply(v any) (reply, error) {
	b, err := json.Marshal(v)
	return reply{data: b}, err
}
