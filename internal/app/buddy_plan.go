package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/buddy"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify/webpush"
)

// What a plan holds at most.
const (
	planPages  = 2000
	planAlerts = 20_000
	planChunk  = 500
)

// makePlan is the server's plan as of now. Its version is read first: what comes
// in meanwhile makes the next one.
func (s *pairedServer) makePlan(ctx context.Context) (p buddy.Plan, err error) {
	now := s.app.now().UTC()
	if p.Version, err = s.version(ctx); err != nil {
		return p, err
	}
	if p.Server, err = serverID(s.app.cfg.Data); err != nil {
		return p, err
	}
	p.URL, p.Made, p.Files, p.Keys = s.app.cfg.BaseURL, now, s.app.config.Set().Files, map[string][]byte{}
	for _, purpose := range sharedKeys() {
		p.Keys[purpose] = s.app.derive(purpose)
	}
	if p.Adjustments, err = s.kept.Adjustments(ctx, now.Add(-buddy.PlanBack), now.Add(buddy.PlanAhead)); err != nil {
		return p, err
	}
	if p.Sources, err = s.app.carriedOut(ctx); err != nil {
		return p, err
	}
	for _, v := range s.app.routing.state.Silences(now) {
		doc, err := json.Marshal(v)
		if err != nil {
			return p, err
		}
		p.Silences = append(p.Silences, doc)
	}
	subscribers, err := oncalldb.NewSubscriptions(s.app.db).All(ctx)
	if err != nil {
		return p, err
	}
	for _, v := range subscribers {
		p.Subscriptions = append(p.Subscriptions, buddy.Subscription{Person: v.Person, Agent: v.Agent, Endpoint: v.Endpoint, P256DH: v.P256DH, Auth: v.Auth, At: v.At})
	}
	if p.Pages, err = s.allPages(ctx, oncall.PageQuery{Open: true}, nil); err != nil {
		return p, err
	}
	if p.Alerts, err = s.allAlerts(ctx, alert.Query{Unresolved: true}, nil); err != nil {
		return p, err
	}
	err = s.change(ctx, func() error {
		// It grows over restarts and where the clock is set back.
		s.sequence = max(s.sequence+1, now.UnixMicro())
		p.Sequence = s.sequence
		return nil
	})
	return p, err
}

// carriedOut are the sources as a plan has them.
func (a *App) carriedOut(ctx context.Context) (out []buddy.Source, err error) {
	all, err := a.sources.Export(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		doc, err := json.Marshal(c.Source)
		if err != nil {
			return nil, err
		}
		out = append(out, buddy.Source{Doc: doc, Key: c.Keys.Key, Secret: c.Keys.Secret})
	}
	return out, nil
}

// allPages are pages with their ledgers, without those in but.
func (p *pair) allPages(ctx context.Context, q oncall.PageQuery, but map[string]bool) (out []buddy.Page, err error) {
	for len(out) < planPages {
		q.Limit = planChunk
		list, err := p.kept.Pages(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list pages: %w", err)
		}
		for _, one := range list {
			q.Before = one.ID
			if but[one.ID] {
				continue
			}
			page, ledger, err := p.kept.Page(ctx, one.ID)
			if err != nil {
				return nil, fmt.Errorf("read page %s: %w", one.ID, err)
			}
			out = append(out, buddy.Page{Page: page, Ledger: buddy.Rows(ledger)})
		}
		if len(list) < planChunk {
			break
		}
	}
	return out, nil
}

// allAlerts are alerts with the ids of their signals, without those in but.
func (p *pair) allAlerts(ctx context.Context, q alert.Query, but map[string]bool) (out []buddy.Alert, err error) {
	for len(out) < planAlerts {
		q.Limit = planChunk
		list, err := p.app.inbox.Alerts(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list alerts: %w", err)
		}
		for _, one := range list {
			q.Before = one.ID
			if but[one.ID] {
				continue
			}
			signals, err := p.alerts.SignalsOf(ctx, one.ID)
			if err != nil {
				return nil, fmt.Errorf("read the signals of %s: %w", one.ID, err)
			}
			out = append(out, buddy.Alert{Alert: one, Signals: signals})
		}
		if len(list) < planChunk {
			break
		}
	}
	return out, nil
}

// adopt takes over pages, then their alerts, from the other host: who was called
// is known before the alert can call anybody. It returns the alerts that are to
// fire again.
func (a *App) adopt(ctx context.Context, p *pair, pages []buddy.Page, alerts []buddy.Alert) (again []string, err error) {
	for _, one := range pages {
		more, err := p.kept.AdoptPage(ctx, one.Page, one.Deliveries(), a.pager.PolicyOf(ctx, one.Page), a.now())
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", one.ID, err)
		}
		again = append(again, more...)
	}
	for _, one := range alerts {
		got, err := p.alerts.Adopt(ctx, one.Alert, one.Signals)
		if err != nil {
			return nil, fmt.Errorf("alert %s: %w", one.ID, err)
		}
		if got.ID == one.ID {
			continue
		}
		// It is known here by another id: so it is on its page.
		if err := p.kept.RenameAlert(ctx, got.Service, one.ID, got.ID); err != nil {
			return nil, fmt.Errorf("alert %s of its page: %w", one.ID, err)
		}
	}
	return again, nil
}

// adopted does what follows when all is here: alerts of answered pages are their
// people's, and what nobody was called for calls.
func (a *App) adopted(ctx context.Context, acks []oncall.PageAcked, again []string) error {
	for _, ev := range acks {
		if err := a.pager.PageAcked(ctx, ev); err != nil && !errs.Permanent(err) {
			return err
		}
	}
	for _, id := range again {
		if err := a.pageUnlessHeld(ctx, id); err != nil && !errs.Permanent(err) {
			return err
		}
	}
	return nil
}

// usePlan puts the plan that a buddy holds to work.
func (s *standby) usePlan(ctx context.Context) error {
	p := s.held()
	sum, err := usedSum(p)
	if err != nil || sum == s.used {
		return err
	}
	set, problems := ascode.Parse(p.Files, Kinds())
	built, more := build(set)
	if problems = append(problems, more...); len(problems) > 0 {
		return errs.New(errs.Invalid, "the server's documents are not understood here: is this the same version? %s", problems[0])
	}
	if s.app.config.Set().Sum() != set.Sum() {
		s.app.config.usePaging(ctx, set, built, s.app.cfg.Buddy.Policy)
	}
	if err := s.kept.ReplaceAdjustments(ctx, p.Adjustments); err != nil {
		return fmt.Errorf("use the plan's adjustments: %w", err)
	}
	var subscribers []oncalldb.Subscriber
	for _, v := range p.Subscriptions {
		subscribers = append(subscribers, oncalldb.Subscriber{Subscription: webpush.Subscription{Endpoint: v.Endpoint, P256DH: v.P256DH, Auth: v.Auth}, Person: v.Person, Agent: v.Agent, At: v.At})
	}
	if err := oncalldb.NewSubscriptions(s.app.db).Replace(ctx, subscribers); err != nil {
		return fmt.Errorf("use the plan's subscriptions: %w", err)
	}
	if err := s.useSenders(ctx, p); err != nil {
		return err
	}
	s.used = sum
	return s.app.pager.Refresh(ctx)
}

// useSenders puts the plan's sources and silences to work.
func (s *standby) useSenders(ctx context.Context, p buddy.Plan) error {
	var carried []ingest.Carried
	for _, v := range p.Sources {
		c := ingest.Carried{Keys: ingest.Keys{Key: v.Key, Secret: v.Secret}}
		if err := json.Unmarshal(v.Doc, &c.Source); err != nil {
			return errs.New(errs.Invalid, "read a source of the plan: %w", err)
		}
		carried = append(carried, c)
	}
	if err := s.app.sources.Import(ctx, carried); err != nil {
		return fmt.Errorf("use the plan's sources: %w", err)
	}
	for _, doc := range p.Silences {
		var v dispatch.Silence
		if err := json.Unmarshal(doc, &v); err != nil {
			return errs.New(errs.Invalid, "read a silence of the plan: %w", err)
		}
		if err := s.app.routing.state.SetSilence(v); err != nil {
			return fmt.Errorf("use silence %s: %w", v.ID, err)
		}
	}
	return nil
}

// usedSum names what of a plan is put to work when it comes.
func usedSum(p buddy.Plan) (string, error) {
	text, err := json.Marshal(buddy.Plan{Files: p.Files, Adjustments: p.Adjustments, Sources: p.Sources, Silences: p.Silences, Subscriptions: p.Subscriptions})
	return buddy.BodySum(text), err
}

// usePaging puts to work of a set what paging needs, and nothing else.
func (c *configRoom) usePaging(ctx context.Context, set *ascode.Set, p plans, policy string) {
	c.app.catalog.Replace(p.catalog)
	plan := p.oncall
	if policy != "" {
		if _, ok := plan.Policy(policy); !ok {
			c.log.WarnContext(ctx, "the policy for a dead pager is not in the plan: the default policy tells", "policy", policy)
		}
		plan = plan.Prefer(policy, deadService)
	}
	if err := c.app.pager.Replace(ctx, plan); err != nil {
		c.log.ErrorContext(ctx, "rotas are in use without what they were before", "err", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set = set
}

const deadService = "hinoban"

func (a *App) deadSignal(since time.Time) alert.Signal {
	return alert.Signal{
		ID: "buddy/dead/" + strconv.FormatInt(since.UnixMicro(), 10), Firing: true, Source: "buddy", Service: deadService, Rule: "pager-dead", Severity: alert.Page, At: a.now().UTC(),
	}
}

// pagerDead is the alert that the server is dead.
func (a *App) pagerDead(since, heard time.Time, url string) alert.Signal {
	s := a.deadSignal(since)
	at := heard.UTC().Format("2006-01-02 15:04:05 UTC")
	s.Summary, s.URL = "our pager is dead: "+url+", since "+at+"; its buddy pages", url
	if a.cfg.Lang == "ja" {
		s.Summary = "ページャーが停止しています (our pager is dead): " + url + "、" + at + " から。予備機が通知します"
	}
	return s
}

// pagerLives ends it.
func (a *App) pagerLives(since time.Time) alert.Signal {
	s := a.deadSignal(since)
	s.ID, s.Firing, s.Summary = s.ID+"/over", false, "our pager lives again"
	return s
}
