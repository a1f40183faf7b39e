package promstore

import (
	"slices"
	"sync"

	"github.com/prometheus/prometheus/model/metadata"
)

const maxDescribed = 20_000 // metric families

// catalogue keeps what senders said about their metrics: type, unit, help. It
// lives in memory; senders say it again and again.
type catalogue struct {
	mu       sync.RWMutex
	families map[string]metadata.Metadata
}

func newCatalogue() *catalogue { return &catalogue{families: map[string]metadata.Metadata{}} }

// Describe notes what a sender says about a metric family.
func (s *Store) Describe(family string, m metadata.Metadata) {
	if family == "" || m.IsEmpty() {
		return
	}
	c := s.about
	c.mu.RLock()
	had, ok := c.families[family]
	full := len(c.families) >= maxDescribed
	c.mu.RUnlock()
	if (ok && had == m) || (!ok && full) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.families[family] = m
}

// Metadata returns what is known about the metric families, from senders and
// from targets. A family that targets describe differently has several entries.
func (s *Store) Metadata() map[string][]metadata.Metadata {
	out := map[string][]metadata.Metadata{}
	s.about.mu.RLock()
	for f, m := range s.about.families {
		out[f] = append(out[f], m)
	}
	s.about.mu.RUnlock()
	for f, ms := range s.scraper.metadata() {
		for _, m := range ms {
			out[f] = appendNew(out[f], m)
		}
	}
	return out
}

func appendNew(to []metadata.Metadata, m metadata.Metadata) []metadata.Metadata {
	if slices.Contains(to, m) {
		return to
	}
	return append(to, m)
}
