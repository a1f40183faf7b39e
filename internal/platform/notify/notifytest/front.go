package notifytest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Front is our own server as providers reach it. Its URL is known before the
// channel is, as a public address is.
type Front struct {
	URL string

	mu  sync.Mutex
	mux *http.ServeMux
}

// NewFront starts a server without routes for the length of t.
func NewFront(t *testing.T) *Front {
	f := &Front{mux: http.NewServeMux()}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		mux := f.mux
		f.mu.Unlock()
		mux.ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	f.URL = srv.URL
	return f
}

// Mount gives the server the hooks of a channel.
func (f *Front) Mount(hooks []notify.Hook) {
	mux := http.NewServeMux()
	for _, h := range hooks {
		mux.Handle(h.Pattern, h.Handler)
	}
	f.mu.Lock()
	f.mux = mux
	f.mu.Unlock()
}

// Back is a notify.Back that keeps what it hears.
type Back struct {
	mu      sync.Mutex
	answers []notify.Answer
	reports []notify.Report
	err     error
}

// Said is what every answer is answered with.
const Said = "あおい has it <b>&"

// Answered keeps a; a token that begins with "forged" is Denied.
func (b *Back) Answered(_ context.Context, a notify.Answer) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.HasPrefix(a.Token, "forged") {
		return "", errs.New(errs.Denied, "token is not ours")
	}
	if b.err != nil {
		return "", b.err
	}
	b.answers = append(b.answers, a)
	return Said, nil
}

// Reported keeps r.
func (b *Back) Reported(_ context.Context, r notify.Report) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reports = append(b.reports, r)
	return b.err
}

// Fail makes every later call fail with err, or none where it is nil.
func (b *Back) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// Answers waits until n answers were heard, and returns them.
func (b *Back) Answers(t *testing.T, n int) []notify.Answer {
	t.Helper()
	return wait(t, n, func() []notify.Answer {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.Clone(b.answers)
	})
}

// Reports waits until n reports were heard, and returns them.
func (b *Back) Reports(t *testing.T, n int) []notify.Report {
	t.Helper()
	return wait(t, n, func() []notify.Report {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.Clone(b.reports)
	})
}

// outside is what somebody outside posts to us.
func outside(address string, body []byte) *http.Request {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		panic(err) // an address of the test's own
	}
	return req
}

// exchange sends req and returns the answer.
func exchange(t *testing.T, req *http.Request) (status int, body string) {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// call sends a provider's request and returns the answer, which must be 200.
func call(t *testing.T, req *http.Request) string {
	t.Helper()
	status, body := exchange(t, req)
	if status != http.StatusOK {
		t.Errorf("%s: got %d %s, want 200", req.URL.Path, status, body)
	}
	return body
}

func wait[T any](t *testing.T, n int, have func() []T) []T {
	t.Helper()
	end := time.NewTimer(10 * time.Second)
	defer end.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if got := have(); len(got) >= n {
			return got
		}
		select {
		case <-end.C:
			t.Fatalf("heard %d after 10 s, want %d", len(have()), n)
		case <-tick.C:
		}
	}
}
