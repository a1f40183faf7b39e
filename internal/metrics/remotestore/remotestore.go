// Package remotestore answers PromQL by asking a server that speaks the
// Prometheus HTTP API: Prometheus itself, VictoriaMetrics, Thanos, Mimir, or
// another instance of this program.
package remotestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

var _ metrics.Engine = (*Store)(nil)

// Options say which server to ask, and how.
type Options struct {
	URL      string // the part before /api/v1
	Bearer   string // a token; or
	User     string // basic authentication
	Password string
	Timeout  time.Duration // of one request; default 30 s
	MaxBytes int64         // of one answer; default 64 MiB
	Client   *http.Client  // default: one of its own that follows no redirects
}

// Store asks the server. It is safe for concurrent use.
type Store struct {
	opts Options
	base *url.URL
}

// New returns a store that asks the server at o.URL, which is first asked at
// the first query. The error is Invalid.
func New(o Options) (*Store, error) {
	base, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, errs.New(errs.Invalid, "metrics.url %q is not an http or https address", o.URL)
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.Client == nil {
		o.Client = &http.Client{
			Transport: http.DefaultTransport.(*http.Transport).Clone(),
			// A redirect would take the credentials to where nobody sent them.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return &Store{opts: o, base: base}, nil
}

// Reply is an answer of the server as it came.
type Reply struct {
	Status      int
	ContentType string
	Body        []byte
}

// Ask sends form to path (such as "/api/v1/query"), by GET or POST, and
// returns the answer whatever its status. The error is Unavailable when no
// answer came, Invalid when it was larger than Options.MaxBytes.
func (s *Store) Ask(ctx context.Context, method, path string, form url.Values) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	at := s.base.JoinPath(path)
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else {
		at.RawQuery = form.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, at.String(), body)
	if err != nil {
		return Reply{}, errs.New(errs.Invalid, "ask %s: %w", path, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	s.sign(req)
	res, err := s.opts.Client.Do(req)
	if err != nil {
		return Reply{}, s.down(err)
	}
	defer res.Body.Close() //nolint:errcheck // what was read is here already
	data, err := io.ReadAll(io.LimitReader(res.Body, s.opts.MaxBytes+1))
	if err != nil {
		return Reply{}, s.down(err)
	}
	if int64(len(data)) > s.opts.MaxBytes {
		return Reply{}, errs.New(errs.Invalid, "the answer of %s is larger than %d bytes: narrow the query", s.base.Host, s.opts.MaxBytes)
	}
	return Reply{Status: res.StatusCode, ContentType: res.Header.Get("Content-Type"), Body: data}, nil
}

func (s *Store) sign(req *http.Request) {
	switch {
	case s.opts.Bearer != "":
		req.Header.Set("Authorization", "Bearer "+s.opts.Bearer)
	case s.opts.User != "":
		req.SetBasicAuth(s.opts.User, s.opts.Password)
	}
}

// down says that no answer came, without the address of the request: it may
// hold what somebody looks for.
func (s *Store) down(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return errs.New(errs.Unavailable, "metrics server %s does not answer: %w", s.base.Host, err)
}

// Instant implements metrics.Engine.
func (s *Store) Instant(ctx context.Context, query string, at time.Time) ([]metrics.Series, error) {
	return s.query(ctx, "/api/v1/query", url.Values{"query": {query}, "time": {seconds(at)}})
}

// Range implements metrics.Engine. Servers answer at most 11,000 points a
// series; more is Invalid.
func (s *Store) Range(ctx context.Context, query string, from, to time.Time, step time.Duration) ([]metrics.Series, error) {
	if step <= 0 {
		return nil, errs.New(errs.Invalid, "query %q: the step %s is not positive", query, step)
	}
	return s.query(ctx, "/api/v1/query_range", url.Values{
		"query": {query}, "start": {seconds(from)}, "end": {seconds(to)},
		"step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

// Health asks the server for a constant.
func (s *Store) Health(ctx context.Context) error {
	_, err := s.query(ctx, "/api/v1/query", url.Values{"query": {"1"}})
	return err
}

func seconds(t time.Time) string {
	ms := t.UnixMilli()
	sign := ""
	if ms < 0 {
		sign, ms = "-", -ms
	}
	return fmt.Sprintf("%s%d.%03d", sign, ms/1000, ms%1000)
}

func (s *Store) query(ctx context.Context, path string, form url.Values) ([]metrics.Series, error) {
	r, err := s.Ask(ctx, http.MethodPost, path, form)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden:
		return nil, errs.New(errs.Unavailable, "metrics server %s refuses our credentials (status %d)", s.base.Host, r.Status)
	case len(r.Body) == 0 || bytes.TrimSpace(r.Body)[0] != '{':
		return nil, errs.New(errs.Unavailable, "metrics server %s answers status %d and no JSON: is %s right?", s.base.Host, r.Status, s.base)
	}
	got, err := decode(r.Body)
	if refusal, ok := errors.AsType[*refusal](err); ok {
		return nil, errs.New(refusal.kind(r.Status), "metrics server %s: query %q: %w", s.base.Host, form.Get("query"), err)
	}
	if err != nil && errs.KindOf(err) == errs.Internal {
		return nil, errs.New(errs.Unavailable, "metrics server %s: answer not understood: %w", s.base.Host, err)
	}
	return got, err
}
