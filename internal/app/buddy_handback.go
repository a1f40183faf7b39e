package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/buddy"
	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/platform/event"
)

const handChunk = 100 // pages, or alerts, of one batch

// handBack gives the server all that the buddy took, and steps back. Senders wait
// meanwhile: what they post is taken by one of the two, and by no more. Where it
// fails the buddy goes on as it was; what was taken twice folds.
func (s *standby) handBack(ctx context.Context) error {
	s.doors.Lock()
	defer s.doors.Unlock()
	s.hand(true)
	defer s.hand(false)
	if err := s.app.pager.Drain(ctx, 0); err != nil {
		return fmt.Errorf("hand back: %w", err)
	}
	batches, pages, alerts, err := s.collect(ctx)
	if err != nil {
		return fmt.Errorf("hand back: %w", err)
	}
	stand := s.standing()
	if stand.Role != buddy.Active && len(pages)+len(alerts) == 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dirty = false
		return nil
	}
	for _, b := range batches {
		if err := s.send(ctx, b); err != nil {
			return fmt.Errorf("hand back: %w", err)
		}
	}
	now := s.app.now()
	if err := s.kept.HandOn(ctx, pages, alerts, now); err != nil {
		return fmt.Errorf("note what was handed back: %w", err)
	}
	if err := s.alerts.HandedOn(ctx, alerts, now); err != nil {
		return fmt.Errorf("note what was handed back: %w", err)
	}
	s.app.log.InfoContext(ctx, "handed back: the server pages", "pages", len(pages), "alerts", len(alerts))
	stand.Role, stand.Planned, stand.DeadSince = buddy.Passive, false, stand.LastGood
	if err := s.become(ctx, stand); err != nil {
		return err
	}
	s.mu.Lock()
	s.dirty = len(pages) >= planPages || len(alerts) >= planAlerts // the rest follows
	s.mu.Unlock()
	fact := event.Fact{Event: batches[len(batches)-1].Counts, At: now, Subject: "buddy", Actor: "buddy", Source: "oncall"}
	return s.app.Publish(ctx, fact)
}

// hand stops the rounds of the pager, or lets them go on.
func (s *standby) hand(on bool) {
	s.rounds.Lock()
	defer s.rounds.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handing = on
}

// collect is all that was taken since the server paged last, in batches: pages
// first, and who has what at the end.
func (s *standby) collect(ctx context.Context) (batches []buddy.Batch, pageIDs, alertIDs []string, err error) {
	hadPages, err := s.kept.Handed(ctx, oncalldb.HandedPage)
	if err != nil {
		return nil, nil, nil, err
	}
	hadAlerts, err := s.kept.Handed(ctx, oncalldb.HandedAlert)
	if err != nil {
		return nil, nil, nil, err
	}
	// Alerts first: whatever a page has done after that, it has done for them too.
	alerts, err := s.allAlerts(ctx, alert.Query{}, hadAlerts)
	if err != nil {
		return nil, nil, nil, err
	}
	pages, err := s.allPages(ctx, oncall.PageQuery{}, hadPages)
	if err != nil {
		return nil, nil, nil, err
	}
	stand := s.standing()
	last := buddy.Batch{Last: true, Since: stand.Since, WasActive: stand.Role == buddy.Active, Planned: stand.Planned, TookOverAt: stand.Since}
	last.Counts = buddy.HandedBack{Since: stand.Since, Planned: stand.Planned, Alerts: len(alerts), Pages: len(pages)}
	for _, p := range pages {
		pageIDs = append(pageIDs, p.ID)
		last.Counts.Deliveries += len(p.Ledger)
		if p.State == oncall.Answered {
			last.Acks = append(last.Acks, p.Acknowledged())
		}
	}
	for _, a := range alerts {
		alertIDs = append(alertIDs, a.ID)
	}
	for len(pages) > 0 {
		n := min(handChunk, len(pages))
		batches, pages = append(batches, buddy.Batch{Pages: pages[:n]}), pages[n:]
	}
	for len(alerts) > 0 {
		n := min(handChunk, len(alerts))
		batches, alerts = append(batches, buddy.Batch{Alerts: alerts[:n]}), alerts[n:]
	}
	return append(batches, last), pageIDs, alertIDs, nil
}

func (s *standby) send(ctx context.Context, b buddy.Batch) error {
	body, err := json.Marshal(b)
	if err != nil {
		return err
	}
	text, nonce, err := s.call(ctx, s.client, http.MethodPost, "/api/v1/buddy/handover", body)
	if err != nil {
		return err
	}
	_, err = readBeat(s.keys, text, nonce)
	return err
}
