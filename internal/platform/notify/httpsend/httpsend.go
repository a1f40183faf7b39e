// Package httpsend is what the channels that speak HTTP share: one bounded
// exchange, and what its outcome means for a delivery.
package httpsend

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

const (
	maxAnswer = 1 << 20
	maxWait   = time.Hour
)

// Answer is what the other side said, as much of it as we care to read.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // the first MiB
}

// Post sends body to target. Its errors are Unavailable, or Denied where client
// refuses the address, and never carry target, which may be a secret.
func Post(ctx context.Context, client *http.Client, target string, header http.Header, body []byte) (Answer, error) {
	return exchange(ctx, client, http.MethodPost, target, header, body)
}

// Get asks target; its errors are those of Post.
func Get(ctx context.Context, client *http.Client, target string, header http.Header) (Answer, error) {
	return exchange(ctx, client, http.MethodGet, target, header, nil)
}

func exchange(ctx context.Context, client *http.Client, method, target string, header http.Header, body []byte) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return Answer{}, errs.New(errs.Invalid, "address is no URL that can be called")
	}
	req.Header = header
	req.Header.Set("User-Agent", "hinoban")
	res, err := client.Do(req)
	if err != nil {
		return Answer{}, unreached(err)
	}
	defer func() { _ = res.Body.Close() }() // what mattered was read
	got, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	// A status that arrived decides, except for success: without the whole
	// answer we do not know that it is one.
	if err != nil && res.StatusCode < 300 {
		return Answer{}, unreached(err)
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: got}, nil
}

func unreached(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	kind := errs.KindOf(err)
	if kind == errs.Internal {
		kind = errs.Unavailable
	}
	if errors.Is(err, httpc.ErrInside) {
		return errs.New(kind, "call: %w: start the server with --allow-private-webhooks", err)
	}
	return errs.New(kind, "call: %w", err)
}

// Err returns nil for a 2xx, and else what the status means for a delivery,
// with detail, which must be harmless, at its end.
func (a Answer) Err(now time.Time, detail string) error {
	if a.Status >= 200 && a.Status < 300 {
		return nil
	}
	if detail != "" {
		detail = ": " + detail
	}
	text := strconv.Itoa(a.Status) + " " + http.StatusText(a.Status) + detail
	switch {
	case a.Status >= 500, a.Status == http.StatusTooManyRequests, a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly:
		if w := a.Wait(now); w > 0 {
			return errs.New(errs.Unavailable, "answered %s: %w", text, &notify.WaitError{After: w})
		}
		return errs.New(errs.Unavailable, "answered %s", text)
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return errs.New(errs.Denied, "answered %s", text)
	case a.Status == http.StatusNotFound, a.Status == http.StatusGone:
		return errs.New(errs.NotFound, "answered %s", text)
	}
	return errs.New(errs.Invalid, "answered %s", text)
}

// After returns a with a time to wait that its body says and its header does not.
func (a Answer) After(seconds float64) Answer {
	if seconds <= 0 || a.Header.Get("Retry-After") != "" {
		return a
	}
	h := a.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Retry-After", strconv.Itoa(int(math.Ceil(min(seconds, maxWait.Seconds())))))
	a.Header = h
	return a
}

// Wait reads Retry-After, in seconds or as a date; 0 when there is none, and
// never more than an hour.
func (a Answer) Wait(now time.Time) time.Duration {
	v := a.Header.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(s, 0), int(maxWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), maxWait)
	}
	return 0
}
