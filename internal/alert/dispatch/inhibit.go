package dispatch

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
)

// inhibition is one rule: while a source fires, targets with equal labels are
// not told.
type inhibition struct {
	source, target labels.Matchers
	equal          []string
	by             map[string]map[model.Fingerprint]*kept // sources by their values of equal
	pure           map[string]map[model.Fingerprint]*kept // those of them that are no targets
}

func newInhibitions(rules []*inhibit.InhibitRule) []*inhibition {
	out := make([]*inhibition, len(rules))
	for i, r := range rules {
		n := &inhibition{source: r.SourceMatchers, target: r.TargetMatchers, by: map[string]map[model.Fingerprint]*kept{}, pure: map[string]map[model.Fingerprint]*kept{}}
		for name := range r.Equal {
			n.equal = append(n.equal, string(name))
		}
		slices.Sort(n.equal)
		out[i] = n
	}
	return out
}

func (n *inhibition) key(s Set) string {
	var b strings.Builder
	for _, name := range n.equal {
		b.WriteString(s.Get(name))
		b.WriteString(sep)
	}
	return b.String()
}

func (n *inhibition) add(k *kept) {
	set := k.match()
	if !set.matches(n.source) {
		return
	}
	key := n.key(set)
	filed(n.by, key, k)
	if !set.matches(n.target) {
		filed(n.pure, key, k)
	}
}

func filed(in map[string]map[model.Fingerprint]*kept, key string, k *kept) {
	if in[key] == nil {
		in[key] = map[model.Fingerprint]*kept{}
	}
	in[key][k.fp] = k
}

func (n *inhibition) remove(k *kept) {
	key := n.key(k.match())
	for _, in := range []map[string]map[model.Fingerprint]*kept{n.by, n.pure} {
		delete(in[key], k.fp)
		if len(in[key]) == 0 {
			delete(in, key)
		}
	}
}

// mutes returns the source that mutes an alert. An alert that is itself both
// source and target is not muted by another such.
func (n *inhibition) mutes(set Set, now time.Time) (model.Fingerprint, bool) {
	if !set.matches(n.target) {
		return 0, false
	}
	sources := n.by
	if set.matches(n.source) {
		sources = n.pure
	}
	for fp, k := range sources[n.key(set)] {
		if !k.ResolvedAt(now) {
			return fp, true
		}
	}
	return 0, false
}
