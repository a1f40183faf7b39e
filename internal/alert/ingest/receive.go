package ingest

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// mapTime is what reading one payload through a mapping may take.
const mapTime = 2 * time.Second

const maxRemembered = 256 // programs, certificates

// Receipt is what became of a delivery. What it says was taken is on disk.
type Receipt struct {
	Taken   int       `json:"taken"` // signals and samples
	Refused []Refusal `json:"refused,omitempty"`
	Notes   []string  `json:"notes,omitempty"`
	Alerts  []string  `json:"alerts,omitempty"` // ids of the alerts that the signals belong to
	Key     string    `json:"-"`                // PagerDuty's dedup_key
	ID      string    `json:"-"`                // of the delivery, as it is kept
}

// Receive takes a delivery of src. Invalid or Denied: nothing of it was taken, for
// a reason that the sender can mend. Any other error: it is to be sent again.
func (r *Registry) Receive(ctx context.Context, src Source, keys Keys, d Delivery) (Receipt, error) {
	if src.State() == Paused {
		out := Receipt{Notes: []string{"the source is paused: nothing is taken"}}
		err := r.keep(ctx, src, keys, d, &out, kept{})
		return out, err
	}
	b, err := r.read(ctx, src, keys, d)
	if errs.Permanent(err) {
		refused := Receipt{Refused: []Refusal{{Reason: clip(clean(err.Error()), 500)}}}
		if failed := r.keep(ctx, src, keys, d, &refused, kept{}); failed != nil {
			return Receipt{}, failed
		}
	}
	if err != nil {
		return Receipt{}, err
	}
	if b.Once != "" {
		had, err := r.Store.Had(ctx, src.Name, b.Once)
		if err != nil || had {
			return Receipt{Notes: []string{"it was taken before"}}, err
		}
	}
	out := Receipt{Refused: b.Refused, Notes: b.Notes, Key: b.Key}
	if err := r.take(ctx, src, b, &out); err != nil {
		return Receipt{}, err
	}
	quiet := len(d.Body) == 0 && (d.Ask == Ask{} || d.Ask.Verb == Ping)
	err = r.keep(ctx, src, keys, d, &out, kept{heard: true, once: b.Once, quiet: quiet})
	return out, err
}

// read parses a delivery, and has its signature checked.
func (r *Registry) read(ctx context.Context, src Source, keys Keys, d Delivery) (b Batch, err error) {
	if src.Kind == Generic {
		program, err := r.program(src.Mapping)
		if err != nil {
			return b, err
		}
		ctx, cancel := context.WithTimeout(ctx, mapTime)
		defer cancel()
		return Map(ctx, src, program, d)
	}
	if b, err = Parse(ctx, src, keys.Secret, d); err != nil || b.Verify == nil {
		return b, err
	}
	cert, err := r.cert(ctx, b.Verify.CertURL)
	if err != nil {
		return b, err
	}
	if err := b.Verify.Check(cert, r.Now()); err != nil {
		return b, err
	}
	r.remember(func() { r.certs[b.Verify.CertURL] = cert })
	if b.Confirm == "" {
		return b, nil
	}
	if _, err := r.Fetch(ctx, b.Confirm); err != nil {
		return b, errs.New(errs.Unavailable, "confirm the subscription: %w", err)
	}
	b.note("the subscription is confirmed")
	return b, nil
}

func (r *Registry) program(m Mapping) (Program, error) {
	r.mu.Lock()
	p, ok := r.programs[m]
	r.mu.Unlock()
	if ok {
		return p, nil
	}
	p, err := m.Compile()
	if err == nil {
		r.remember(func() { r.programs[m] = p })
	}
	return p, err
}

// remember adds to what is remembered, which it forgets where that is too much.
func (r *Registry) remember(add func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.programs) >= maxRemembered {
		clear(r.programs)
	}
	if len(r.certs) >= maxRemembered {
		clear(r.certs)
	}
	add()
}

func (r *Registry) cert(ctx context.Context, address string) ([]byte, error) {
	r.mu.Lock()
	cert, ok := r.certs[address]
	r.mu.Unlock()
	if ok {
		return cert, nil
	}
	cert, err := r.Fetch(ctx, address)
	if err != nil {
		return nil, errs.New(errs.Unavailable, "fetch the certificate of the signature: %w", err)
	}
	return cert, nil
}

// pins reports whether senders of kind k may end a matter by its key alone.
func (k Kind) pins() bool {
	return k == PagerDuty || k == Opsgenie || k == Sentry || k == Generic || k == Datadog
}

// take hands on what a batch says.
func (r *Registry) take(ctx context.Context, src Source, b Batch, out *Receipt) error {
	signals := b.Signals
	if src.Kind.pins() && len(signals) > 0 {
		var err error
		if signals, err = r.Store.Pin(ctx, signals); err != nil {
			return err
		}
		if signals, err = r.episodes(ctx, src, signals); err != nil {
			return err
		}
	}
	if len(signals) > 0 {
		taken, err := r.Inbox.TakeAll(ctx, signals)
		if err != nil {
			return err
		}
		out.told(taken, b.Paths)
	}
	for _, key := range b.Acks {
		if err := r.act(ctx, src, Act{Verb: Acknowledge, By: ByAlias, Of: key}, out); err != nil {
			return err
		}
	}
	for _, a := range b.Acts {
		if err := r.act(ctx, src, a, out); err != nil {
			return err
		}
	}
	if len(b.Series) == 0 {
		return nil
	}
	if r.Samples == nil {
		return errs.New(errs.Unavailable, "this server keeps no metrics of its own: it cannot take a stream of them")
	}
	err := r.Samples.Write(ctx, b.Series)
	if errs.KindOf(err) == errs.Invalid {
		out.Refused = append(out.Refused, Refusal{Reason: "some samples: " + clip(clean(err.Error()), 400)})
		err = nil
	}
	out.Taken += b.Points
	return err
}

// told notes what became of each signal.
func (out *Receipt) told(taken []alert.Taken, paths []string) {
	seen := map[string]bool{}
	for i, t := range taken {
		if t.Err != nil {
			out.Refused = append(out.Refused, Refusal{Path: paths[i], Reason: clip(t.Err.Error(), 500)})
			continue
		}
		out.Taken++
		if t.Alert.ID != "" && !seen[t.Alert.ID] {
			seen[t.Alert.ID] = true
			out.Alerts = append(out.Alerts, t.Alert.ID)
		}
	}
}

// kept says how a delivery is kept.
type kept struct {
	heard bool
	once  string
	quiet bool // it only counts
}

// keep keeps a delivery with what became of it, and names it in out.
func (r *Registry) keep(ctx context.Context, src Source, keys Keys, d Delivery, out *Receipt, k kept) error {
	p := Payload{
		Source: src.Name, At: d.At.UTC(), Size: len(d.Body), Taken: out.Taken, Lost: len(out.Refused),
		Refused: out.Refused[:min(len(out.Refused), keptRows)], Notes: out.Notes[:min(len(out.Notes), keptRows)], Alerts: out.Alerts[:min(len(out.Alerts), keptRows)],
	}
	if !k.quiet {
		p.ID, p.Body = r.NewID(), redact(d.Body, keys)
		out.ID = p.ID
	}
	if err := r.Store.Keep(ctx, p, k.heard, k.once); err != nil {
		return fmt.Errorf("keep what %s sent: %w", src.Name, err)
	}
	if !k.heard || (src.Every == 0 && src.SilentAt.IsZero()) {
		return nil
	}
	now, _, err := r.Store.Source(ctx, src.Name)
	if err != nil {
		return err
	}
	return r.judge(ctx, now)
}

// redact is what may be kept of a body: its beginning, without keys.
func redact(body []byte, k Keys) []byte {
	out := body
	for _, s := range []string{k.Key, k.Secret} {
		if len(s) >= 8 {
			out = bytes.ReplaceAll(out, []byte(s), []byte("…"))
		}
	}
	return bytes.Clone(out[:min(len(out), MaxKept)])
}

// Try reads a payload through a mapping and takes nothing.
func (r *Registry) Try(ctx context.Context, src Source, m Mapping, body []byte) (Batch, error) {
	program, err := m.Compile()
	if err != nil {
		return Batch{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, mapTime)
	defer cancel()
	return Map(ctx, src, program, Delivery{Body: body, At: r.Now().UTC()})
}

// Sweep finds sources that fell silent, and those that are heard again. It reads
// what it needs from the store: nothing is lost where the program stops.
func (r *Registry) Sweep(ctx context.Context) error {
	all, err := r.Store.Sources(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := r.judge(ctx, s); err != nil {
			return fmt.Errorf("judge %s: %w", s.Name, err)
		}
	}
	return nil
}

func (r *Registry) judge(ctx context.Context, s Source) error {
	sig, silentAt, ok := s.Judge(r.Now().UTC(), r.Started)
	if !ok {
		return nil
	}
	return r.tell(ctx, s, sig, silentAt)
}

// tell takes a signal of a silence, and then notes it at the source: where the
// program stops in between, the same signal is made again, and was taken.
func (r *Registry) tell(ctx context.Context, s Source, sig alert.Signal, silentAt time.Time) error {
	taken, err := r.Inbox.TakeAll(ctx, []alert.Signal{tidy(sig)})
	if err == nil {
		err = taken[0].Err
	}
	if err != nil {
		return err
	}
	_, err = r.Store.UpdateSource(ctx, s.Name, func(now *Source, _ *Sealed) ([]event.Fact, error) {
		now.SilentAt = silentAt
		return nil, nil
	})
	return err
}

// endSilence resolves the alert of a source's silence before what made it changes.
func (r *Registry) endSilence(ctx context.Context, name string) error {
	s, _, err := r.Store.Source(ctx, name)
	if err != nil || s.SilentAt.IsZero() {
		return err
	}
	s.PausedAt = r.Now().UTC() // nothing is expected of it any more
	return r.judge(ctx, s)
}
