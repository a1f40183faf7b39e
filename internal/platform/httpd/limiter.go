package httpd

import (
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const maxClients = 10_000

// limiter is one token bucket per client address.
type limiter struct {
	rate, burst float64
	now         func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(perSecond float64, burst int, now func() time.Time) *limiter {
	return &limiter{rate: perSecond, burst: float64(burst), now: now, buckets: map[string]bucket{}}
}

func (l *limiter) allow(client string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b, ok := l.buckets[client]
	if !ok {
		if len(l.buckets) >= maxClients {
			l.forget(now)
		}
		b = bucket{tokens: l.burst, at: now}
	}
	// A clock that was set back gives nothing and takes nothing.
	b.tokens = min(l.burst, b.tokens+max(0, now.Sub(b.at).Seconds())*l.rate)
	b.at = now
	ok = b.tokens >= 1
	if ok {
		b.tokens--
	}
	l.buckets[client] = b
	return ok
}

// forget drops every bucket that is full again, or all where none is: memory
// is bounded even when ten thousand addresses call at once.
func (l *limiter) forget(now time.Time) {
	for c, b := range l.buckets {
		if b.tokens+now.Sub(b.at).Seconds()*l.rate >= l.burst {
			delete(l.buckets, c)
		}
	}
	if len(l.buckets) >= maxClients {
		clear(l.buckets)
	}
}

func (l *limiter) wrap(next http.Handler) http.Handler {
	if l.rate <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !l.allow(ClientAddress(r)) {
			w.Header().Set("Retry-After", strconv.Itoa(1))
			WriteProblem(w, Problem{Status: http.StatusTooManyRequests, Detail: "too many requests from this address"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ClientAddress is the address that r came from, without the port.
func ClientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
