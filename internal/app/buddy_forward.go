package app

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/buddy"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

const (
	forwardTime = 10 * time.Second
	maxForward  = 32 << 20 // bytes of an answer
)

// passed is an answer of the other host.
type passed struct {
	status int
	header http.Header
	body   []byte
}

func (p passed) write(w http.ResponseWriter) {
	for _, name := range []string{"Content-Type", "Cache-Control", "Retry-After", "X-Request-Id"} {
		if v := p.header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body) // the sender may be gone
}

// pass hands a request on to the other host; ok is false where that cannot be
// reached or cannot take it. r can be read again afterwards.
func (p *pair) pass(r *http.Request, to string) (out passed, ok bool, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return out, false, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if to == "" {
		return out, false, nil
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return out, false, nil // an address that cannot be asked takes nothing
	}
	for name, values := range r.Header {
		switch http.CanonicalHeaderKey(name) {
		case "Connection", "Keep-Alive", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Accept-Encoding", "Cookie":
		default:
			req.Header[name] = values
		}
	}
	req.Header.Set(buddy.ForwardedHeader, "1")
	res, err := p.client.Do(req)
	if err != nil {
		return out, false, nil // it is taken here in its place
	}
	defer func() { _ = res.Body.Close() }() // it was read
	out = passed{status: res.StatusCode, header: res.Header}
	out.body, err = io.ReadAll(io.LimitReader(res.Body, maxForward))
	return out, err == nil && res.StatusCode < http.StatusInternalServerError, nil
}

// door of a server: while its buddy pages, the buddy takes what comes, because it
// tells people at once. What it cannot take is taken here.
func (s *pairedServer) door(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(buddy.ForwardedHeader) == "" && s.role() == buddy.HandedOver {
			out, ok, err := s.pass(r, s.state().URL)
			if err != nil {
				httpd.WriteProblem(w, httpd.Problem{Status: http.StatusBadRequest, Detail: "the body could not be read: " + err.Error()})
				return
			}
			if ok {
				out.write(w)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// door of a buddy: while its server lives, the server takes what comes. What that
// cannot take is taken here, and is on disk before it is answered.
func (s *standby) door(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stand := s.standing()
		// No door is held meanwhile: a server that hangs must not keep its buddy from
		// taking over.
		if stand.Role != buddy.Active && r.Header.Get(buddy.ForwardedHeader) == "" && !s.lost(stand) {
			out, ok, err := s.pass(r, s.app.cfg.Buddy.Of)
			if err != nil {
				httpd.WriteProblem(w, httpd.Problem{Status: http.StatusBadRequest, Detail: "the body could not be read: " + err.Error()})
				return
			}
			if ok {
				out.write(w)
				return
			}
		}
		s.doors.RLock()
		defer s.doors.RUnlock()
		if s.standing().Role != buddy.Active {
			if r.Header.Get(buddy.ForwardedHeader) != "" {
				httpd.WriteProblem(w, httpd.Problem{Status: http.StatusServiceUnavailable, Detail: "this buddy is passive"})
				return
			}
			s.touch()
		}
		next.ServeHTTP(w, r)
	})
}

// lost reports whether the server was not heard for so long that senders need not
// wait for it.
func (s *standby) lost(stand buddy.Standing) bool {
	return stand.GoodSince.IsZero() && s.app.now().Sub(stand.LastGood) > 2*s.cfg.Every()+s.cfg.Timeout()
}
