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
}

func newInhibitions(rules []*inhibit.InhibitRule) []*inhibition {
	out := make([]*inhibition, len(rules))
	for i, r := range rules {
		n := &inhibition{source: r.SourceMatchers, target: r.TargetMatchers, by: map[string]map[model.Fingerprint]*kept{}}
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
	if n.by[key] == nil {
		n.by[key] = map[model.Fingerprint]*kept{}
	}
	n.by[key][k.fp] = k
}

func (n *inhibition) remove(k *kept) {
	key := n.key(k.match())
	delete(n.by[key], k.fp)
	if len(n.by[key]) == 0 {
		delete(n.by, key)
	}
}

// mutes returns the source that mutes an alert. An alert that is itself both
// source and target is not muted by another such.
func (n *inhibition) mutes(set Set, now time.Time) (model.Fingerprint, bool) {
	if !set.matches(n.target) {
		return 0, false
	}
	both := set.matches(n.source)
	for fp, k := range n.by[n.key(set)] {
		if k.ResolvedAt(now) || both && k.match().matches(n.target) {
			continue
		}
		return fp, true
	}
	return 0, false
}
