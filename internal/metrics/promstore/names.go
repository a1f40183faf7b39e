package promstore

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// names joins what one has to say about each set of matchers.
func (s *Store) names(sel Selection, one func(storage.Querier, []*labels.Matcher) ([]string, error)) ([]string, error) {
	var out []string
	err := s.querier(sel, func(q storage.Querier) error {
		sets := sel.Match
		if len(sets) == 0 {
			sets = [][]*labels.Matcher{nil}
		}
		for _, ms := range sets {
			got, err := one(q, ms)
			if err != nil {
				return err
			}
			for _, n := range got {
				out = append(out, string([]byte(n))) // the querier's memory ends with it
			}
		}
		return nil
	})
	slices.Sort(out)
	out = slices.Compact(out)
	if sel.Limit > 0 && len(out) > sel.Limit {
		out = out[:sel.Limit]
	}
	return out, err
}
