package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Kind is the protocol that a source's sender speaks.
type Kind string

// The kinds.
const (
	Alertmanager     Kind = "alertmanager"
	PagerDuty        Kind = "pagerduty"
	Opsgenie         Kind = "opsgenie"
	Grafana          Kind = "grafana"
	Datadog          Kind = "datadog"
	CloudWatchSNS    Kind = "cloudwatch-sns"
	CloudWatchStream Kind = "cloudwatch-stream"
	Sentry           Kind = "sentry"
	Mackerel         Kind = "mackerel"
	IncidentIO       Kind = "incidentio"
	Generic          Kind = "generic"
	Heartbeat        Kind = "heartbeat"
)

// Kinds are all kinds, in the order in which they are offered.
func Kinds() []Kind {
	return []Kind{Alertmanager, Grafana, PagerDuty, Opsgenie, Datadog, CloudWatchSNS, CloudWatchStream, Sentry, Mackerel, IncidentIO, Generic, Heartbeat}
}

// KeyLength is the length of a source's key: PagerDuty's clients want 32.
const KeyLength = 32

// Source is one integration. Its key and its sender's secret are in [Keys].
type Source struct {
	Name     string         `json:"name"` // its identity: lower case, digits, dashes
	Kind     Kind           `json:"kind"`
	Service  string         `json:"service,omitempty"` // of what says none
	Severity alert.Severity `json:"severity"`          // of what says none
	Every    Duration       `json:"every,omitempty"`   // expected to report at least this often; 0: not expected
	Silence  alert.Severity `json:"silence,omitempty"` // of its falling silent
	Mapping  Mapping        `json:"mapping,omitzero"`  // of kind generic

	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by,omitempty"`
	PausedAt  time.Time `json:"paused_at,omitzero"` // zero while it works
	WatchedAt time.Time `json:"watched_at"`         // since when it is expected to report
	HeardAt   time.Time `json:"heard_at,omitzero"`  // its last accepted delivery
	SilentAt  time.Time `json:"silent_at,omitzero"` // when its silence was found; zero while it is heard
	Accepted  int64     `json:"accepted"`           // signals and samples taken
	Refused   int64     `json:"refused"`            // members of deliveries, and deliveries, that were refused
}

// Keys are a source's secrets in plain text.
type Keys struct {
	Key    string // in the address, or the protocol's own key
	Secret string // with which the sender signs; "" where it does not
}

// Duration is a time.Duration that JSON has as text: "5m0s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return errs.New(errs.Invalid, "%q is not a duration such as 5m or 24h", b)
	}
	*d = Duration(v)
	return nil
}

var nameRE = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$`)

// reserved are the sources of Hinoban's own alerts, and a page.
func reserved() []string {
	return []string{"api", "heartbeat", "job", "log", "probe", "slo", "new"}
}

const (
	minEvery = 10 * time.Second
	maxEvery = 366 * 24 * time.Hour
)

// Validate says what is wrong with s: an error of kind Invalid.
func (s Source) Validate() error {
	switch {
	case !nameRE.MatchString(s.Name):
		return errs.New(errs.Invalid, "name %q: up to 48 lower-case letters, digits and dashes, as in shop-alertmanager", s.Name)
	case slices.Contains(reserved(), s.Name):
		return errs.New(errs.Invalid, "name %q is one of Hinoban's own: choose another", s.Name)
	case !slices.Contains(Kinds(), s.Kind):
		return errs.New(errs.Invalid, "kind %q is none of %s", s.Kind, joined(Kinds()))
	case len(s.Service) > 200 || clean(s.Service) != s.Service:
		return errs.New(errs.Invalid, "service: at most 200 bytes of text")
	case !isSeverity(s.Severity):
		return errs.New(errs.Invalid, "severity %q is none of page, ticket, info", s.Severity)
	case s.Kind == Heartbeat && s.Every == 0:
		return errs.New(errs.Invalid, "a heartbeat needs the longest time between two of its beats, as in 5m")
	case s.Every != 0 && (time.Duration(s.Every) < minEvery || time.Duration(s.Every) > maxEvery):
		return errs.New(errs.Invalid, "every: %s lies outside of %s to %s", time.Duration(s.Every), minEvery, maxEvery)
	case s.Every != 0 && !isSeverity(s.Silence):
		return errs.New(errs.Invalid, "silence: severity %q is none of page, ticket, info", s.Silence)
	}
	_, err := s.Mapping.Compile()
	return err
}

func isSeverity(s alert.Severity) bool {
	return s == alert.Page || s == alert.Ticket || s == alert.Info
}

func joined[T ~string](all []T) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = string(s)
	}
	return strings.Join(out, ", ")
}

// Signs reports whether senders of kind k sign with a secret that has to be told.
func (k Kind) Signs() bool { return k == Sentry }

// KeyHash is what a key is found by: it does not tell the key.
func KeyHash(key string) string {
	sum := sha256.Sum256([]byte("source " + key))
	return hex.EncodeToString(sum[:])
}

// State is how a source stands.
type State string

// The states.
const (
	Waiting State = "waiting" // for its first delivery
	Heard   State = "heard"
	Silent  State = "silent" // it was expected to report and did not
	Paused  State = "paused"
)

// State derives how s stands.
func (s Source) State() State {
	switch {
	case !s.PausedAt.IsZero():
		return Paused
	case !s.SilentAt.IsZero():
		return Silent
	case s.HeardAt.IsZero():
		return Waiting
	}
	return Heard
}

// maxGrace is what a source that is overdue when the program starts has to be
// heard: while the program was down nobody could be.
const maxGrace = 2 * time.Minute

// DueAt is when s is silent if it is not heard before; zero where it is not
// expected to report. started is when the program began to listen.
func (s Source) DueAt(started time.Time) time.Time {
	every := time.Duration(s.Every)
	if every == 0 || !s.PausedAt.IsZero() {
		return time.Time{}
	}
	due := s.base().Add(every)
	if grace := started.Add(min(every, maxGrace)); grace.After(due) {
		return grace
	}
	return due
}

func (s Source) base() time.Time {
	if s.HeardAt.After(s.WatchedAt) {
		return s.HeardAt
	}
	return s.WatchedAt
}

// Judge says what there is to tell of s's silence now: a signal that opens or
// resolves the alert of it, and when it is silent since, for the source to keep.
// ok is false where there is nothing new. The same silence makes the same
// signals, so that a program that stops in between tells nothing twice.
func (s Source) Judge(now, started time.Time) (sig alert.Signal, silentAt time.Time, ok bool) {
	due := s.DueAt(started)
	gone := !due.IsZero() && !now.Before(due)
	heard := !s.SilentAt.IsZero() && (due.IsZero() || !s.base().Before(s.SilentAt))
	sig = alert.Signal{
		Source: "heartbeat", Service: s.Service, Rule: s.Name, Severity: s.Silence, At: now, URL: "/sources/" + s.Name,
		Labels: map[string]string{"source_kind": string(s.Kind), "source_name": s.Name},
	}
	switch {
	case s.SilentAt.IsZero() && gone:
		sig.Firing, sig.ID = true, signalID("silent", s.Name, s.base().UTC().Format(time.RFC3339Nano))
		sig.Summary = s.Name + " fell silent: it is expected every " + time.Duration(s.Every).String() + s.lastHeard()
		sig.Evidence = []alert.Evidence{{Name: "silent for", Value: now.Sub(s.base()).Truncate(time.Second).String(), Limit: time.Duration(s.Every).String()}}
		return sig, due, true // whatever is heard after it ends the silence
	case heard:
		sig.ID = signalID("heard", s.Name, s.SilentAt.UTC().Format(time.RFC3339Nano))
		sig.Summary = s.Name + " is heard again"
		if due.IsZero() {
			sig.Summary = s.Name + " is not expected to report any more"
		}
		if isSeverity(s.Silence) {
			return sig, time.Time{}, true
		}
		sig.Severity = alert.Ticket
		return sig, time.Time{}, true
	}
	return alert.Signal{}, time.Time{}, false
}

func (s Source) lastHeard() string {
	if s.HeardAt.IsZero() {
		return " and was never heard"
	}
	return " and was last heard at " + s.HeardAt.UTC().Format("2006-01-02 15:04:05 UTC")
}
