package app

import (
	"context"
	"errors"
	"sync"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/canary"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/feed"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// heldPages are the alerts that would wake somebody and do not, because a
// silence or another alert holds them back.
type heldPages struct {
	mu     sync.Mutex
	ids    map[string]bool
	looked bool // what was open before the start has been looked at
}

func (h *heldPages) note(id string, held bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = map[string]bool{}
	}
	if held {
		h.ids[id] = true
	} else {
		delete(h.ids, id)
	}
}

func (h *heldPages) list() (ids []string, looked bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.ids {
		ids = append(ids, id)
	}
	return ids, h.looked
}

// looking says whether what is open has been looked at. At the beginning, and of
// whoever begins to lead, it has not: what another held back is not known here.
func (h *heldPages) looking(done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.looked = done; !done {
		h.ids = nil
	}
}

// liveSet is an alert of the inbox as routes and silences see it.
func liveSet(one alert.Alert) dispatch.Set {
	if one.Source == feed.Source {
		return dispatch.NewSet(one.Labels)
	}
	return dispatch.NewSet(one.LabelSet())
}

// pageUnlessHeld has people on call paged for an alert, unless something holds
// it back; then they are paged when nothing does any more.
func (a *App) pageUnlessHeld(ctx context.Context, alertID string) error {
	one, err := a.inbox.Alert(ctx, alertID)
	if err != nil {
		return err
	}
	if one.Severity != alert.Page || one.State() == alert.Resolved || canary.Is(one) {
		a.held.note(alertID, false)
		return nil
	}
	by := a.routing.state.HeldBy(liveSet(one), a.now())
	held := len(by.Silences)+len(by.By) > 0
	a.held.note(alertID, held)
	if held {
		a.log.InfoContext(ctx, "nobody is paged while it is held back", "alert", alertID, "silences", by.Silences, "inhibited", len(by.By) > 0)
		return nil
	}
	return a.pager.AlertFired(ctx, alertID)
}

const heldLooked = 500 // open alerts that are looked at after a start

// pageReleased pages for what is not held back any more. After a start it looks
// at all that is open, because what was held back is not on disk; to page again
// for what was paged is no news.
func (a *App) pageReleased(ctx context.Context) error {
	ids, looked := a.held.list()
	if !looked {
		open, err := a.inbox.Alerts(ctx, alert.Query{State: alert.Open, Severity: alert.Page, Limit: heldLooked})
		if err != nil {
			return err
		}
		for _, one := range open {
			ids = append(ids, one.ID)
		}
	}
	var failed []error
	for _, id := range ids {
		err := a.pageUnlessHeld(ctx, id)
		if errs.KindOf(err) == errs.NotFound && err != nil {
			a.held.note(id, false) // it is kept no more
			continue
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) == 0 {
		a.held.looking(true)
	}
	return errors.Join(failed...)
}
