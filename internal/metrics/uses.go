package metrics

import (
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Use is a vector selector of an expression that alerts, and what is done to it.
type Use struct {
	Part

	Func   string        // the innermost function that it stands in: rate, absent, histogram_quantile; "" for none
	Age    bool          // it is a time of which the expression takes the age: time() - x
	Offset time.Duration // how long ago it is looked at
	Low    bool          // the expression alerts where it is low, or gone
	High   bool          // it alerts where it is high
	// Ratio is the number of the division that it stands in, from 1 on; 0 for none.
	// Over says that it stands above the line.
	Ratio int
	Over  bool
}

// Uses says what an expression that alerts does to each of its selectors. Invalid
// where it does not parse.
func Uses(expr string) ([]Use, error) {
	e, err := NewParser().ParseExpr(expr)
	if err != nil {
		return nil, errs.New(errs.Invalid, "expression %q: %w", expr, firstOf(err))
	}
	var w uses
	w.walk(e, Use{})
	return w.out, nil
}

type uses struct {
	out    []Use
	ratios int
}

func (w *uses) walk(n parser.Node, u Use) {
	switch v := n.(type) {
	case *parser.VectorSelector:
		u.Part, u.Offset = partOf(v, "", u.Range), v.OriginalOffset
		w.out = append(w.out, u)
		return
	case *parser.MatrixSelector:
		u.Range += v.Range
		w.walk(v.VectorSelector, u)
		return
	case *parser.SubqueryExpr:
		u.Range += v.Range
		w.walk(v.Expr, u)
		return
	case *parser.Call:
		u.Func = v.Func.Name
		if u.Func == "absent" || u.Func == "absent_over_time" {
			u.Low, u.High = true, false
		}
	case *parser.BinaryExpr:
		w.binary(v, u)
		return
	}
	for c := range parser.ChildrenIter(n) {
		w.walk(c, u)
	}
}

func (u Use) turned() Use {
	u.Low, u.High = u.High, u.Low
	return u
}

func (w *uses) binary(v *parser.BinaryExpr, u Use) {
	left, right := u, u
	switch v.Op {
	case parser.GTR, parser.GTE, parser.NEQ:
		left.High, left.Low, right.High, right.Low = true, false, false, true
	case parser.LSS, parser.LTE, parser.EQLC:
		left.High, left.Low, right.High, right.Low = false, true, true, false
	case parser.SUB:
		right = right.turned()
		right.Age = right.Age || isClock(v.LHS)
	case parser.DIV:
		w.ratios++
		left.Ratio, left.Over = w.ratios, true
		right.Ratio, right.Over = w.ratios, false
		right = right.turned()
	}
	w.walk(v.LHS, left)
	w.walk(v.RHS, right)
}

// isClock reports whether e is the time of the evaluation.
func isClock(e parser.Expr) bool {
	c, ok := strip(e).(*parser.Call)
	return ok && c.Func.Name == "time"
}
