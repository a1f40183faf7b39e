package buddy_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/buddy"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

const secret = "0123456789abcdef0123456789abcdef"

var t0 = time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)

func keys(t *testing.T, secret string) buddy.Keys {
	t.Helper()
	k, err := buddy.NewKeys(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAShortSecretIsRefused(t *testing.T) {
	if _, err := buddy.NewKeys(secret[1:]); errs.KindOf(err) != errs.Invalid {
		t.Errorf("got %v, want Invalid", err)
	}
}

func TestAPlanOpensOnceForItsQuestion(t *testing.T) {
	k := keys(t, secret)
	p := buddy.Plan{
		Server: "s1", Sequence: 7, Files: map[string]string{"team.yaml": "x"}, Sources: []buddy.Source{{Key: "the key of a sender"}},
		Pages: []buddy.Page{{Page: oncall.Page{ID: "p"}, Ledger: buddy.Rows([]oncall.Delivery{{ID: "d", Address: "http://x", Lease: t0}})}},
	}
	text, err := k.SealPlan(p, "n1")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("sender")) || bytes.Contains(text, []byte(base64.StdEncoding.EncodeToString([]byte("the key of a sender")))) {
		t.Error("the plan can be read on its way")
	}
	got, err := k.OpenPlan(text, "n1", 6)
	if err != nil || got.Sources[0].Key != "the key of a sender" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if d := got.Pages[0].Deliveries()[0]; d.Address != "http://x" || !d.Lease.IsZero() {
		t.Errorf("delivery: got %+v, want its address and no lease", d)
	}
	for name, tt := range map[string]struct {
		k     buddy.Keys
		nonce string
		held  int64
		want  errs.Kind
	}{
		"recorded earlier": {k, "n2", 6, errs.Denied},
		"held already":     {k, "n1", 7, errs.Conflict},
		"older than held":  {k, "n1", 8, errs.Conflict},
		"another secret":   {keys(t, secret+"!"), "n1", 6, errs.Denied},
	} {
		if _, err := tt.k.OpenPlan(text, tt.nonce, tt.held); errs.KindOf(err) != tt.want {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
}

// No byte of a plan can be changed, and its number neither.
func TestAChangedPlanIsRefused(t *testing.T) {
	k := keys(t, secret)
	text, err := k.SealPlan(buddy.Plan{Sequence: 7}, "n1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		bad := bytes.Clone(text)
		bad[i] ^= 1
		if p, err := k.OpenPlan(bad, "n1", 6); err == nil && p.Sequence != 7 {
			t.Fatalf("byte %d: another plan was taken: %+v", i, p)
		}
	}
	var s struct {
		Body []byte `json:"body"`
		Sum  string `json:"sum"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	s.Body = bytes.Replace(s.Body, []byte(`"sequence":7`), []byte(`"sequence":9`), 1)
	forged, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.OpenPlan(forged, "n1", 6); errs.KindOf(err) != errs.Denied {
		t.Errorf("another number: got %v, want Denied", err)
	}
	// A heartbeat is signed with the same secret, and is no plan.
	beat, err := k.Sign(buddy.ForBeat, map[string]any{"nonce": "n1", "sequence": 9})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.OpenPlan(beat, "n1", 6); errs.KindOf(err) != errs.Denied {
		t.Errorf("a heartbeat: got %v, want Denied", err)
	}
}

func TestACallIsForOneRequestAndOnce(t *testing.T) {
	k, body := keys(t, secret), []byte("body")
	h, err := k.Header(buddy.Call{From: "buddy", Method: "POST", Path: "/x", Body: buddy.BodySum(body), Count: 5})
	if err != nil {
		t.Fatal(err)
	}
	c, err := k.Called(h, "POST", "/x", body)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ header, method, path, body string }{
		{h, "GET", "/x", "body"}, {h, "POST", "/y", "body"}, {h, "POST", "/x", "other"}, {"", "POST", "/x", "body"}, {strings.ToUpper(h), "POST", "/x", "body"},
	} {
		if _, err := k.Called(tt.header, tt.method, tt.path, []byte(tt.body)); errs.KindOf(err) != errs.Denied {
			t.Errorf("%+v: got %v, want Denied", tt, err)
		}
	}
	counts := buddy.Counts{}
	if err := counts.Take(c); err != nil {
		t.Error(err)
	}
	if err := counts.Take(c); errs.KindOf(err) != errs.Denied {
		t.Errorf("again: got %v, want Denied", err)
	}
	if !k.IsBearer(k.Bearer()) || k.IsBearer("") {
		t.Error("the bearer is not told from others")
	}
}

func TestABuddyDecides(t *testing.T) {
	cfg := buddy.Config{DeadAfter: 45 * time.Second}
	good := &buddy.Beat{Works: true, Role: buddy.Active}
	held := &buddy.Beat{Works: true, Role: buddy.HandedOver}
	asked := &buddy.Beat{Works: true, Role: buddy.HandedOver, Planned: true}
	broken := &buddy.Beat{Role: buddy.Active}
	at := func(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }
	passive := buddy.Standing{Role: buddy.Passive, LastGood: t0}
	active := buddy.Standing{Role: buddy.Active, LastGood: t0, GoodSince: t0}
	byPlan := buddy.Standing{Role: buddy.Active, Planned: true, LastGood: t0, GoodSince: t0}
	for name, tt := range map[string]struct {
		s     buddy.Standing
		b     *buddy.Beat
		holds bool
		now   int
		want  buddy.Step
		plan  bool
	}{
		"all is well":                          {passive, good, false, 5, buddy.Stay, false},
		"not heard yet for long":               {passive, nil, false, 44, buddy.Stay, false},
		"dead":                                 {passive, nil, false, 45, buddy.TakeOver, false},
		"alive, and its pager is not":          {passive, broken, false, 45, buddy.TakeOver, false},
		"heard after long":                     {passive, good, false, 90, buddy.Stay, false},
		"asked":                                {passive, asked, false, 1, buddy.TakeOver, true},
		"it took something in a short outage":  {passive, good, true, 5, buddy.HandBack, false},
		"and the server is not back":           {passive, nil, true, 5, buddy.Stay, false},
		"active, the server is away":           {active, nil, true, 500, buddy.Stay, false},
		"active, the server came just now":     {active, held, true, 14, buddy.Stay, false},
		"active, the server is good":           {active, held, true, 15, buddy.HandBack, false},
		"active, the server's pager is broken": {active, broken, true, 60, buddy.Stay, false},
		"active as asked":                      {byPlan, asked, true, 900, buddy.Stay, false},
		"active as asked, the server is down":  {byPlan, nil, true, 900, buddy.Stay, false},
		"asked to give back":                   {byPlan, held, true, 1, buddy.HandBack, true},
		"dead, and then asked":                 {active, asked, true, 60, buddy.Stay, false},
	} {
		if step, planned := tt.s.Decide(cfg, tt.b, tt.holds, at(tt.now)); step != tt.want || planned != tt.plan {
			t.Errorf("%s: got %s (planned %t), want %s (%t)", name, step, planned, tt.want, tt.plan)
		}
	}
}

func TestHeardCountsFromTheFirstGoodBeat(t *testing.T) {
	good := &buddy.Beat{Works: true}
	s := buddy.Standing{}.Heard(good, t0).Heard(good, t0.Add(5*time.Second))
	if !s.GoodSince.Equal(t0) || !s.LastGood.Equal(t0.Add(5*time.Second)) {
		t.Errorf("got %+v", s)
	}
	if s = s.Heard(&buddy.Beat{}, t0.Add(6*time.Second)); !s.GoodSince.IsZero() || !s.LastGood.Equal(t0.Add(5*time.Second)) {
		t.Errorf("a broken pager: got %+v", s)
	}
}

func TestOneOfTheTwoPages(t *testing.T) {
	at := func(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }
	known := buddy.Server{Known: true, DeadAfter: 45 * time.Second, Started: t0}
	with := func(change func(*buddy.Server)) buddy.Server { s := known; change(&s); return s }
	for name, tt := range map[string]struct {
		s    buddy.Server
		now  int
		want buddy.Role
	}{
		"no buddy was ever here":              {buddy.Server{Started: t0}, 0, buddy.Active},
		"started, and not told by its buddy":  {known, 14, buddy.HandedOver},
		"started, and its buddy is gone":      {known, 15, buddy.Active},
		"its buddy is passive":                {with(func(s *buddy.Server) { s.Seen, s.Buddy = at(1), buddy.Passive }), 2, buddy.Active},
		"its buddy is active":                 {with(func(s *buddy.Server) { s.Seen, s.Buddy = at(1), buddy.Active }), 40, buddy.HandedOver},
		"its buddy was active and is gone":    {with(func(s *buddy.Server) { s.Seen, s.Buddy = at(1), buddy.Active }), 46, buddy.Active},
		"asked to step back":                  {with(func(s *buddy.Server) { s.Seen, s.Buddy, s.Planned = at(1), buddy.Passive, true }), 2, buddy.HandedOver},
		"asked, and its buddy is gone":        {with(func(s *buddy.Server) { s.Seen, s.Buddy, s.Planned = at(1), buddy.Active, true }), 46, buddy.Active},
		"asked, started again, nothing heard": {with(func(s *buddy.Server) { s.Planned = true }), 30, buddy.HandedOver},
		"and nothing is heard for long":       {with(func(s *buddy.Server) { s.Planned = true }), 45, buddy.Active},
	} {
		if got := tt.s.Role(at(tt.now)); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}

func TestThePageIsOutWithinAMinute(t *testing.T) {
	c := buddy.Config{DeadAfter: buddy.DefaultDeadAfter}
	if err := c.Validate(); err != nil || c.Every() != 5*time.Second || c.Timeout() != 3*time.Second || c.Settled() != 15*time.Second {
		t.Errorf("got %s, %s, %s, %v", c.Every(), c.Timeout(), c.Settled(), err)
	}
	// A heartbeat that times out, then the pause, then the next that times out.
	if worst := c.DeadAfter + c.Every() + 2*c.Timeout(); worst > time.Minute {
		t.Errorf("worst case %s", worst)
	}
	for _, d := range []time.Duration{0, 61 * time.Second} {
		if err := (buddy.Config{DeadAfter: d}).Validate(); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: got %v, want Invalid", d, err)
		}
	}
}
