package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hinoban/hinoban/internal/oncall/buddy"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/run"
)

const (
	planEvery   = 30 * time.Second
	planContext = "oncall.buddy.plan"
	planTime    = 20 * time.Second
)

// standby is the side of the buddy.
type standby struct {
	*pair
	cfg   buddy.Config
	beats *http.Client
	used  string // names what of the plan was put to work; of the watch alone

	mu      sync.Mutex
	stand   buddy.Standing
	plan    buddy.Plan
	got     time.Time // the plan
	count   int64     // of calls
	handing bool
	dirty   bool // it may have taken what its server has not
	problem string
}

func (s *standby) open(ctx context.Context) error {
	now := s.app.now()
	s.stand, s.dirty = buddy.Standing{Role: buddy.Passive}, true
	if err := s.readDoc(ctx, "standing", &s.stand); err != nil {
		return fmt.Errorf("read where the buddy stood: %w", err)
	}
	s.stand.LastGood = now
	sealed, err := s.kept.BuddyDoc(ctx, "plan")
	if err != nil {
		return err
	}
	if sealed != "" {
		text, err := s.app.sealer.Unseal(sealed, planContext)
		if err == nil {
			err = json.Unmarshal([]byte(text), &s.plan)
		}
		if err != nil {
			return fmt.Errorf("open the plan that was kept: %w", err)
		}
		s.got = s.plan.Made
		return nil
	}
	if err := s.fetch(ctx); err != nil {
		return errs.New(errs.Unavailable, "a buddy has to reach its server once, for the first plan: %w", err)
	}
	return nil
}

func (s *standby) held() buddy.Plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plan
}

func (s *standby) standing() buddy.Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stand
}

func (s *standby) pages() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stand.Role == buddy.Active && !s.handing
}

func (s *standby) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = true
}

// call is one signed request to the server. It returns the answer and the nonce
// that it has to bring.
func (s *standby) call(ctx context.Context, client *http.Client, method, path string, body []byte) (text []byte, nonce string, err error) {
	s.mu.Lock()
	s.count = max(s.count+1, s.app.now().UnixMicro())
	c := buddy.Call{From: "buddy", Count: s.count, Role: s.stand.Role, Planned: s.stand.Planned, Since: s.stand.Since, URL: s.app.cfg.BaseURL, DeadAfter: s.cfg.DeadAfter, Plan: s.plan.Version}
	s.mu.Unlock()
	return askServer(ctx, client, s.keys, s.app.cfg.Buddy.Of, c, method, path, body)
}

// askServer signs a call and makes it.
func askServer(ctx context.Context, client *http.Client, keys buddy.Keys, of string, c buddy.Call, method, path string, body []byte) (text []byte, nonce string, err error) {
	c.Method, c.Path, c.Body, c.Nonce = method, path, buddy.BodySum(body), id.New()
	header, err := keys.Header(c)
	if err != nil {
		return nil, "", err
	}
	req, err := http.NewRequestWithContext(ctx, method, of+path, bytes.NewReader(body))
	if err != nil {
		return nil, "", errs.New(errs.Invalid, "the server's address: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+keys.Bearer())
	req.Header.Set(buddy.CallHeader, header)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return nil, "", errs.New(errs.Unavailable, "call the server: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	text, err = io.ReadAll(io.LimitReader(res.Body, maxBuddy))
	if err != nil {
		return nil, "", errs.New(errs.Unavailable, "read the server's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, "", errs.New(errs.Unavailable, "the server answered %s: %.300s", res.Status, text)
	}
	return text, c.Nonce, nil
}

// beat reads a signed heartbeat.
func readBeat(keys buddy.Keys, text []byte, nonce string) (b buddy.Beat, err error) {
	if err = keys.Verify(buddy.ForBeat, text, &b); err != nil {
		return b, err
	}
	if b.Nonce != nonce {
		return b, errs.New(errs.Denied, "the heartbeat answers another question: it was recorded earlier")
	}
	return b, nil
}

// fetch gets the newest plan and keeps it, sealed.
func (s *standby) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	text, nonce, err := s.call(ctx, s.client, http.MethodGet, "/api/v1/buddy/plan", nil)
	if err != nil {
		return err
	}
	held := s.held()
	p, err := s.keys.OpenPlan(text, nonce, held.Sequence)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(p)
	if err != nil {
		return err
	}
	sealed, err := s.app.sealer.Seal(string(plain), planContext)
	if err != nil {
		return err
	}
	if err := s.kept.PutBuddyDoc(ctx, "plan", sealed); err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for purpose, key := range held.Keys {
		if !bytes.Equal(key, p.Keys[purpose]) {
			s.problem = "the server signs with other keys than before: start the buddy again"
		}
	}
	s.plan, s.got = p, s.app.now()
	return nil
}

// watch is one round: a heartbeat, the plan where it has changed, and what follows.
func (s *standby) watch(ctx context.Context) error {
	b, err := s.listen(ctx)
	now := s.app.now()
	s.mu.Lock()
	was := s.stand
	s.stand = s.stand.Heard(b, now)
	stand, dirty, version, got := s.stand, s.dirty, s.plan.Version, s.got
	s.mu.Unlock()
	s.sayHeard(ctx, was, b, err)
	if b != nil && b.Works && (b.Version != version || now.Sub(got) >= planEvery) {
		if err := s.refresh(ctx, stand.Role == buddy.Active); err != nil {
			s.app.log.WarnContext(ctx, "the plan stays as it was", "err", err)
		}
	}
	step, planned := stand.Decide(s.cfg, b, dirty, now)
	switch step {
	case buddy.TakeOver:
		return s.takeOver(ctx, planned)
	case buddy.HandBack:
		return s.handBack(ctx)
	case buddy.Stay:
	}
	return nil
}

func (s *standby) sayHeard(ctx context.Context, was buddy.Standing, b *buddy.Beat, err error) {
	good := b != nil && b.Works
	if b != nil && !b.Works {
		err = errs.New(errs.Unavailable, "its pager does not work: %s", b.Detail)
	}
	s.mu.Lock()
	if s.problem = ""; err != nil {
		s.problem = err.Error()
	}
	s.mu.Unlock()
	switch {
	case good && was.GoodSince.IsZero():
		s.app.log.InfoContext(ctx, "the server is heard", "role", string(b.Role))
	case !good && !was.GoodSince.IsZero():
		s.app.log.WarnContext(ctx, "the server is not heard", "err", err)
	}
}

func (s *standby) listen(ctx context.Context) (*buddy.Beat, error) {
	text, nonce, err := s.call(ctx, s.beats, http.MethodGet, "/api/v1/buddy/heartbeat", nil)
	if err != nil {
		return nil, err
	}
	b, err := readBeat(s.keys, text, nonce)
	if err != nil {
		return nil, err
	}
	return &b, nil
}

// refresh gets the plan and puts it to work. While the buddy pages, it takes over
// what came to the server meanwhile.
func (s *standby) refresh(ctx context.Context, active bool) error {
	if err := s.fetch(ctx); err != nil {
		return err
	}
	if err := s.usePlan(ctx); err != nil {
		return err
	}
	if !active {
		return nil
	}
	p := s.held()
	again, err := s.app.adopt(ctx, s.pair, p.Pages, p.Alerts)
	if err != nil {
		return err
	}
	return s.app.adopted(ctx, nil, again)
}

// takeOver begins to page in the server's place.
func (s *standby) takeOver(ctx context.Context, planned bool) error {
	s.doors.Lock()
	defer s.doors.Unlock()
	if planned {
		if err := s.refresh(ctx, false); err != nil {
			return fmt.Errorf("take over: the newest plan: %w", err)
		}
	}
	handed, err := s.kept.Handed(ctx, "alert")
	if err != nil {
		return err
	}
	var old []string
	for id := range handed {
		old = append(old, id)
	}
	if err := s.alerts.Forget(ctx, old); err != nil {
		return err
	}
	if err := s.kept.ForgetHanded(ctx); err != nil {
		return err
	}
	p := s.held()
	again, err := s.app.adopt(ctx, s.pair, p.Pages, p.Alerts)
	if err != nil {
		return fmt.Errorf("take over: %w", err)
	}
	now, stand := s.app.now(), s.standing()
	stand.Role, stand.Planned, stand.Since, stand.DeadSince = buddy.Active, planned, now, stand.LastGood
	if !planned {
		// First: where the program stops in between, it is said after the next start.
		if _, err := s.app.inbox.Take(ctx, s.app.pagerDead(now, stand.LastGood, s.app.cfg.Buddy.Of)); err != nil {
			return fmt.Errorf("say that the pager is dead: %w", err)
		}
	}
	if err := s.become(ctx, stand); err != nil {
		return err
	}
	s.app.log.WarnContext(ctx, "taken over: this buddy pages", "planned", planned, "pages", len(p.Pages), "alerts", len(p.Alerts), "plan", p.Version)
	fact := event.Fact{Event: buddy.TookOver{Since: now, Planned: planned}, At: now, Subject: "buddy", Actor: "buddy", Source: "oncall"}
	if err := s.app.Publish(ctx, fact); err != nil {
		return err
	}
	return s.app.adopted(ctx, nil, again)
}

// become keeps a standing and begins it.
func (s *standby) become(ctx context.Context, stand buddy.Standing) error {
	if err := s.keepDoc(ctx, "standing", stand); err != nil {
		return fmt.Errorf("keep the role: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stand.Role, s.stand.Planned, s.stand.Since, s.stand.DeadSince = stand.Role, stand.Planned, stand.Since, stand.DeadSince
	s.dirty = s.dirty || stand.Role == buddy.Active
	return nil
}

func (s *standby) loops() []run.Loop {
	return []run.Loop{{Name: "buddy.watch", Every: s.cfg.Every(), Do: s.watch}}
}

// BuddyStatus is what GET /api/v1/buddy/status answers.
type BuddyStatus struct {
	Role           buddy.Role `json:"role"`
	Planned        bool       `json:"planned,omitempty"`
	Since          time.Time  `json:"since,omitzero"` // active since
	Of             string     `json:"of"`
	HeartbeatAge   float64    `json:"heartbeat_age_seconds"`
	DeadAfter      float64    `json:"dead_after_seconds"`
	PlanVersion    string     `json:"plan_version"`
	PlanAge        float64    `json:"plan_age_seconds"`
	Documents      int        `json:"documents"` // files
	Sources        int        `json:"sources"`
	Adjustments    int        `json:"adjustments"`
	OpenPages      int        `json:"open_pages"` // of the plan
	OpenAlerts     int        `json:"open_alerts"`
	MayHold        bool       `json:"may_hold"` // something that the server has not
	Problem        string     `json:"problem,omitempty"`
	ServerIdentity string     `json:"server"`
}

func (s *standby) status() BuddyStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, p := s.app.now(), s.plan
	return BuddyStatus{
		Role: s.stand.Role, Planned: s.stand.Planned, Since: s.stand.Since, Of: s.app.cfg.Buddy.Of, HeartbeatAge: now.Sub(s.stand.LastGood).Seconds(), DeadAfter: s.cfg.DeadAfter.Seconds(),
		PlanVersion: p.Version, PlanAge: now.Sub(s.got).Seconds(), Documents: len(p.Files), Sources: len(p.Sources), Adjustments: len(p.Adjustments),
		OpenPages: len(p.Pages), OpenAlerts: len(p.Alerts), MayHold: s.dirty, Problem: s.problem, ServerIdentity: p.Server,
	}
}

func (s *standby) routes() []httpd.Route {
	return []httpd.Route{{Pattern: "GET /api/v1/buddy/status", Access: httpd.Public, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.status()) // the client may be gone
	})}}
}

func (s *standby) health() []httpd.HealthCheck {
	return []httpd.HealthCheck{{Name: "buddy", Soft: true, Probe: func(context.Context) error {
		v := s.status()
		if v.Role == buddy.Active {
			return errs.New(errs.Conflict, "this buddy pages in the place of %s", v.Of)
		}
		if v.Problem != "" {
			return errs.New(errs.Unavailable, "%s", v.Problem)
		}
		return nil
	}}}
}

func (s *standby) measure(r prometheus.Registerer) {
	gauge(r, "hinoban_buddy_role", "1 where this host pages, 0 where the other one does.", func() float64 { return one(s.pages()) })
	gauge(r, "hinoban_buddy_heartbeat_age_seconds", "Since the last good heartbeat of the server.", func() float64 { return s.status().HeartbeatAge })
	gauge(r, "hinoban_buddy_plan_age_seconds", "Since the plan in use was read.", func() float64 { return s.status().PlanAge })
}
