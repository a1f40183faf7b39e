package dispatch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
)

// sep ends each name and each value of a Set. No label can hold it: it is not
// UTF-8.
const sep = "\xff"

// Set is labels packed in the order of their names: name, 0xff, value, 0xff.
// It is a fifth of the size of a map, compares with ==, and its bytes are what
// Alertmanager hashes.
type Set string

// NewSet packs m.
func NewSet[K, V ~string](m map[K]V) Set {
	names := make([]string, 0, len(m))
	size := 0
	for k, v := range m {
		names = append(names, string(k))
		size += len(k) + len(v) + 2
	}
	slices.Sort(names)
	var b strings.Builder
	b.Grow(size)
	for _, n := range names {
		b.WriteString(n)
		b.WriteString(sep)
		b.WriteString(string(m[K(n)]))
		b.WriteString(sep)
	}
	return Set(b.String())
}

// All yields the labels in the order of their names.
func (s Set) All() func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		rest := string(s)
		for rest != "" {
			name, after, _ := strings.Cut(rest, sep)
			value, next, _ := strings.Cut(after, sep)
			if !yield(name, value) {
				return
			}
			rest = next
		}
	}
}

// Get returns the value of a label, or "".
func (s Set) Get(name string) string {
	for n, v := range s.All() {
		if n == name {
			return v
		}
	}
	return ""
}

// Map unpacks s.
func (s Set) Map() model.LabelSet {
	out := make(model.LabelSet, strings.Count(string(s), sep)/2)
	for n, v := range s.All() {
		out[model.LabelName(n)] = model.LabelValue(v)
	}
	return out
}

// Strings unpacks s.
func (s Set) Strings() map[string]string {
	out := maps.Collect(s.All())
	return out
}

// Fingerprint is the FNV-1a hash by which Alertmanager names an alert.
func (s Set) Fingerprint() model.Fingerprint {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return model.Fingerprint(h)
}

// hash is the hash by which the log of notifications knows an alert.
func (s Set) hash() uint64 { return xxhash.Sum64String(string(s)) }

// matches reports whether all matchers hold.
func (s Set) matches(ms labels.Matchers) bool {
	for _, m := range ms {
		if !m.Matches(s.Get(m.Name)) {
			return false
		}
	}
	return true
}

// valid says what is wrong with labels: the error has no kind.
func valid(m map[string]string, what string, name func(string) bool) error {
	for k, v := range m {
		if !name(k) {
			return fmt.Errorf("invalid %s: invalid name %q", what, k)
		}
		if !utf8.ValidString(v) {
			return fmt.Errorf("invalid %s: invalid value %q", what, v)
		}
	}
	return nil
}
