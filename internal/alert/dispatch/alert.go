package dispatch

import (
	"errors"
	"fmt"
	"maps"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"
)

// AckLabel is the label that matchers may ask for who has acknowledged an
// alert: "" is nobody. No sender can set it.
const AckLabel = "@ack"

// Alert is what its senders say of one label set. It is a value: who changes it
// replaces it.
type Alert struct {
	Labels       Set
	Annotations  Set
	GeneratorURL string
	StartsAt     time.Time
	EndsAt       time.Time // it is resolved then; zero: it does not end by itself
	UpdatedAt    time.Time // when it was last heard
	Timeout      bool      // its end is only ours: nobody repeated it
	Ack          string    // who has it; a person's id
	Own          bool      // a room of this house reported it through the inbox
}

// The most bytes of one alert: it is kept in memory while it fires.
const (
	maxLabels      = 64 << 10
	maxAnnotations = 256 << 10
)

func size(m map[string]string) (n int) {
	for k, v := range m {
		n += len(k) + len(v)
	}
	return n
}

// Posted is an alert as Alertmanager's API takes it.
type Posted struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
}

// Alert applies Alertmanager's defaults: what has no start starts now, or at
// its end; what has no end ends by itself after resolveTimeout. name says which
// label names are valid.
func (p Posted) Alert(now time.Time, resolveTimeout time.Duration, name func(string) bool) (Alert, error) {
	a := Alert{GeneratorURL: p.GeneratorURL, StartsAt: p.StartsAt, EndsAt: p.EndsAt, UpdatedAt: now}
	if a.StartsAt.IsZero() {
		a.StartsAt = now
		if !a.EndsAt.IsZero() {
			a.StartsAt = a.EndsAt
		}
	}
	if a.EndsAt.IsZero() {
		a.Timeout, a.EndsAt = true, now.Add(resolveTimeout)
	}
	maps.DeleteFunc(p.Labels, func(_, v string) bool { return v == "" })
	if a.EndsAt.Before(a.StartsAt) {
		return a, errors.New("start time must be before end time")
	}
	if len(p.Labels) == 0 {
		return a, errors.New("at least one label pair required")
	}
	if n, m := size(p.Labels), size(p.Annotations); n > maxLabels || m > maxAnnotations {
		return a, fmt.Errorf("labels of %d bytes and annotations of %d: at most %d and %d are taken", n, m, maxLabels, maxAnnotations)
	}
	if _, ok := p.Labels[AckLabel]; ok {
		return a, fmt.Errorf("invalid label set: %q is not a sender's to set", AckLabel)
	}
	if err := errors.Join(valid(p.Labels, "label set", name), valid(p.Annotations, "annotations", name)); err != nil {
		return a, err
	}
	a.Labels, a.Annotations = NewSet(p.Labels), NewSet(p.Annotations)
	return a, nil
}

// ResolvedAt reports whether it is over at t.
func (a Alert) ResolvedAt(t time.Time) bool { return !a.EndsAt.IsZero() && !a.EndsAt.After(t) }

// overlap reports whether what b says of the time of an alert touches what a
// said, as Alertmanager reads it; otherwise b replaces a.
func overlap(a, b Alert) bool {
	return b.EndsAt.After(a.StartsAt) && b.EndsAt.Before(a.EndsAt) || b.StartsAt.After(a.StartsAt) && b.StartsAt.Before(a.EndsAt)
}

// merge folds a newer word on the same labels into an older one. Whatever the
// order of the two it gives the same: the younger gives the annotations, the
// earliest start counts, and so does the latest end that somebody named.
func merge(a, b Alert, now time.Time) Alert {
	if b.UpdatedAt.Before(a.UpdatedAt) {
		a, b = b, a
	}
	out := b
	if a.StartsAt.Before(b.StartsAt) {
		out.StartsAt = a.StartsAt
	}
	if b.ResolvedAt(now) {
		if a.ResolvedAt(now) && a.EndsAt.After(b.EndsAt) {
			out.EndsAt = a.EndsAt
		}
	} else if a.EndsAt.After(b.EndsAt) && !a.Timeout {
		out.EndsAt = a.EndsAt
	}
	return out
}

// match is the label set that matchers see.
func (a Alert) match() Set {
	if a.Ack == "" {
		return a.Labels
	}
	return Set(AckLabel+sep+a.Ack+sep) + a.Labels
}

// Page reports whether it is of page level: its severity is page or critical.
func (a Alert) Page() bool {
	s := a.Labels.Get("severity")
	return s == "page" || s == "critical"
}

// sent is the alert as receivers take it; while it fires it has no end.
func (a Alert) sent(now time.Time) *amalert.Alert {
	out := &amalert.Alert{
		Alert: model.Alert{
			Labels: a.Labels.Map(), Annotations: a.Annotations.Map(), GeneratorURL: a.GeneratorURL, StartsAt: a.StartsAt,
		},
		UpdatedAt: a.UpdatedAt, Timeout: a.Timeout,
	}
	if a.ResolvedAt(now) {
		out.EndsAt = a.EndsAt
	}
	return out
}
