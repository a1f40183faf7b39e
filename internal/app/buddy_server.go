package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hinoban/hinoban/internal/oncall/buddy"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

const (
	deliverLate = 30 * time.Second // without a round of deliveries the pager does not work
	buddyLate   = 2 * time.Minute  // without a call the buddy is missing
	maxBuddy    = 64 << 20         // bytes of a batch
)

// pairedServer is the side of the server.
type pairedServer struct {
	*pair

	mu       sync.Mutex
	server   buddy.Server
	counts   buddy.Counts
	sequence int64
	took     time.Time // the last take-over that is in the log
	round    time.Time // the last good round of deliveries
	again    []string  // alerts that are to fire again when the last batch is here
}

// serverDoc is what is kept of it.
type serverDoc struct {
	Server   buddy.Server `json:"server"`
	Counts   buddy.Counts `json:"counts"`
	Sequence int64        `json:"sequence"`
	Took     time.Time    `json:"took,omitzero"`
}

func (s *pairedServer) open(ctx context.Context) error {
	var doc serverDoc
	if err := s.readDoc(ctx, "server", &doc); err != nil {
		return fmt.Errorf("read what is known of the buddy: %w", err)
	}
	s.server, s.sequence, s.took = doc.Server, doc.Sequence, doc.Took
	if doc.Counts != nil {
		s.counts = doc.Counts
	}
	s.start()
	return nil
}

// start begins the moment in which a server waits for its buddy's word.
func (s *pairedServer) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server.Started, s.round = s.app.now(), s.app.now()
}

func (s *pairedServer) state() buddy.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server
}

func (s *pairedServer) role() buddy.Role { return s.state().Role(s.app.now()) }

func (s *pairedServer) delivered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.round = s.app.now()
}

// change changes what is known and keeps it.
func (s *pairedServer) change(ctx context.Context, fn func() error) error {
	s.mu.Lock()
	err := fn()
	doc := serverDoc{Server: s.server, Counts: maps.Clone(s.counts), Sequence: s.sequence, Took: s.took}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := s.keepDoc(ctx, "server", doc); err != nil {
		return errs.New(errs.Unavailable, "keep what is known of the buddy: %w", err)
	}
	return nil
}

func (s *pairedServer) routes() []httpd.Route {
	route := func(pattern string, h func(context.Context, buddy.Call, []byte) ([]byte, error)) httpd.Route {
		return httpd.Route{Pattern: pattern, Access: httpd.Keyed, MaxBody: maxBuddy, Handler: s.called(h)}
	}
	return []httpd.Route{
		route("GET /api/v1/buddy/heartbeat", s.heartbeat),
		route("GET /api/v1/buddy/plan", s.plan),
		route("POST /api/v1/buddy/handover", s.handover),
		route("POST /api/v1/buddy/takeover", func(ctx context.Context, c buddy.Call, _ []byte) ([]byte, error) { return s.stepBack(ctx, c, true) }),
		route("POST /api/v1/buddy/giveback", func(ctx context.Context, c buddy.Call, _ []byte) ([]byte, error) { return s.stepBack(ctx, c, false) }),
	}
}

// called lets through whoever knows the secret, each call once.
func (s *pairedServer) called(h func(context.Context, buddy.Call, []byte) ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := s.answer(r, h)
		if err != nil {
			httpd.Fail(s.app.log, w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(out) // the caller may be gone
	})
}

func (s *pairedServer) answer(r *http.Request, h func(context.Context, buddy.Call, []byte) ([]byte, error)) ([]byte, error) {
	if k, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); !s.keys.IsBearer(k) {
		return nil, errs.New(errs.Unauthenticated, "this is for the buddy, which knows the secret")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the body could not be read: %w", err)
	}
	c, err := s.keys.Called(r.Header.Get(buddy.CallHeader), r.Method, r.URL.Path, body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	err = s.counts.Take(c)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return h(r.Context(), c, body)
}

// saw notes a call of the buddy. Its error says that the database takes nothing.
func (s *pairedServer) saw(ctx context.Context, c buddy.Call) error {
	if c.From != "buddy" {
		return s.change(ctx, func() error { return nil })
	}
	var fact *event.Fact
	err := s.change(ctx, func() error {
		v := &s.server
		v.Known, v.Seen, v.Buddy, v.URL, v.DeadAfter, v.Plan = true, s.app.now(), c.Role, c.URL, c.DeadAfter, c.Plan
		if c.Role == buddy.Active && !c.Since.Equal(s.took) {
			s.took = c.Since
			fact = &event.Fact{Event: buddy.TookOver{Since: c.Since, Planned: c.Planned}, At: s.app.now(), Subject: "buddy", Actor: "buddy", Source: "oncall"}
		}
		return nil
	})
	if err == nil && fact != nil {
		s.app.log.WarnContext(ctx, "the buddy pages in our place", "since", c.Since, "planned", c.Planned)
		err = s.app.Publish(ctx, *fact)
	}
	return err
}

func (s *pairedServer) heartbeat(ctx context.Context, c buddy.Call, _ []byte) ([]byte, error) {
	now := s.app.now()
	b := buddy.Beat{Nonce: c.Nonce, At: now, Works: true}
	if err := s.saw(ctx, c); err != nil {
		b.Works, b.Detail = false, err.Error()
	}
	var err error
	if b.Server, err = serverID(s.app.cfg.Data); err != nil {
		b.Works, b.Detail = false, err.Error()
	}
	if b.Version, err = s.version(ctx); err != nil {
		b.Works, b.Detail = false, err.Error()
	}
	s.mu.Lock()
	if late := now.Sub(s.round); late > deliverLate && b.Works {
		b.Works, b.Detail = false, "nothing was delivered for "+late.Round(time.Second).String()
	}
	v := s.server
	s.mu.Unlock()
	b.Role, b.Planned, b.BuddyRole, b.BuddySeen, b.BuddyPlan = v.Role(now), v.Planned, v.Buddy, v.Seen, v.Plan
	return s.keys.Sign(buddy.ForBeat, b)
}

// version names what a plan would say: it changes when anything was noted.
func (s *pairedServer) version(ctx context.Context) (string, error) {
	seq, _, err := s.app.bus.Last(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d-%.12s", seq, s.app.config.Set().Sum()), nil
}

func (s *pairedServer) plan(ctx context.Context, c buddy.Call, _ []byte) ([]byte, error) {
	p, err := s.makePlan(ctx)
	if err != nil {
		return nil, fmt.Errorf("make the plan: %w", err)
	}
	return s.keys.SealPlan(p, c.Nonce)
}

// stepBack has the buddy page, or not any more. When it returns nothing is being
// delivered here.
func (s *pairedServer) stepBack(ctx context.Context, c buddy.Call, planned bool) ([]byte, error) {
	if v := s.state(); planned && (v.Seen.IsZero() || s.app.now().Sub(v.Seen) >= max(v.DeadAfter, time.Second)) {
		return nil, errs.New(errs.Conflict, "no buddy calls: nobody would page")
	}
	if planned {
		s.rounds.Lock()
	}
	err := s.change(ctx, func() error { s.server.Planned = planned; return nil })
	if planned {
		s.rounds.Unlock()
	}
	if err != nil {
		return nil, err
	}
	if planned {
		if err := s.app.pager.Drain(ctx, 0); err != nil {
			return nil, fmt.Errorf("let what is in hand end: %w", err)
		}
	}
	s.app.log.InfoContext(ctx, "asked to let the buddy page", "planned", planned)
	return s.heartbeat(ctx, buddy.Call{From: "cli", Nonce: c.Nonce}, nil)
}

// handover takes back what the buddy took.
func (s *pairedServer) handover(ctx context.Context, c buddy.Call, body []byte) ([]byte, error) {
	var b buddy.Batch
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&b); err != nil {
		return nil, errs.New(errs.Invalid, "read the batch: %w", err)
	}
	again, err := s.app.adopt(ctx, s.pair, b.Pages, b.Alerts)
	if err != nil {
		return nil, fmt.Errorf("take over from the buddy: %w", err)
	}
	s.mu.Lock()
	s.again = append(s.again, again...)
	all := s.again
	s.mu.Unlock()
	if b.Last {
		if err := s.app.adopted(ctx, b.Acks, all); err != nil {
			return nil, err
		}
		if err := s.back(ctx, b); err != nil {
			return nil, err
		}
		c.Role = buddy.Passive // it is, when it reads this
	}
	return s.heartbeat(ctx, c, nil)
}

// back notes that this server pages again.
func (s *pairedServer) back(ctx context.Context, b buddy.Batch) error {
	if b.WasActive {
		if _, err := s.app.inbox.Take(ctx, s.app.pagerLives(b.Since)); err != nil {
			return fmt.Errorf("say that the pager lives: %w", err)
		}
	}
	fact := event.Fact{Event: b.Counts, At: s.app.now(), Subject: "buddy", Actor: "buddy", Source: "oncall"}
	if err := s.app.Publish(ctx, fact); err != nil {
		return err
	}
	s.app.log.InfoContext(ctx, "the buddy has handed back", "alerts", b.Counts.Alerts, "pages", b.Counts.Pages, "deliveries", b.Counts.Deliveries)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = nil
	return nil
}

func (s *pairedServer) health() []httpd.HealthCheck {
	return []httpd.HealthCheck{{Name: "buddy", Soft: true, Probe: func(context.Context) error {
		v, now := s.state(), s.app.now()
		last := v.Seen
		if last.IsZero() {
			last = v.Started
		}
		if ago := now.Sub(last); ago > buddyLate {
			return errs.New(errs.Unavailable, "no buddy has called for %s: is `hinoban buddy` running, with the same secret?", ago.Round(time.Second))
		}
		if v.Role(now) == buddy.HandedOver {
			return errs.New(errs.Conflict, "the buddy pages in our place")
		}
		return nil
	}}}
}

func (s *pairedServer) measure(r prometheus.Registerer) {
	gauge(r, "hinoban_buddy_role", "1 where this host pages, 0 where the other one does.", func() float64 { return one(s.role() == buddy.Active) })
	gauge(r, "hinoban_buddy_seen_age_seconds", "Since the buddy called last; -1 where it has not since the start.", func() float64 {
		if v := s.state(); !v.Seen.IsZero() {
			return s.app.now().Sub(v.Seen).Seconds()
		}
		return -1
	})
}
