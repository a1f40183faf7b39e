package alert_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
)

func TestAdoptKeepsWhatPeopleDidAnywhere(t *testing.T) {
	at := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	one := func(change func(*alert.Alert)) alert.Alert {
		a := alert.Alert{ID: "a", Fingerprint: "s/api/r", Source: "s", Service: "api", Rule: "r", Severity: alert.Ticket, Count: 2, OpenedAt: at, LastAt: at}
		change(&a)
		return a
	}
	open := func(*alert.Alert) {}
	acked := func(a *alert.Alert) { a.AckedAt, a.AckedBy = at.Add(time.Minute), "aoi" }
	over := func(a *alert.Alert) { a.ResolvedAt = at.Add(2 * time.Minute) }
	worse := func(a *alert.Alert) { a.Severity = alert.Page }
	for name, tt := range map[string]struct {
		here, in alert.Alert
		state    alert.State
		news     string
	}{
		"new":                 {alert.Alert{}, one(open), alert.Open, "[alert.fired]"},
		"new, and somebody's": {alert.Alert{}, one(acked), alert.Held, "[alert.fired alert.acked]"},
		"new, and over":       {alert.Alert{}, one(func(a *alert.Alert) { acked(a); over(a) }), alert.Resolved, "[alert.fired alert.acked alert.resolved]"},
		"known":               {one(open), one(open), alert.Open, "[]"},
		"acked there":         {one(open), one(acked), alert.Held, "[alert.acked]"},
		"acked here":          {one(acked), one(open), alert.Held, "[]"},
		"over there":          {one(acked), one(over), alert.Resolved, "[alert.resolved]"},
		"over here":           {one(over), one(acked), alert.Resolved, "[]"},
		"it is worse":         {one(open), one(worse), alert.Open, "[alert.raised]"},
	} {
		got, news := tt.here, []string{}
		for _, f := range got.Adopt(tt.in) {
			news = append(news, f.Event.EventName())
		}
		if got.State() != tt.state || fmt.Sprint(news) != tt.news || got.Count != 2 {
			t.Errorf("%s: got %s, %v, ×%d; want %s, %s", name, got.State(), news, got.Count, tt.state, tt.news)
		}
		if more := got.Adopt(tt.in); len(more) > 0 {
			t.Errorf("%s: a second time is news: %v", name, more)
		}
	}
}
