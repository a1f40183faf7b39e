package app

import (
	"context"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/feed"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// askTries is how often the inbox is asked for an alert that is on its way
// there.
const askTries = 5

// askRouted is the question below a message that a route sends to a channel: it
// is about the first alert of the message, and those who read a route have one vote.
func (a *App) askRouted(ctx context.Context, alerts []*amalert.Alert, channel, route string) notify.Ask {
	if len(alerts) == 0 {
		return notify.Ask{}
	}
	for range askTries {
		id, err := a.inboxID(ctx, alerts[0])
		if err != nil {
			a.log.WarnContext(ctx, "a message asks for no judgement", "err", err)
			return notify.Ask{}
		}
		if id != "" {
			return a.ask(id, voter(route), a.cfg.Lang, channel)
		}
		select {
		case <-ctx.Done():
			return notify.Ask{}
		case <-time.After(100 * time.Millisecond):
		}
	}
	return notify.Ask{}
}

// inboxID finds the newest alert of the inbox that an alert of the routes is;
// "" where it is not there yet.
func (a *App) inboxID(ctx context.Context, one *amalert.Alert) (string, error) {
	live := dispatch.Alert{Labels: dispatch.NewSet(one.Labels), StartsAt: one.StartsAt}
	q := alert.Query{Fingerprint: feed.Signal(live, a.now()).Fingerprint(), Limit: 1}
	found, err := a.inbox.Alerts(ctx, q)
	if err != nil || len(found) > 0 {
		return idOf(found), err
	}
	found, err = a.inbox.Alerts(ctx, alert.Query{Rule: string(one.Labels["alertname"]), Service: string(one.Labels["service"]), Source: string(one.Labels["source"]), Limit: 20})
	for i, f := range found {
		if dispatch.NewSet(f.LabelSet()) == live.Labels {
			return idOf(found[i:]), err
		}
	}
	return "", err
}

func idOf(list []alert.Alert) string {
	if len(list) == 0 {
		return ""
	}
	return list[0].ID
}

// voter is who votes for those who read a route: at most 64 bytes, of DNS labels.
func voter(route string) string {
	const most = 64
	name := "route/" + route
	return name[:min(len(name), most)]
}
