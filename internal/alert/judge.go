package alert

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Verdict is what a person says of an alert that asked for them.
type Verdict string

// The verdicts.
const (
	Actionable Verdict = "actionable"  // there was something to do, and it was mine
	Known      Verdict = "known"       // true, and known already: no need to be told again
	Noise      Verdict = "noise"       // nothing to do
	WrongOwner Verdict = "wrong-owner" // true, and somebody else's
)

// Verdicts are all verdicts, in the order in which people are offered them.
func Verdicts() []Verdict { return []Verdict{Actionable, Known, Noise, WrongOwner} }

// Judgement is one person's verdict on one alert. A person has one for each
// alert, and may change it.
type Judgement struct {
	Alert   string    `json:"alert"`
	Person  string    `json:"person"`
	Verdict Verdict   `json:"verdict"`
	Note    string    `json:"note,omitempty"`
	Source  string    `json:"source"` // where it was given: "web", "api", "slack", "mail" …
	At      time.Time `json:"at"`
}

// Validate says what is wrong with j: an error of kind Invalid.
func (j Judgement) Validate() error {
	switch {
	case !slices.Contains(Verdicts(), j.Verdict):
		return errs.New(errs.Invalid, "verdict %q is none of actionable, known, noise, wrong-owner", j.Verdict)
	case j.Person == "" || len(j.Person) > 64:
		return errs.New(errs.Invalid, "a judgement is a person's: an id of at most 64 bytes")
	case len(j.Note) > 2000:
		return errs.New(errs.Invalid, "a note of at most 2,000 bytes")
	}
	return nil
}

// VerdictOf is the alert's verdict: what most people say, and among equals what
// was said last. "" where nobody judged.
func VerdictOf(all []Judgement) Verdict {
	votes, last := map[Verdict]int{}, map[Verdict]time.Time{}
	for _, j := range all {
		votes[j.Verdict]++
		last[j.Verdict] = later(last[j.Verdict], j.At)
	}
	best := Verdict("")
	for _, v := range Verdicts() {
		switch {
		case votes[v] == 0:
		case best == "" || votes[v] > votes[best], votes[v] == votes[best] && last[v].After(last[best]):
			best = v
		}
	}
	return best
}

// Judge adds j to what people said of a, and returns all of it and the news.
// It is pure. Saying the same again is no news.
func (a Alert) Judge(said []Judgement, j Judgement) ([]Judgement, []event.Fact) {
	i := slices.IndexFunc(said, func(s Judgement) bool { return s.Person == j.Person })
	if i >= 0 && said[i].Verdict == j.Verdict && said[i].Note == j.Note {
		return said, nil
	}
	out := slices.Clone(said)
	if i >= 0 {
		out = slices.Delete(out, i, i+1)
	}
	out = append(out, j)
	ev := Judged{
		Alert: a.ID, Rule: a.Rule, Origin: a.Source, Service: a.Service, Severity: a.Severity,
		Verdict: j.Verdict, By: j.Person, Note: j.Note, Now: VerdictOf(out),
	}
	switch ev.Now {
	case Actionable, Noise:
		right := ev.Now == Actionable
		ev.Actionable = &right
	case Known, WrongOwner:
	}
	return out, a.by(j.Person, a.facts(j.At, j.Source, ev))
}

// Miss is what nobody was told of, and should have been.
type Miss struct {
	ID       string    `json:"id"`
	Service  string    `json:"service"`
	At       time.Time `json:"at"`             // when it happened
	What     string    `json:"what"`           // what happened
	Rule     string    `json:"rule,omitempty"` // what should have caught it
	By       string    `json:"by,omitempty"`   // who says so; "" where the log does
	Incident string    `json:"incident,omitempty"`
	SaidAt   time.Time `json:"said_at"`
}

// Validate says what is wrong with m: an error of kind Invalid.
func (m Miss) Validate() error {
	switch {
	case m.Service == "" || len(m.Service) > 200:
		return errs.New(errs.Invalid, "what was missed belongs to a service, named in at most 200 bytes")
	case m.What == "" || len(m.What) > 2000:
		return errs.New(errs.Invalid, "say what happened, in at most 2,000 bytes")
	case len(m.Rule) > 200:
		return errs.New(errs.Invalid, "a rule's name has at most 200 bytes")
	case m.At.IsZero() || m.At.After(m.SaidAt.Add(5*time.Minute)):
		return errs.New(errs.Invalid, "say when it happened: a time that is not in the future")
	}
	return nil
}

// JuryStore keeps what people say of alerts. One call is one transaction.
type JuryStore interface {
	// Judge hands an alert and what was said of it to fn, and saves what fn
	// returns with its facts. NotFound where there is no such alert.
	Judge(ctx context.Context, alertID string, fn func(Alert, []Judgement) ([]Judgement, []event.Fact)) (Alert, []Judgement, error)
	// Judgements are what people said of each of these alerts.
	Judgements(ctx context.Context, alertIDs ...string) (map[string][]Judgement, error)
	// PutMiss saves m with its facts. One that is there already stays as it is.
	PutMiss(ctx context.Context, m Miss, facts ...event.Fact) error
	// Misses are those that happened in [from, to), the newest first; at most 500.
	Misses(ctx context.Context, from, to time.Time) ([]Miss, error)
	// Told reports whether an alert of the service that asks for somebody opened
	// in [from, to].
	Told(ctx context.Context, service string, from, to time.Time) (bool, error)
}

// Jury takes judgements.
type Jury struct {
	store JuryStore
	now   func() time.Time
}

// NewJury returns a Jury on st.
func NewJury(st JuryStore, now func() time.Time) *Jury { return &Jury{store: st, now: now} }

// Judge records what a person says of an alert. Repeating it is no news.
// Invalid, or NotFound.
func (y *Jury) Judge(ctx context.Context, j Judgement) (Alert, []Judgement, error) {
	j.At = y.now().UTC()
	if err := j.Validate(); err != nil {
		return Alert{}, nil, err
	}
	return y.store.Judge(ctx, j.Alert, func(a Alert, said []Judgement) ([]Judgement, []event.Fact) { return a.Judge(said, j) })
}

// Judgements are what people said of each of these alerts.
func (y *Jury) Judgements(ctx context.Context, ids ...string) (map[string][]Judgement, error) {
	if len(ids) == 0 {
		return map[string][]Judgement{}, nil
	}
	return y.store.Judgements(ctx, ids...)
}

// Missed records that somebody should have been told.
func (y *Jury) Missed(ctx context.Context, m Miss, source string) (Miss, error) {
	m.SaidAt = y.now().UTC()
	if err := m.Validate(); err != nil {
		return m, err
	}
	actor := "alert.jury"
	if m.By != "" {
		actor = "person/" + m.By
	}
	return m, y.store.PutMiss(ctx, m, event.Fact{
		Event: Missed{Miss: m.ID, Service: m.Service, What: m.What, Rule: m.Rule, By: m.By, Incident: m.Incident, HappenedAt: m.At},
		At:    m.SaidAt, Service: m.Service, Subject: "miss/" + m.ID, Actor: actor, Source: source,
	})
}

// Misses are those that happened in [from, to).
func (y *Jury) Misses(ctx context.Context, from, to time.Time) ([]Miss, error) {
	return y.store.Misses(ctx, from, to)
}

// before is how long before an incident an alert may open and still have told
// of it.
const before = time.Hour

// IncidentDeclared records a miss where people declared an incident of a
// service and no alert had asked for anybody in the hour before. Repeating it
// is no news.
func (y *Jury) IncidentDeclared(ctx context.Context, m Miss) error {
	told, err := y.store.Told(ctx, m.Service, m.At.Add(-before), m.At)
	if err != nil {
		return fmt.Errorf("look for what told of incident %s: %w", m.Incident, err)
	}
	if told {
		return nil
	}
	_, err = y.Missed(ctx, m, "incident")
	return err
}
