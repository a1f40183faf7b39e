package sloweb

import (
	"context"
	"net/http"
	"time"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo/change"
	"github.com/hinoban/hinoban/internal/slo/correction"
	"github.com/hinoban/hinoban/internal/slo/ledger"
	"github.com/hinoban/hinoban/internal/slo/period"
	"github.com/hinoban/hinoban/internal/slo/policy"
	"github.com/hinoban/hinoban/internal/slo/review"
)

// Recorder publishes facts that have no state of their own.
type Recorder interface {
	Record(ctx context.Context, facts ...event.Fact) error
}

// Governed is what governs objectives: the gate, the corrections, the reviews.
type Governed struct {
	Gate        *policy.Gate
	Corrections *correction.Book
	Recorder    Recorder
	Services    policy.Services
	Ledger      *ledger.Keeper
	Reviews     *review.Desk
	People      func(ctx context.Context) []webkit.Choice // as whom to act, where nobody signs in
	// Sender finds who has a routing key of PagerDuty's protocol: its name, and the
	// service of what says none. Nil: nobody has one.
	Sender func(ctx context.Context, key string) (name, service string, ok bool)
}

// PolicyAPI registers the operations on policies, corrections and changes.
func PolicyAPI(a *httpd.API, d Deps) {
	w := open(d)
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "gate", Summary: summary} }
	ingest := func(o httpd.Op) httpd.Op {
		o.Access = httpd.Ingest
		return o
	}
	httpd.Post(a, "/api/v1/gate", ingest(op("check-gate", "May this be changed now? allow, warn or block, with the reason; the answer is recorded")), w.gate)
	httpd.Get(a, "/api/v1/gate", op("list-gate", "How the budgets of each service stand, and under which policy"), w.gates)
	httpd.Get(a, "/api/v1/gate/overrides", op("list-gate-overrides", "Overrides in force"), w.overrides)
	httpd.Post(a, "/api/v1/gate/overrides", op("override-gate", "Let changes of a service through for a while; the caller is the approver"), w.override)
	httpd.Delete(a, "/api/v1/gate/overrides/{id}", op("revoke-gate-override", "End an override now"), w.revoke)
	httpd.Post(a, "/api/v1/changes", ingest(httpd.Op{ID: "record-change", Tag: "gate", Summary: "Record a deploy, a configuration or a feature flag, so that pages can mark it", Status: http.StatusAccepted}), w.recordChange)
	httpd.Get(a, "/api/v1/slos/{id}/corrections", op("list-corrections", "Stretches of time that do not count for an objective"), w.corrections)
	httpd.Post(a, "/api/v1/slos/{id}/corrections", op("correct-slo", "Take a stretch of time out of a budget, once or by a rule; it may be past"), w.correct)
	httpd.Delete(a, "/api/v1/slos/{id}/corrections/{key}", op("remove-correction", "Have a stretch of time count again"), w.uncorrect)
}

type checkGateIn struct {
	Body struct {
		Service string `json:"service" minLength:"1" maxLength:"63" doc:"A service of the catalog."`
		Class   string `json:"change_class" pattern:"^[a-z0-9]([-a-z0-9_]{0,62}[a-z0-9])?$" doc:"Such as feature, fix, config, security."`
		Summary string `json:"summary,omitempty" maxLength:"1024"`
		URL     string `json:"url,omitempty" maxLength:"2048"`
		DryRun  bool   `json:"dry_run,omitempty" doc:"Answer and record nothing."`
	}
}

func (w *door) gate(ctx context.Context, in *checkGateIn) (policy.Verdict, error) {
	c := policy.Change{Service: in.Body.Service, Class: in.Body.Class, Summary: in.Body.Summary, URL: in.Body.URL, By: auth.Actor(ctx, ""), At: w.Now().UTC()}
	if in.Body.DryRun {
		return w.Governed.Gate.Try(ctx, c)
	}
	return w.Governed.Gate.Check(ctx, c)
}

// Gates is every service that promises something.
type Gates struct {
	Services []GateState `json:"services"`
}

// GateState is how the budgets of a service stand.
type GateState struct {
	policy.Standing

	Policy string `json:"policy"`
}

func (w *door) gates(ctx context.Context, _ *struct{}) (Gates, error) {
	all, err := w.Governed.Gate.Standings(ctx)
	out := Gates{Services: []GateState{}}
	for _, s := range all {
		p, perr := w.Governed.Gate.PolicyFor(ctx, s.Service)
		if perr == nil {
			out.Services = append(out.Services, GateState{s, p.ID})
		}
	}
	return out, err
}

// Overridden is a list of overrides.
type Overridden struct {
	Overrides []policy.Override `json:"overrides"`
}

type overridesIn struct {
	Service string `query:"service" maxLength:"63"`
}

func (w *door) overrides(ctx context.Context, in *overridesIn) (Overridden, error) {
	all, err := w.Governed.Gate.Overrides(ctx, in.Service)
	return Overridden{append([]policy.Override{}, all...)}, err
}

type overrideGateIn struct {
	Body struct {
		Service string    `json:"service" minLength:"1" maxLength:"63"`
		Class   string    `json:"change_class,omitempty" default:"*" maxLength:"64" doc:"The class that is let through; * is every one."`
		Reason  string    `json:"reason" minLength:"1" maxLength:"1000"`
		Expires time.Time `json:"expires" doc:"When it ends; the policy says how far away that may be."`
		As      string    `json:"as,omitempty" maxLength:"64" doc:"The approver, where authentication is off."`
	}
}

func (w *door) override(ctx context.Context, in *overrideGateIn) (policy.Override, error) {
	b := in.Body
	return w.Governed.Gate.Override(ctx, policy.Override{
		Service: b.Service, Class: b.Class, Reason: b.Reason, Expires: b.Expires, Approver: auth.Actor(ctx, b.As),
	}, "api")
}

type revokeIn struct {
	ID string `path:"id" maxLength:"64"`
	As string `query:"as" maxLength:"64" doc:"Who ends it, where authentication is off."`
}

func (w *door) revoke(ctx context.Context, in *revokeIn) (struct{}, error) {
	return struct{}{}, w.Governed.Gate.Revoke(ctx, in.ID, auth.Actor(ctx, in.As), "api")
}

type recordChangeIn struct {
	Body struct {
		Service string    `json:"service" minLength:"1" maxLength:"63" doc:"A service of the catalog."`
		Kind    string    `json:"kind,omitempty" enum:"deploy,config,feature_flag,migration,infrastructure,other" default:"deploy"`
		Summary string    `json:"summary" minLength:"1" maxLength:"1024"`
		URL     string    `json:"url,omitempty" maxLength:"2048"`
		Actor   string    `json:"actor,omitempty" maxLength:"200" doc:"Who changed it, in the sender's words."`
		At      time.Time `json:"at,omitzero" doc:"When it took effect; nothing means now."`
	}
}

// ChangeTaken says that a change is in the log.
type ChangeTaken struct {
	Service string    `json:"service"`
	At      time.Time `json:"at"`
}

func (w *door) recordChange(ctx context.Context, in *recordChangeIn) (ChangeTaken, error) {
	b := in.Body
	if _, err := w.Governed.Services.Service(ctx, b.Service); err != nil {
		return ChangeTaken{}, err
	}
	at := b.At
	if at.IsZero() {
		at = w.Now()
	}
	r := change.Recorded{Service: b.Service, Kind: b.Kind, Summary: b.Summary, URL: b.URL, By: b.Actor}
	return w.recordFact(ctx, r, at, "api")
}

func (w *door) recordFact(ctx context.Context, r change.Recorded, at time.Time, source string) (ChangeTaken, error) {
	return w.recordBy(ctx, r, at, "person/"+auth.Actor(ctx, ""), source)
}

func (w *door) recordBy(ctx context.Context, r change.Recorded, at time.Time, actor, source string) (ChangeTaken, error) {
	fact, err := change.Fact(r, at, w.Now(), actor, source)
	if err != nil {
		return ChangeTaken{}, errs.New(errs.Invalid, "%w", err)
	}
	return ChangeTaken{r.Service, fact.At}, w.Governed.Recorder.Record(ctx, fact)
}

// Correction is a stretch of time that does not count.
type Correction struct {
	ID       string    `json:"id"`
	Start    time.Time `json:"start"`
	Duration string    `json:"duration" example:"1h30m0s"`
	RRule    string    `json:"rrule,omitempty"`
	Zone     string    `json:"time_zone"`
	Category string    `json:"category"`
	Reason   string    `json:"reason"`
	By       string    `json:"by,omitempty"`
	Created  time.Time `json:"created,omitzero"`
	Source   string    `json:"source,omitempty" doc:"file:line of its document; nothing where it was made by hand"`
}

// Corrected is what does not count for an objective.
type Corrected struct {
	Corrections []Correction      `json:"corrections"`
	Intervals   []period.Interval `json:"intervals" doc:"Those of the objective's window and of the next 30 days, joined; edges on whole 5 minutes."`
}

func encodeCorrection(c period.Correction) Correction {
	return Correction{
		ID: c.ID, Start: c.Start.UTC(), Duration: c.Duration.String(), RRule: c.Rule, Zone: c.Zone, Category: string(c.Category),
		Reason: c.Reason, By: c.By, Created: c.Created, Source: c.Source,
	}
}

func (w *door) corrections(_ context.Context, in *idIn) (Corrected, error) {
	s, err := w.find(in.ID)
	if err != nil {
		return Corrected{}, err
	}
	now := w.Now().UTC()
	out := Corrected{Corrections: []Correction{}, Intervals: append([]period.Interval{}, w.Governed.Corrections.For(s.Objective, now.Add(-s.Objective.Window), now.AddDate(0, 0, 30))...)}
	for _, c := range w.Governed.Corrections.All(s.Objective) {
		out.Corrections = append(out.Corrections, encodeCorrection(c))
	}
	return out, nil
}

type correctSLOIn struct {
	ID   string `path:"id"`
	Body struct {
		Start    string `json:"start" maxLength:"40" doc:"2026-12-06T02:00 in the zone, or with an offset."`
		Duration string `json:"duration" maxLength:"40" doc:"Such as 1h30m."`
		RRule    string `json:"rrule,omitempty" maxLength:"500" doc:"RFC 5545: FREQ=WEEKLY;BYDAY=SU. Without it: once."`
		Zone     string `json:"time_zone,omitempty" default:"UTC" maxLength:"64"`
		Category string `json:"category" enum:"maintenance,outside_business_hours,deployment,load_test,fault_injection,other"`
		Reason   string `json:"reason" minLength:"1" maxLength:"1000"`
		As       string `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
	}
}

func (w *door) correct(ctx context.Context, in *correctSLOIn) (Correction, error) {
	s, err := w.find(in.ID)
	if err != nil {
		return Correction{}, err
	}
	b := in.Body
	c := period.Correction{Rule: b.RRule, Zone: b.Zone, Category: period.Category(b.Category), Reason: b.Reason, By: auth.Actor(ctx, b.As)}
	if c.Start, err = period.ParseCivil(b.Start, b.Zone); err != nil {
		return Correction{}, errs.New(errs.Invalid, "start: %w", err)
	}
	if c.Duration, err = time.ParseDuration(b.Duration); err != nil {
		return Correction{}, errs.New(errs.Invalid, "duration: %q is not a duration such as 1h30m", b.Duration)
	}
	c, err = w.Governed.Corrections.Make(ctx, s.Objective, c, "api")
	return encodeCorrection(c), err
}

type uncorrectIn struct {
	ID     string `path:"id"`
	Key    string `path:"key" maxLength:"64"`
	Reason string `query:"reason" maxLength:"1000"`
	As     string `query:"as" maxLength:"64" doc:"The person who acts, where authentication is off."`
}

func (w *door) uncorrect(ctx context.Context, in *uncorrectIn) (struct{}, error) {
	s, err := w.find(in.ID)
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, w.Governed.Corrections.Remove(ctx, s.Objective, in.Key, auth.Actor(ctx, in.As), in.Reason, "api")
}
