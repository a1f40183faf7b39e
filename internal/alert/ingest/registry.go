package ingest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Sealed are a source's keys as they are kept.
type Sealed struct {
	KeyHash string // see [KeyHash]
	Key     string // sealed
	Secret  string // sealed; "" where there is none
}

// Payload is a delivery as it is kept, and what became of it.
type Payload struct {
	ID      string    `json:"id"`
	Source  string    `json:"source"`
	At      time.Time `json:"at"`
	Body    []byte    `json:"-"` // at most MaxKept bytes, without keys
	Size    int       `json:"size"`
	Taken   int       `json:"taken"`
	Refused []Refusal `json:"refused,omitempty"` // at most 20
	Lost    int       `json:"refused_count"`     // all of them
	Notes   []string  `json:"notes,omitempty"`
	Alerts  []string  `json:"alerts,omitempty"` // ids, at most 20
}

// What is kept of deliveries.
const (
	MaxKept      = 64 << 10 // bytes of one payload
	KeptPayloads = 20       // of a source
	keptRows     = 20       // refusals, notes and alerts of a payload
)

// Store keeps sources and their last deliveries. One call is one transaction.
type Store interface {
	// CreateSource keeps a new source; Conflict where its name is taken.
	CreateSource(ctx context.Context, s Source, k Sealed, facts []event.Fact) error
	// UpdateSource hands the source to fn and saves it with the facts it returns.
	UpdateSource(ctx context.Context, name string, fn func(*Source, *Sealed) ([]event.Fact, error)) (Source, error)
	// DeleteSource removes the source and what is kept of it.
	DeleteSource(ctx context.Context, name string, facts []event.Fact) error
	// Sources are all sources, by name.
	Sources(ctx context.Context) ([]Source, error)
	// Source returns one source, or NotFound.
	Source(ctx context.Context, name string) (Source, Sealed, error)
	// SourceByKey returns the source whose key has the hash, or NotFound.
	SourceByKey(ctx context.Context, hash string) (Source, Sealed, error)
	// Keep adds a delivery to what is kept of its source, with its counts; heard says
	// that the source was heard, and once, where it is not "", marks the delivery
	// as had. A payload without a body only counts.
	Keep(ctx context.Context, p Payload, heard bool, once string) error
	// Had reports whether a delivery of this name was kept before.
	Had(ctx context.Context, source, once string) (bool, error)
	// Payloads are the last deliveries of a source, the newest first.
	Payloads(ctx context.Context, source string) ([]Payload, error)
	// Pin gives each signal service and rule of the open alert of its key.
	Pin(ctx context.Context, all []alert.Signal) ([]alert.Signal, error)
}

// Inbox is what sources hand signals to: *alert.Inbox.
type Inbox interface {
	TakeAll(ctx context.Context, all []alert.Signal) ([]alert.Taken, error)
	Alerts(ctx context.Context, q alert.Query) ([]alert.Alert, error)
	Alert(ctx context.Context, id string) (alert.Alert, error)
	Ack(ctx context.Context, id, by, source string) (alert.Alert, error)
	Unack(ctx context.Context, id, by, source string) (alert.Alert, error)
	Retell(ctx context.Context, id, summary string, annotations map[string]string) (alert.Alert, error)
}

// Sealer seals what must not lie readable in the database.
type Sealer interface {
	Seal(plain, context string) (string, error)
	Unseal(sealed, context string) (string, error)
}

// Options are what a registry works with.
type Options struct {
	Store   Store
	Inbox   Inbox
	Samples metrics.Writer // nil: metrics are not stored here
	Sealer  Sealer
	// Fetch gets a small document of Amazon SNS over HTTPS.
	Fetch   func(ctx context.Context, url string) ([]byte, error)
	Now     func() time.Time
	Started time.Time
	NewID   func() string
	NewKey  func() string // of KeyLength
}

// Registry keeps sources and takes what they send. It is safe for concurrent use.
type Registry struct {
	Options

	mu       sync.Mutex
	programs map[Mapping]Program
	certs    map[string][]byte
}

// NewRegistry returns a registry.
func NewRegistry(o Options) *Registry {
	return &Registry{Options: o, programs: map[Mapping]Program{}, certs: map[string][]byte{}}
}

func (r *Registry) fact(s Source, what, by string) []event.Fact {
	return []event.Fact{{
		Event: SourceChanged{Source: s.Name, Kind: s.Kind, What: what, By: by}, At: r.Now().UTC(), Service: s.Service,
		Subject: Subject(s.Name), Actor: "person/" + by, Source: "alert",
	}}
}

func keyContext(name string) string    { return "alert.source.key/" + name }
func secretContext(name string) string { return "alert.source.secret/" + name }

func (r *Registry) seal(name string, k Keys) (out Sealed, err error) {
	out.KeyHash = KeyHash(k.Key)
	if out.Key, err = r.Sealer.Seal(k.Key, keyContext(name)); err != nil {
		return out, err
	}
	if k.Secret != "" {
		out.Secret, err = r.Sealer.Seal(k.Secret, secretContext(name))
	}
	return out, err
}

func (r *Registry) unseal(name string, k Sealed) (out Keys, err error) {
	if out.Key, err = r.Sealer.Unseal(k.Key, keyContext(name)); err != nil {
		return out, err
	}
	if k.Secret != "" {
		out.Secret, err = r.Sealer.Unseal(k.Secret, secretContext(name))
	}
	return out, err
}

// Create makes a source with a fresh key. Invalid, or Conflict where the name is
// taken.
func (r *Registry) Create(ctx context.Context, s Source, secret, by string) (Source, Keys, error) {
	now := r.Now().UTC()
	if s.Severity == "" {
		s.Severity = alert.Ticket
	}
	if s.Every != 0 && s.Silence == "" {
		s.Silence = alert.Ticket
	}
	s.CreatedAt, s.WatchedAt, s.CreatedBy = now, now, by
	if err := s.Validate(); err != nil {
		return s, Keys{}, err
	}
	if len(secret) > 500 {
		return s, Keys{}, errs.New(errs.Invalid, "secret: at most 500 bytes")
	}
	keys := Keys{Key: r.NewKey(), Secret: secret}
	sealed, err := r.seal(s.Name, keys)
	if err != nil {
		return s, Keys{}, err
	}
	return s, keys, r.Store.CreateSource(ctx, s, sealed, r.fact(s, "created", by))
}

// Edit is what may be changed of a source.
type Edit struct {
	Service  string
	Severity alert.Severity
	Every    Duration
	Silence  alert.Severity
	Mapping  Mapping
	Secret   string // "" leaves the one there is
}

// Edit changes a source.
func (r *Registry) Edit(ctx context.Context, name string, e Edit, by string) (Source, error) {
	if err := r.endSilence(ctx, name); err != nil {
		return Source{}, err
	}
	sealed := ""
	if e.Secret != "" {
		var err error
		if sealed, err = r.Sealer.Seal(e.Secret, secretContext(name)); err != nil {
			return Source{}, err
		}
	}
	return r.Store.UpdateSource(ctx, name, func(s *Source, k *Sealed) ([]event.Fact, error) {
		if e.Every != s.Every {
			s.WatchedAt = r.Now().UTC()
		}
		s.Service, s.Severity, s.Every, s.Silence, s.Mapping = e.Service, e.Severity, e.Every, e.Silence, e.Mapping
		if sealed != "" {
			k.Secret = sealed
		}
		return r.fact(*s, "edited", by), s.Validate()
	})
}

// Rotate gives a source a new key; the old one is not taken any more.
func (r *Registry) Rotate(ctx context.Context, name, by string) (Source, error) {
	sealed, err := r.seal(name, Keys{Key: r.NewKey()})
	if err != nil {
		return Source{}, err
	}
	return r.Store.UpdateSource(ctx, name, func(s *Source, k *Sealed) ([]event.Fact, error) {
		k.Key, k.KeyHash = sealed.Key, sealed.KeyHash
		return r.fact(*s, "rotated", by), nil
	})
}

// Pause has what a source sends answered and not taken, until it is resumed.
func (r *Registry) Pause(ctx context.Context, name, by string) (Source, error) {
	if err := r.endSilence(ctx, name); err != nil {
		return Source{}, err
	}
	return r.Store.UpdateSource(ctx, name, func(s *Source, _ *Sealed) ([]event.Fact, error) {
		if !s.PausedAt.IsZero() {
			return nil, nil
		}
		s.PausedAt = r.Now().UTC()
		return r.fact(*s, "paused", by), nil
	})
}

// Resume undoes [Registry.Pause]; the source is expected to report from now on.
func (r *Registry) Resume(ctx context.Context, name, by string) (Source, error) {
	return r.Store.UpdateSource(ctx, name, func(s *Source, _ *Sealed) ([]event.Fact, error) {
		if s.PausedAt.IsZero() {
			return nil, nil
		}
		s.PausedAt, s.WatchedAt = time.Time{}, r.Now().UTC()
		return r.fact(*s, "resumed", by), nil
	})
}

// Delete removes a source. Its alerts stay.
func (r *Registry) Delete(ctx context.Context, name, by string) error {
	if err := r.endSilence(ctx, name); err != nil {
		return err
	}
	s, _, err := r.Store.Source(ctx, name)
	if err != nil {
		return err
	}
	return r.Store.DeleteSource(ctx, name, r.fact(s, "deleted", by))
}

// Sources are all sources, by name.
func (r *Registry) Sources(ctx context.Context) ([]Source, error) { return r.Store.Sources(ctx) }

// Source returns a source with its keys, or NotFound.
func (r *Registry) Source(ctx context.Context, name string) (Source, Keys, error) {
	s, sealed, err := r.Store.Source(ctx, name)
	if err != nil {
		return s, Keys{}, err
	}
	keys, err := r.unseal(name, sealed)
	return s, keys, err
}

// Find returns the source of a key, with its keys: NotFound where there is none,
// or none of these kinds. No kind means any.
func (r *Registry) Find(ctx context.Context, key string, kinds ...Kind) (Source, Keys, error) {
	unknown := errs.New(errs.NotFound, "there is no such source: is the address that of the source's page, and its key not rotated since?")
	if len(key) != KeyLength {
		return Source{}, Keys{}, unknown
	}
	s, sealed, err := r.Store.SourceByKey(ctx, KeyHash(key))
	if errs.KindOf(err) == errs.NotFound {
		return Source{}, Keys{}, unknown
	}
	if err != nil {
		return Source{}, Keys{}, err
	}
	if len(kinds) > 0 && !slices.Contains(kinds, s.Kind) {
		return Source{}, Keys{}, unknown
	}
	keys, err := r.unseal(s.Name, sealed)
	return s, keys, err
}

// Payloads are the last deliveries of a source, the newest first.
func (r *Registry) Payloads(ctx context.Context, name string) ([]Payload, error) {
	return r.Store.Payloads(ctx, name)
}
