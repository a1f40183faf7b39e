package metrics

import (
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Matches reports whether a label's value meets the condition. A regular
// expression that does not compile meets nothing.
func (m Matcher) Matches(value string) bool {
	switch m.Op {
	case "=":
		return value == m.Value
	case "!=":
		return value != m.Value
	}
	re, err := regexp.Compile("^(?s:" + m.Value + ")$")
	if err != nil {
		return false
	}
	return re.MatchString(value) == (m.Op == "=~")
}

// String is the condition as PromQL has it.
func (m Matcher) String() string { return m.Name + m.Op + `"` + m.Value + `"` }

// Part is one vector selector of a query.
type Part struct {
	Metric   string // "" where it is chosen by a condition
	Matchers Selector
	Side     string        // "+" where it adds to the query's value, "-" where it is taken from it, "" where neither can be told
	Range    time.Duration // 0 for an instant selector
}

// Query is what a query is made of.
type Query struct {
	Parts    []Part
	Filters  bool // a comparison, and, unless or topk may leave nothing
	Sums     bool // it adds aggregates, each of which may be absent
	Fallback bool // an or stands in for what is absent
}

// Inspect says what a query is made of. {{.window}} stands for any range.
// Invalid where it does not parse.
func Inspect(query string) (Query, error) {
	text := strings.ReplaceAll(strings.ReplaceAll(query, "{{ .window }}", "5m"), windowMark, "5m")
	expr, err := parser.NewParser(parser.Options{EnableExperimentalFunctions: true}).ParseExpr(text)
	if err != nil {
		return Query{}, errs.New(errs.Invalid, "%w", err)
	}
	var q Query
	walk(expr, "+", 0, &q)
	return q, nil
}

// walk gathers selectors with the side on which they count.
func walk(e parser.Node, side string, over time.Duration, q *Query) {
	switch v := e.(type) {
	case *parser.VectorSelector:
		q.Parts = append(q.Parts, partOf(v, side, over))
		return
	case *parser.MatrixSelector:
		walk(v.VectorSelector, side, v.Range, q)
		return
	case *parser.BinaryExpr:
		q.binary(v)
		right := side
		switch v.Op {
		case parser.SUB:
			right = flip(side)
		case parser.ADD, parser.LOR:
		default:
			side, right = "", "" // a product or a quotient is neither more nor less
		}
		walk(v.LHS, side, over, q)
		walk(v.RHS, right, over, q)
		return
	case *parser.AggregateExpr:
		if v.Op == parser.TOPK || v.Op == parser.BOTTOMK {
			q.Filters = true
		}
	}
	for c := range parser.ChildrenIter(e) {
		walk(c, side, over, q)
	}
}

func (q *Query) binary(v *parser.BinaryExpr) {
	switch {
	case v.Op.IsComparisonOperator() && !v.ReturnBool, v.Op == parser.LAND, v.Op == parser.LUNLESS:
		q.Filters = true
	case v.Op == parser.LOR:
		q.Fallback = true
	case v.Op == parser.ADD && v.LHS.Type() == parser.ValueTypeVector && v.RHS.Type() == parser.ValueTypeVector:
		q.Sums = true
	}
}

func flip(side string) string {
	switch side {
	case "+":
		return "-"
	case "-":
		return "+"
	}
	return ""
}

func partOf(v *parser.VectorSelector, side string, over time.Duration) Part {
	p := Part{Metric: v.Name, Side: side, Range: over}
	for _, m := range v.LabelMatchers {
		if m.Name == model.MetricNameLabel {
			if m.Type == labels.MatchEqual {
				p.Metric = m.Value
			}
			continue
		}
		p.Matchers = append(p.Matchers, Matcher{m.Name, m.Type.String(), m.Value})
	}
	return p
}
