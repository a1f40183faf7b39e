package ingest

import (
	"context"
	"strings"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Verb is what a sender asks for an alert that is there.
type Verb string

// The verbs.
const (
	Acknowledge   Verb = "acknowledge"
	Unacknowledge Verb = "unacknowledge"
	Close         Verb = "close"
	Retell        Verb = "retell" // say it in other words, or more of it
)

// By is how a sender names an alert.
type By string

// The ways to name one.
const (
	ByAlias By = "alias" // the sender's own key
	ByID    By = "id"    // the alert's
	ByTiny  By = "tiny"  // the number that [TinyID] makes of it
)

// Act is one thing to be done with an alert that is there.
type Act struct {
	Verb        Verb
	By          By
	Of          string
	Why         string            // of Close: what the end is told with
	Summary     string            // of Retell
	Annotations map[string]string // of Retell
	Append      bool              // of Retell: the annotations go on where they were
}

// Lookup returns the alert of src that is named so: the open one, or else the
// last. NotFound where src has none.
func (r *Registry) Lookup(ctx context.Context, src Source, by By, of string) (alert.Alert, error) {
	none := errs.New(errs.NotFound, "there is no alert with the %s %q", by, clip(clean(of), 100))
	var found []alert.Alert
	switch by {
	case ByID:
		a, err := r.Inbox.Alert(ctx, of)
		if err == nil && a.Source != src.Name {
			err = none
		}
		return a, err
	case ByTiny:
		all, err := r.Inbox.Alerts(ctx, alert.Query{Source: src.Name, Limit: 500})
		if err != nil {
			return alert.Alert{}, err
		}
		for _, a := range all {
			if TinyID(a.ID) == of {
				found = append(found, a)
			}
		}
	case ByAlias:
		pinned, err := r.Store.Pin(ctx, []alert.Signal{{Source: src.Name, Key: tidy(alert.Signal{Key: of}).Key}})
		if err != nil {
			return alert.Alert{}, err
		}
		if found, err = r.Inbox.Alerts(ctx, alert.Query{Fingerprint: pinned[0].Fingerprint(), Limit: 1}); err != nil {
			return alert.Alert{}, err
		}
	}
	if len(found) == 0 {
		return alert.Alert{}, none
	}
	return found[0], nil
}

// Listed are the alerts of src that q asks for, the newest first.
func (r *Registry) Listed(ctx context.Context, src Source, q alert.Query) ([]alert.Alert, error) {
	q.Source = src.Name
	return r.Inbox.Alerts(ctx, q)
}

// act does one thing with an alert. One that nobody knows, or that is over, is no
// error: so PagerDuty and Opsgenie have it.
func (r *Registry) act(ctx context.Context, src Source, act Act, out *Receipt) error {
	a, err := r.Lookup(ctx, src, act.By, act.Of)
	if err == nil && a.State() == alert.Resolved {
		err = errs.New(errs.Conflict, "it is resolved already")
	}
	if err == nil {
		a, err = r.do(ctx, src, act, a)
	}
	switch {
	case errs.KindOf(err) == errs.NotFound || errs.KindOf(err) == errs.Conflict:
		out.Notes = append(out.Notes, "nothing open has this key")
		return nil
	case errs.Permanent(err):
		out.Refused = append(out.Refused, Refusal{Reason: clip(clean(err.Error()), 500)})
		return nil
	case err != nil:
		return err
	}
	out.Taken++
	out.Alerts = append(out.Alerts, a.ID)
	return nil
}

func (r *Registry) do(ctx context.Context, src Source, act Act, a alert.Alert) (alert.Alert, error) {
	switch act.Verb {
	case Acknowledge:
		return r.Inbox.Ack(ctx, a.ID, src.Name, string(src.Kind))
	case Unacknowledge:
		return r.Inbox.Unack(ctx, a.ID, src.Name, string(src.Kind))
	case Retell:
		notes := cleanMap(act.Annotations)
		for k, v := range notes {
			if was := a.Annotations[k]; act.Append && was != "" {
				notes[k] = clip(v+"\n"+was, 6<<10)
			}
		}
		return r.Inbox.Retell(ctx, a.ID, clip(clean(strings.TrimSpace(act.Summary)), 4096), notes)
	case Close:
		now := r.Now().UTC()
		s := alert.Signal{
			ID: signalID(src.Name, "close", a.ID), Source: a.Source, Service: a.Service, Rule: a.Rule, Severity: a.Severity,
			Key: strings.TrimPrefix(a.Fingerprint, alert.Signal{Source: a.Source, Service: a.Service, Rule: a.Rule}.Fingerprint()+"/"), At: now, Summary: act.Why,
		}
		if s.Key == a.Fingerprint {
			s.Key = "" // it never had one
		}
		taken, err := r.Inbox.TakeAll(ctx, []alert.Signal{tidy(s)})
		if err != nil {
			return a, err
		}
		return a, taken[0].Err
	}
	return a, errs.New(errs.Invalid, "%q cannot be done", act.Verb)
}

// episodes names signals of kinds whose senders have no id for what they say, by
// the end that came before them. Repeats are told by their minute, so that a
// request that is sent again counts once; what fires again after its end is no
// repeat, however soon it comes.
func (r *Registry) episodes(ctx context.Context, src Source, signals []alert.Signal) ([]alert.Signal, error) {
	if src.Kind != PagerDuty && src.Kind != Opsgenie {
		return signals, nil
	}
	for i, s := range signals {
		over, err := r.Inbox.Alerts(ctx, alert.Query{Fingerprint: s.Fingerprint(), State: alert.Resolved, Limit: 1})
		if err != nil {
			return nil, err
		}
		if s.Firing && len(over) > 0 {
			signals[i].ID = signalID(s.ID, over[0].ID)
		}
	}
	return signals, nil
}
