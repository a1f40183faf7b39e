package webkit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// HubOptions bounds a [Hub]. The zero value is good: 250 ms, 15 s, 1,000.
type HubOptions struct {
	Debounce       time.Duration // how long changes are gathered before they are told
	Heartbeat      time.Duration
	MaxSubscribers int // further browsers are asked to come back later
}

const maxTopics = 50 // that one page may name

// Hub tells open pages that something on them has changed. It carries names of
// topics and no data: a page that hears one of its own asks for itself again,
// so nobody is told what they may not read. Safe for concurrent use.
type Hub struct {
	opts HubOptions
	done chan struct{}

	mu     sync.Mutex
	closed bool
	subs   map[*subscriber]struct{}
}

type subscriber struct {
	topics []string
	wake   chan struct{} // holds one token while pending is not empty

	mu      sync.Mutex
	pending map[string]bool
}

// NewHub returns an open hub.
func NewHub(o HubOptions) *Hub {
	o.Debounce = cmp.Or(o.Debounce, 250*time.Millisecond)
	o.Heartbeat = cmp.Or(o.Heartbeat, 15*time.Second)
	o.MaxSubscribers = cmp.Or(o.MaxSubscribers, 1000)
	return &Hub{opts: o, done: make(chan struct{}), subs: map[*subscriber]struct{}{}}
}

// Publish says that topics have changed. It never blocks. Somebody who listens
// to "incident" hears of "incident/123" too, and the other way round.
func (h *Hub) Publish(topics ...string) {
	h.mu.Lock()
	subs := slices.Collect(maps.Keys(h.subs))
	h.mu.Unlock()
	for _, s := range subs {
		s.tell(topics)
	}
}

func (s *subscriber) tell(topics []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, mine := range s.topics {
		for _, t := range topics {
			if mine == t || strings.HasPrefix(t, mine+"/") || strings.HasPrefix(mine, t+"/") {
				s.pending[mine] = true
			}
		}
	}
	if len(s.pending) == 0 {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default: // it has a token already
	}
}

func (s *subscriber) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	topics := slices.Sorted(maps.Keys(s.pending))
	clear(s.pending)
	return topics
}

// Close ends every stream; later ones are refused. It may be called twice.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
}

// Subscribers returns how many browsers are listening.
func (h *Hub) Subscribers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subs)
}

func (h *Hub) join(topics []string) (*subscriber, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.subs) >= h.opts.MaxSubscribers {
		return nil, false
	}
	s := &subscriber{topics: topics, wake: make(chan struct{}, 1), pending: map[string]bool{}}
	h.subs[s] = struct{}{}
	return s, true
}

func (h *Hub) leave(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subs, s)
}

// ServeHTTP streams server-sent events to one browser: GET /live?topic=alert
// &topic=incident/123. The event "changed" carries a JSON list of topics.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	topics := r.URL.Query()["topic"]
	if len(topics) == 0 || len(topics) > maxTopics {
		http.Error(w, "name 1 to 50 topics", http.StatusBadRequest)
		return
	}
	s, ok := h.join(topics)
	if !ok {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "no more listeners", http.StatusServiceUnavailable)
		return
	}
	defer h.leave(s)
	c := http.NewResponseController(w)
	// A stream outlives the server's write timeout; a writer that cannot
	// change its deadline has none.
	_ = c.SetWriteDeadline(time.Time{})
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	h.stream(r.Context(), s, func(msg string) error {
		if _, err := io.WriteString(w, msg); err != nil {
			return err
		}
		return c.Flush()
	})
}

// stream sends until the browser leaves, the hub closes or a send fails.
func (h *Hub) stream(ctx context.Context, s *subscriber, send func(string) error) {
	if send("retry: 2000\n\n") != nil {
		return
	}
	beat := time.NewTicker(h.opts.Heartbeat)
	defer beat.Stop()
	for {
		msg := ": beat\n\n"
		select {
		case <-ctx.Done():
			return
		case <-h.done:
			return
		case <-beat.C:
		case <-s.wake:
			if !h.gather(ctx) {
				return
			}
			msg = changed(s.take())
		}
		if send(msg) != nil {
			return
		}
	}
}

// gather waits for more changes; false means that the stream is over.
func (h *Hub) gather(ctx context.Context) bool {
	t := time.NewTimer(h.opts.Debounce)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-h.done:
		return false
	case <-t.C:
		return true
	}
}

func changed(topics []string) string {
	if len(topics) == 0 { // taken together with the change before
		return ": beat\n\n"
	}
	list, err := json.Marshal(topics)
	if err != nil { // a list of strings always encodes
		return ""
	}
	return fmt.Sprintf("event: changed\ndata: %s\n\n", list)
}

// liveURL is the address of a stream of topics.
func liveURL(topics []string) string {
	return "/live?" + url.Values{"topic": topics}.Encode()
}
