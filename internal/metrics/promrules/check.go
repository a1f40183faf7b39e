package promrules

import (
	"errors"
	"log/slog"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// File is a file of rules in Prometheus' format.
type File struct {
	Path string
	Text string
}

// Fault is what is wrong with a file of rules.
type Fault struct {
	Group string // its name; "" where the whole file is meant
	Rule  int    // the place in the group, from 0; -1 where the group is meant
	Text  string
}

// Check says what Prometheus would refuse in a file.
func Check(f File) (out []Fault) {
	_, bad := parse(metrics.NewParser(), f.Text, false)
	for _, err := range bad {
		if e, ok := errors.AsType[*rulefmt.Error](err); ok {
			out = append(out, Fault{e.Group, e.Rule - 1, e.Err.Unwrap().Error()})
			continue
		}
		out = append(out, Fault{Rule: -1, Text: err.Error()})
	}
	return out
}

func parse(p parser.Parser, text string, loose bool) (*rulefmt.RuleGroups, []error) {
	return rulefmt.Parse([]byte(text), loose, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
}

// loader hands one file to the rule engine.
type loader struct {
	file   File
	parser parser.Parser
}

// Load implements rules.GroupLoader.
func (l loader) Load(path string, loose bool, _ model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	if path != l.file.Path {
		return nil, []error{errs.New(errs.NotFound, "there is no file %s", path)}
	}
	return parse(l.parser, l.file.Text, loose)
}

// Parse implements rules.GroupLoader.
func (l loader) Parse(q string) (parser.Expr, error) { return l.parser.ParseExpr(q) }
