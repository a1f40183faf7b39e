package metrics

import (
	"errors"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// NewParser returns a parser of the PromQL that the house speaks: with
// increase(x[1h] anchored), which is what objectives count.
func NewParser() parser.Parser {
	return parser.NewParser(parser.Options{EnableExtendedRangeSelectors: true})
}

// ParseQuery reports whether q is PromQL. The error is of kind Invalid and
// says where ("1:6: parse error: …").
func ParseQuery(q string) error {
	if _, err := NewParser().ParseExpr(q); err != nil {
		return errs.New(errs.Invalid, "query %q: %w", q, firstOf(err))
	}
	return nil
}

// firstOf keeps the first of several parse errors: the rest follow from it.
func firstOf(err error) error {
	if all, ok := errors.AsType[parser.ParseErrors](err); ok && len(all) > 0 {
		return &all[0]
	}
	return err
}
