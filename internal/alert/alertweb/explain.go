package alertweb

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Told is what routes have to do with an alert: who was told, who is still to be,
// and what holds it back now.
type Told struct {
	Notices     []Notice      `json:"notices" doc:"Messages that told of it, the oldest first."`
	Owed        []OwedTo      `json:"owed" doc:"Who was to be told that it fires and could not be yet."`
	Routes      []RouteStep   `json:"routes" doc:"The nodes of the tree that tell of it."`
	SilencedBy  []SilenceRow  `json:"silenced_by"`
	InhibitedBy []InhibitedBy `json:"inhibited_by"`
}

// OwedTo is a receiver that could not be told yet.
type OwedTo struct {
	Receiver    string    `json:"receiver"`
	Integration string    `json:"integration"`
	Since       time.Time `json:"since"`
	Attempts    int       `json:"attempts"`
	Error       string    `json:"error,omitempty" doc:"Of the last attempt."`
	Next        time.Time `json:"next,omitzero" doc:"When its group is looked at again, at the latest."`
}

// PageEvent is one thing that the on-call room did about it.
type PageEvent struct {
	At   time.Time `json:"at"`
	Name string    `json:"name" doc:"oncall.page_opened, oncall.delivered …"`
	Page string    `json:"page"`
	Who  string    `json:"who,omitempty" doc:"A person's id."`
	How  string    `json:"how,omitempty" doc:"The channel."`
	Said string    `json:"said,omitempty" doc:"An error, or a reason."`
}

// Explained is why an alert is there and who was told when.
type Explained struct {
	Alert    alert.Alert `json:"alert"`
	Playbook string      `json:"playbook,omitempty"`
	First    string      `json:"first_action,omitempty"`
	Told
	Pages []PageEvent `json:"pages" doc:"What the on-call room did, the oldest first."`
}

// told asks the routes about an alert.
func (d Deps) told(ctx context.Context, a alert.Alert) (out Told, err error) {
	set := setOf(a)
	fp := named(set).Fingerprint()
	to := d.Now()
	if a.State() == alert.Resolved {
		to = a.ResolvedAt.Add(24 * time.Hour)
	}
	if out.Notices, err = d.Routes.Notices(ctx, fp, a.OpenedAt.Add(-time.Second), to); err != nil {
		return out, err
	}
	out.Notices, out.Owed = listed(out.Notices), []OwedTo{}
	for _, o := range d.Routes.State.Owed()[fp] {
		out.Owed = append(out.Owed, OwedTo{Receiver: o.Key.Receiver, Integration: o.Key.Integration, Since: o.Since, Attempts: o.Attempts, Error: o.Error, Next: o.Next})
	}
	route := d.explain(set.Strings(), d.Now())
	out.Routes, out.SilencedBy, out.InhibitedBy = []RouteStep{}, route.SilencedBy, route.InhibitedBy
	for _, s := range route.Steps {
		if s.Outcome == "tells" {
			out.Routes = append(out.Routes, s)
		}
	}
	if a.State() == alert.Resolved {
		out.SilencedBy, out.InhibitedBy = []SilenceRow{}, []InhibitedBy{}
	}
	return out, nil
}

// firstAction is the playbook and the first thing to do, as the rule or the sender
// says them.
func firstAction(a alert.Alert) (playbook, first string) {
	for _, n := range []string{"playbook", "runbook_url", "runbook", "playbook_url"} {
		if playbook == "" {
			playbook = a.Annotations[n]
		}
	}
	return playbook, a.Annotations["first_action"]
}

// explained is all of it.
func (d Deps) explained(ctx context.Context, id string) (out Explained, err error) {
	if out.Alert, err = d.Inbox.Alert(ctx, id); err != nil {
		return out, err
	}
	out.Playbook, out.First = firstAction(out.Alert)
	if out.Told, err = d.told(ctx, out.Alert); err != nil {
		return out, err
	}
	out.Pages, err = d.pagesOf(ctx, out.Alert)
	return out, err
}

// pageEvent is what the records of the on-call room may say.
type pageEvent struct {
	Page    string   `json:"page"`
	Alert   string   `json:"alert"`
	Person  string   `json:"person"`
	By      string   `json:"by"`
	People  []string `json:"people"`
	Channel string   `json:"channel"`
	Error   string   `json:"error"`
	Reason  string   `json:"reason"`
}

// pagesOf are the records of the pages that an alert opened or joined.
func (d Deps) pagesOf(ctx context.Context, a alert.Alert) ([]PageEvent, error) {
	opened, err := d.Events.Events(ctx, event.Query{Names: []string{"oncall.page_opened", "oncall.alert_joined"}, Text: a.ID, From: a.OpenedAt.Add(-time.Minute)})
	if err != nil {
		return nil, err
	}
	var subjects []string
	for _, r := range opened {
		if p := read(r); p.Alert == a.ID && p.Page != "" && !slices.Contains(subjects, "page/"+p.Page) {
			subjects = append(subjects, "page/"+p.Page)
		}
	}
	out := []PageEvent{}
	if len(subjects) == 0 {
		return out, nil
	}
	records, err := d.Events.Events(ctx, event.Query{Subjects: subjects})
	for _, r := range records {
		p := read(r)
		e := PageEvent{At: r.At, Name: r.Name, Page: p.Page, Who: p.Person, How: p.Channel, Said: p.Error + p.Reason}
		if e.Who == "" {
			e.Who = p.By
		}
		if e.Who == "" && len(p.People) > 0 {
			e.Who = p.People[0]
		}
		out = append(out, e)
	}
	return out, err
}

func read(r event.Record) (p pageEvent) {
	_ = json.Unmarshal(r.Payload, &p) // a payload of another version tells less
	return p
}
