package app

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/hookout"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
	"github.com/hinoban/hinoban/internal/platform/run"
)

// HookState is how the webhook subscriptions stand.
type HookState struct {
	Hooks []HookStanding `json:"hooks"`
}

// HookStanding is how one subscription stands.
type HookStanding struct {
	hookout.Standing
	Signed bool           `json:"signed"`
	Events []hookout.Type `json:"events,omitempty" doc:"Nothing means all."`
}

// wireHookout is the part of the room oncall that tells other programs. Its tables
// are the room's.
func (a *App) wireHookout() module.Module {
	client := httpc.New(httpc.Options{Timeout: hookout.Timeout, AllowPrivate: a.cfg.Webhook.AllowPrivate})
	a.hooks = hookout.New(oncalldb.NewHooks(a.db, a.bus), hookout.Asks{
		Page: func(ctx context.Context, id string) (oncall.Page, error) {
			p, _, err := a.pager.Page(ctx, id)
			return p, err
		},
		Before: a.beforeOnPage, Called: a.calledFirst, Catalog: a.catalog,
		Post: func(ctx context.Context, s hookout.Subscription, m hookout.Message) hookout.Outcome {
			return postHook(ctx, client, s, m, a.now)
		},
	}, a.cfg.BaseURL, a.now, id.New)
	m := module.Module{
		Name:    "oncall.hooks",
		Workers: []run.Worker{a.hookSender()},
		Loops:   []run.Loop{{Name: "oncall.hooks.prune", Every: time.Hour, Do: a.hooks.Prune}},
		API: func(api *httpd.API) {
			httpd.Get(api, "/api/v1/oncall/hooks", httpd.Op{ID: "list-hooks", Tag: "oncall", Summary: "How the webhook subscriptions stand"}, a.hookState)
		},
	}
	for _, name := range hookout.Heard() {
		m.On = append(m.On, bus.Handler{Event: name, Handle: a.hooks.Hear})
	}
	return m
}

// hookSender sends what is due and, when it is told to stop, waits for what is in
// hand.
func (a *App) hookSender() run.Worker {
	loop := run.Loop{Name: "oncall.hooks.send", Every: time.Second, Wake: a.bus.Changed, Gap: 20 * time.Millisecond, Do: a.hooks.Send}.Worker(a.log, a.telemetry, a.now)
	return run.Worker{Name: loop.Name, Run: func(ctx context.Context) error {
		err := loop.Run(ctx)
		a.hooks.Drain()
		return err
	}}
}

// beforeOnPage is the last event of a page before seq that subscriptions may be told.
func (a *App) beforeOnPage(ctx context.Context, page string, seq int64) (*event.Record, error) {
	found, err := a.bus.Events(ctx, event.Query{Subjects: []string{oncall.Subject(page)}, Names: hookout.Heard(), Before: seq, Newest: true, Limit: 1})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// calledFirst are those whom the first step for a service tells.
func (a *App) calledFirst(ctx context.Context, service string, at time.Time) (out []string) {
	calls, err := a.pager.Simulate(ctx, service, "", at)
	if err != nil {
		return nil // nobody is called: no escalation covers the service
	}
	for _, c := range calls {
		if c.Step == 0 && !slices.Contains(out, c.Person) {
			out = append(out, c.Person)
		}
	}
	return out
}

// postHook hands a message over as PagerDuty does.
func postHook(ctx context.Context, client *http.Client, s hookout.Subscription, m hookout.Message, now func() time.Time) hookout.Outcome {
	h := http.Header{"Content-Type": {"application/json"}, "X-Webhook-Id": {m.ID}, "X-Webhook-Subscription": {s.Name}}
	if s.SecretEnv != "" {
		secret := os.Getenv(s.SecretEnv)
		if secret == "" {
			return hookout.Outcome{Err: errs.New(errs.Unavailable, "the environment variable %s, which has the secret, is empty: nothing is sent unsigned", s.SecretEnv)}
		}
		h.Set("X-PagerDuty-Signature", hookout.Signature(secret, m.Body))
	}
	ans, err := httpsend.Post(ctx, client, s.URL, h, m.Body)
	if err != nil {
		return hookout.Outcome{Err: err}
	}
	return hookout.Outcome{Status: ans.Status, Wait: ans.Wait(now()), Err: ans.Err(now(), "")}
}

func (a *App) hookState(ctx context.Context, _ *struct{}) (HookState, error) {
	all, err := a.hooks.Standing(ctx)
	if err != nil {
		return HookState{}, err
	}
	known := map[string]hookout.Standing{}
	for _, s := range all {
		known[s.Subscription] = s
	}
	out := HookState{Hooks: []HookStanding{}}
	for name, sub := range a.hooks.Subscriptions() {
		s := known[name]
		s.Subscription = name
		out.Hooks = append(out.Hooks, HookStanding{Standing: s, Signed: sub.SecretEnv != "", Events: sub.Events})
	}
	slices.SortFunc(out.Hooks, func(a, b HookStanding) int { return cmp.Compare(a.Subscription, b.Subscription) })
	return out, nil
}
