package metrics

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// windowMark is what other SLO tools write where the window belongs.
const windowMark = "{{.window}}"

// OverWindow turns a query for "now" into one for what happened over a window:
// each instant selector sel becomes fn(sel[window]), where fn is increase for
// counters. A query that carries {{.window}} has it put in there and is left
// alone otherwise. Invalid where the query does not parse, or has a range of
// its own.
func OverWindow(query, fn string, window time.Duration) (string, error) {
	text := model.Duration(window).String()
	if strings.Contains(strings.ReplaceAll(query, " ", ""), windowMark) {
		q := strings.ReplaceAll(strings.ReplaceAll(query, "{{ .window }}", text), windowMark, text)
		return q, ParseQuery(q)
	}
	p := NewParser()
	expr, err := p.ParseExpr(query)
	if err != nil {
		return "", errs.New(errs.Invalid, "%w", err)
	}
	var out strings.Builder
	last := 0
	var bad error
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch v := n.(type) {
		case *parser.MatrixSelector, *parser.SubqueryExpr:
			bad = errs.New(errs.Invalid, "the query has a range of its own (%s): write the bare counter, or %s as the range", v, windowMark)
		case *parser.VectorSelector:
			at := v.PositionRange()
			fmt.Fprintf(&out, "%s%s(%s[%s])", query[last:at.Start], fn, query[at.Start:at.End], text)
			last = int(at.End)
		}
		return nil
	})
	if bad != nil {
		return "", bad
	}
	out.WriteString(query[last:])
	return out.String(), ParseQuery(out.String())
}
