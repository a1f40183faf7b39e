package httpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"
)

// Config bounds what a client may ask for.
type Config struct {
	MaxBody   int64   // bytes of a request body where the route says nothing
	PerSecond float64 // requests per second of one client address, routes for machines apart
	Burst     int
}

// Default returns the bounds in use when nothing else is said.
func Default() Config { return Config{MaxBody: 1 << 20, PerSecond: 300, Burst: 600} }

// Guard wraps a handler so that only those who may call it do.
type Guard func(access Access, next http.Handler) http.Handler

// Open is the guard that lets everybody in.
func Open(_ Access, next http.Handler) http.Handler { return next }

// Handler returns one handler for all routes.
func Handler(log *slog.Logger, cfg Config, guard Guard, now func() time.Time, routes ...Route) (http.Handler, error) {
	mux := http.NewServeMux()
	limit := newLimiter(cfg.PerSecond, cfg.Burst, now)
	for _, rt := range routes {
		if rt.Access == "" {
			return nil, fmt.Errorf("route %s does not say who may call it", rt.Pattern)
		}
		h := guard(rt.Access, rt.Handler)
		if rt.Access == Keyed {
			h = limit.wrap(h)
		} else if rt.Access != Ingest {
			h = limit.wrap(textOnly(h))
		}
		h = limitBody(h, cmpOr(rt.MaxBody, cfg.MaxBody))
		if err := mount(mux, rt.Pattern, h); err != nil {
			return nil, err
		}
	}
	return recovering(log, secureHeaders(mux)), nil
}

// mount turns ServeMux's panic on a bad or double pattern into an error.
func mount(mux *http.ServeMux, pattern string, h http.Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("mount %s: %v", pattern, p)
		}
	}()
	mux.Handle(pattern, h)
	return nil
}

func cmpOr(a, b int64) int64 {
	if a != 0 {
		return a
	}
	return b
}

func limitBody(next http.Handler, most int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > most {
			WriteProblem(w, Problem{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the body has %d bytes, at most %d are taken", r.ContentLength, most)})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		next.ServeHTTP(w, r)
	})
}

// textOnly refuses requests whose path, query or body is not UTF-8 text: what
// is stored and shown must be what was sent.
func textOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q, err := url.QueryUnescape(r.URL.RawQuery); err != nil || !isText(r.URL.Path) || !isText(q) {
			WriteProblem(w, Problem{Status: http.StatusBadRequest, Detail: "path and query must be valid UTF-8 without NUL"})
			return
		}
		if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			status := http.StatusBadRequest
			if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
				status = http.StatusRequestEntityTooLarge
			}
			WriteProblem(w, Problem{Status: status, Detail: "the body could not be read: " + err.Error()})
			return
		}
		if !utf8.Valid(body) {
			WriteProblem(w, Problem{Status: http.StatusBadRequest, Detail: "the body must be valid UTF-8"})
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func recovering(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer recovered(log, w, r)
		next.ServeHTTP(w, r)
	})
}

// recovered must be deferred itself: recover works nowhere else.
func recovered(log *slog.Logger, w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	log.ErrorContext(r.Context(), "handler panicked", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	WriteProblem(w, Problem{Status: http.StatusInternalServerError})
}

// Serve answers on ln until ctx ends, then lets requests finish for at most
// grace.
func Serve(ctx context.Context, log *slog.Logger, ln net.Listener, h http.Handler, grace time.Duration) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := &http.Server{
		Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return base },
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer done()
	if err := srv.Shutdown(stop); err != nil {
		return errors.Join(fmt.Errorf("stop serving: %w", err), srv.Close())
	}
	return nil
}
