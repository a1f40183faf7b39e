package metrics

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Form says how the samples of a selector become events.
type Form string

// The forms.
const (
	Growth Form = "growth" // of a counter: what it grew by
	Value  Form = "value"  // of a sample: its value is a number of events
	Each   Form = "each"   // of a sample: itself is one event
)

// Term is one selector of a sum.
type Term struct {
	Watch
	Form Form
	Sign int64 // 1 or -1
}

// Sum is a query as a sum of selectors.
type Sum struct {
	Terms []Term
	By    []string // the labels that it is grouped by, sorted
}

// Ratio is a query for a share as two sums. Bad says that Part counts the bad
// events.
type Ratio struct {
	Part, Total Sum
	Bad         bool
}

// Terms takes a query apart into selectors that can be counted as samples come:
// sums of rate, increase, count_over_time or sum_over_time over {{.window}}, or of
// bare series; such sums added and subtracted; in parentheses, with "or vector(0)"
// or "> 0" behind. A bare series is a counter where bare is Growth. The error is
// Invalid and says what cannot be taken apart: such a query has to be asked.
func Terms(query string, bare Form) (Sum, error) {
	e, err := parseWindowed(query)
	if err != nil {
		return Sum{}, err
	}
	c := compiler{query: query, bare: bare}
	s, err := c.sum(e)
	if err != nil {
		return Sum{}, err
	}
	return s, nil
}

// RatioTerms takes a query for a share of events apart: one sum divided by
// another, 1 minus that, or histogram_fraction. failing says that the share is of
// bad events.
func RatioTerms(query string, failing bool) (Ratio, error) {
	e, err := parseWindowed(query)
	if err != nil {
		return Ratio{}, err
	}
	c := compiler{query: query, bare: Growth}
	r, err := c.ratio(e, failing)
	if err != nil {
		return Ratio{}, err
	}
	return r, nil
}

// windowText stands in for the window while a query is parsed: nobody writes it.
const (
	windowText  = "7m13s"
	windowRange = 7*time.Minute + 13*time.Second
)

func parseWindowed(query string) (parser.Expr, error) {
	q := strings.ReplaceAll(strings.ReplaceAll(query, "{{ .window }}", windowText), windowMark, windowText)
	e, err := NewParser().ParseExpr(q)
	if err != nil {
		return nil, errs.New(errs.Invalid, "query %q: %w", query, firstOf(err))
	}
	return e, nil
}

type compiler struct {
	query string
	bare  Form
}

func (c compiler) no(what string, n fmt.Stringer) error {
	text := strings.ReplaceAll(n.String(), windowText, windowMark)
	return errs.New(errs.Invalid, "query %q: %s (%s) cannot be counted as samples come", c.query, what, text)
}

func (c compiler) sum(e parser.Expr) (Sum, error) {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return c.sum(e.Expr)
	case *parser.AggregateExpr:
		if e.Op != parser.SUM || e.Without {
			return Sum{}, c.no("an aggregation that is no sum by labels", e)
		}
		by := slices.Clone(e.Grouping)
		slices.Sort(by)
		in, err := c.inner(e.Expr, by)
		return Sum{in, by}, err
	case *parser.UnaryExpr:
		in, err := c.sum(e.Expr)
		return in.times(map[parser.ItemType]int64{parser.ADD: 1, parser.SUB: -1}[e.Op]), err
	case *parser.BinaryExpr:
		return c.binary(e)
	case *parser.Call:
		if e.Func.Name == "histogram_count" {
			return c.histogram(e.Args[0], math.Inf(1))
		}
	}
	in, err := c.inner(e, nil)
	return Sum{Terms: in}, err
}

func (s Sum) times(sign int64) Sum {
	out := Sum{By: s.By}
	for _, t := range s.Terms {
		t.Sign *= sign
		out.Terms = append(out.Terms, t)
	}
	return out
}

func (c compiler) binary(e *parser.BinaryExpr) (Sum, error) {
	switch {
	case e.Op == parser.LOR && isConstant(e.RHS):
		return c.sum(e.LHS)
	case e.Op == parser.GTR && isZero(e.RHS) && !e.ReturnBool:
		return c.sum(e.LHS)
	case e.Op == parser.MUL:
		return c.observations(e)
	case e.Op != parser.ADD && e.Op != parser.SUB:
		return Sum{}, c.no("this operation", e)
	}
	a, err := c.sum(e.LHS)
	if err != nil {
		return Sum{}, err
	}
	b, err := c.sum(e.RHS)
	if err != nil {
		return Sum{}, err
	}
	if !slices.Equal(a.By, b.By) || !isAggregate(e.LHS) || !isAggregate(e.RHS) {
		return Sum{}, c.no("a sum of what is grouped differently", e)
	}
	if e.Op == parser.SUB {
		b = b.times(-1)
	}
	a.Terms = append(slices.Clone(a.Terms), b.Terms...)
	return a, nil
}

// isAggregate reports whether e is one value for each group, so that adding two of
// them pairs them as PromQL does.
func isAggregate(e parser.Expr) bool {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return isAggregate(e.Expr)
	case *parser.AggregateExpr:
		return true
	case *parser.BinaryExpr:
		return isAggregate(e.LHS)
	case *parser.UnaryExpr:
		return isAggregate(e.Expr)
	}
	return false
}

func isConstant(e parser.Expr) bool {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return isConstant(e.Expr)
	case *parser.Call:
		return e.Func.Name == "vector" && isZero(e.Args[0])
	}
	return false
}

func isZero(e parser.Expr) bool {
	n, ok := strip(e).(*parser.NumberLiteral)
	return ok && n.Val == 0
}

func strip(e parser.Expr) parser.Expr {
	for {
		p, ok := e.(*parser.ParenExpr)
		if !ok {
			return e
		}
		e = p.Expr
	}
}

// inner takes apart what stands in a sum by some labels: one selector with or
// without its function.
func (c compiler) inner(e parser.Expr, by []string) ([]Term, error) {
	switch e := strip(e).(type) {
	case *parser.AggregateExpr:
		s, err := c.sum(e) // a sum of sums is a sum
		for _, l := range by {
			if err == nil && !slices.Contains(s.By, l) {
				err = c.no("a sum by a label that is gone", e)
			}
		}
		return s.Terms, err
	case *parser.VectorSelector:
		w, err := c.selector(e)
		return []Term{{Watch: w, Form: c.bare, Sign: 1}}, err
	case *parser.Call:
		form, ok := map[string]Form{"rate": Growth, "increase": Growth, "count_over_time": Each, "sum_over_time": Value}[e.Func.Name]
		if !ok {
			return nil, c.no("this function", e)
		}
		m, ok := e.Args[0].(*parser.MatrixSelector)
		if !ok || m.Range != windowRange {
			return nil, c.no("a range that is not {{.window}}", e)
		}
		w, err := c.selector(m.VectorSelector)
		return []Term{{Watch: w, Form: form, Sign: 1}}, err
	default:
		return nil, c.no("this", e)
	}
}

func (c compiler) selector(e parser.Expr) (Watch, error) {
	v, ok := e.(*parser.VectorSelector)
	if !ok || v.Smoothed || v.OriginalOffset != 0 || v.Offset != 0 || v.Timestamp != nil || v.StartOrEnd != 0 {
		return Watch{}, c.no("a selector with offset or @", e)
	}
	return Watch{Selector: selectorOf(v.LabelMatchers)}, nil
}

func selectorOf(ms []*labels.Matcher) Selector {
	out := make(Selector, 0, len(ms))
	for _, m := range ms {
		out = append(out, Matcher{m.Name, m.Type.String(), m.Value})
	}
	slices.SortFunc(out, func(a, b Matcher) int {
		return strings.Compare(a.Name+"\xff"+a.Op+a.Value, b.Name+"\xff"+b.Op+b.Value)
	})
	return slices.Compact(out)
}

func (c compiler) ratio(e parser.Expr, failing bool) (Ratio, error) {
	switch e := strip(e).(type) {
	case *parser.BinaryExpr:
		if one, ok := strip(e.LHS).(*parser.NumberLiteral); ok && one.Val == 1 && e.Op == parser.SUB {
			return c.ratio(e.RHS, !failing)
		}
		if e.Op == parser.LOR && isConstant(e.RHS) {
			return c.ratio(e.LHS, failing)
		}
		if e.Op != parser.DIV {
			return Ratio{}, c.no("this operation", e)
		}
		part, err := c.sum(e.LHS)
		if err != nil {
			return Ratio{}, err
		}
		total, err := c.sum(e.RHS)
		if err == nil && !slices.Equal(part.By, total.By) {
			err = c.no("a ratio of what is grouped differently", e)
		}
		return Ratio{part, total, failing}, err
	case *parser.Call:
		return c.fraction(e, failing)
	default:
		return Ratio{}, c.no("this", e)
	}
}

// fraction takes histogram_fraction(0, upper, x) apart.
func (c compiler) fraction(e *parser.Call, failing bool) (Ratio, error) {
	if e.Func.Name != "histogram_fraction" {
		return Ratio{}, c.no("this function", e)
	}
	low, lok := strip(e.Args[0]).(*parser.NumberLiteral)
	high, hok := strip(e.Args[1]).(*parser.NumberLiteral)
	if !lok || !hok || low.Val > 0 {
		return Ratio{}, c.no("a fraction that does not begin at 0", e)
	}
	part, err := c.histogram(e.Args[2], high.Val)
	if err != nil {
		return Ratio{}, err
	}
	total, err := c.histogram(e.Args[2], math.Inf(1))
	return Ratio{part, total, failing}, err
}

// observations takes histogram_fraction(0, upper, x) * histogram_count(x) apart: the
// observations of x of at most upper.
func (c compiler) observations(e *parser.BinaryExpr) (Sum, error) {
	share, ok := strip(e.LHS).(*parser.Call)
	count, also := strip(e.RHS).(*parser.Call)
	if ok && also && share.Func.Name == "histogram_count" {
		share, count = count, share
	}
	if !ok || !also || share.Func.Name != "histogram_fraction" || count.Func.Name != "histogram_count" || share.Args[2].String() != count.Args[0].String() {
		return Sum{}, c.no("this operation", e)
	}
	r, err := c.ratio(share, false)
	return r.Part, err
}

// histogram counts the observations of native histograms of at most upper.
func (c compiler) histogram(e parser.Expr, upper float64) (Sum, error) {
	s, err := c.sum(e)
	if err != nil {
		return s, err
	}
	for i := range s.Terms {
		s.Terms[i].Histogram, s.Terms[i].Upper, s.Terms[i].Form = true, upper, Growth
	}
	return s, nil
}
