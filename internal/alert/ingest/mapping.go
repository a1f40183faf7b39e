package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Mapping says where in a payload of any shape the parts of a signal are: each
// field is an expression, and an empty one is [DefaultMapping]'s. body is the
// payload, it the element that is read: of Each, or the payload itself.
type Mapping struct {
	Each     string `json:"each,omitempty"`     // a list: one signal for each element
	Firing   string `json:"firing,omitempty"`   // true or false
	Rule     string `json:"rule,omitempty"`     // what fired
	Service  string `json:"service,omitempty"`  // of whom
	Key      string `json:"key,omitempty"`      // what tells apart several of one rule
	Severity string `json:"severity,omitempty"` // page, ticket, info, or a sender's word for it
	Summary  string `json:"summary,omitempty"`
	Labels   string `json:"labels,omitempty"` // an object
	URL      string `json:"url,omitempty"`
}

// DefaultMapping reads what most senders of plain JSON say.
func DefaultMapping() Mapping {
	return Mapping{
		Each:     `body.alerts ?? body.events ?? [body]`,
		Firing:   `!((it.firing ?? true) == false || lower(string(it.status ?? it.state ?? "")) in ["ok", "resolved", "recovered", "closed", "success"])`,
		Rule:     `it.rule ?? it.alertname ?? it.name ?? it.title ?? "event"`,
		Service:  `it.service ?? it.app ?? it.host ?? ""`,
		Key:      `it.key ?? it.id ?? ""`,
		Severity: `it.severity ?? it.level ?? it.priority ?? ""`,
		Summary:  `it.summary ?? it.message ?? it.description ?? it.title ?? ""`,
		Labels:   `it.labels ?? it.tags ?? {}`,
		URL:      `it.url ?? it.link ?? ""`,
	}
}

const (
	maxExpr     = 1000 // bytes
	maxNodes    = 120
	maxMemory   = 100_000
	maxElements = 1000
	maxMapped   = 20_000  // values of a payload
	maxString   = 8 << 10 // bytes of one string of it
)

// scope is what an expression sees.
type scope struct {
	Body   any    `expr:"body"`
	It     any    `expr:"it"`
	Source string `expr:"source"`
}

// Program is a mapping that was compiled. It is safe for concurrent use.
type Program struct{ fields map[string]*vm.Program }

// pairs are m's fields by name, in the order of a form.
func (m Mapping) pairs() [][2]string {
	return [][2]string{
		{"each", m.Each},
		{"firing", m.Firing},
		{"rule", m.Rule},
		{"service", m.Service},
		{"key", m.Key},
		{"severity", m.Severity},
		{"summary", m.Summary},
		{"labels", m.Labels},
		{"url", m.URL},
	}
}

// Filled is m with the default for each field that is empty.
func (m Mapping) Filled() Mapping {
	out := DefaultMapping()
	for i, to := range []*string{&out.Each, &out.Firing, &out.Rule, &out.Service, &out.Key, &out.Severity, &out.Summary, &out.Labels, &out.URL} {
		if v := strings.TrimSpace(m.pairs()[i][1]); v != "" {
			*to = v
		}
	}
	return out
}

// functions are those that expressions may call. None has an effect, and none
// makes much out of little: memory is bounded by what a payload holds.
func functions() []string {
	return []string{"all", "any", "none", "one", "filter", "find", "count", "len", "first", "last", "keys", "values", "get", "int", "float", "string", "type", "trim", "trimPrefix", "trimSuffix", "upper", "lower", "split", "indexOf", "hasPrefix", "hasSuffix", "max", "min", "abs", "round"}
}

// Compile checks m: an error of kind Invalid names the field.
func (m Mapping) Compile() (Program, error) {
	out := Program{fields: map[string]*vm.Program{}}
	for _, f := range m.Filled().pairs() {
		name, text := f[0], f[1]
		if len(text) > maxExpr {
			return out, errs.New(errs.Invalid, "mapping.%s: more than %d bytes", name, maxExpr)
		}
		opts := []expr.Option{expr.Env(scope{}), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins()}
		for _, fn := range functions() {
			opts = append(opts, expr.EnableBuiltin(fn))
		}
		if name == "firing" {
			opts = append(opts, expr.AsBool())
		}
		w := &watcher{}
		program, err := expr.Compile(text, append(opts, expr.Patch(w))...)
		if err == nil && w.why != "" {
			err = fmt.Errorf("%s", w.why)
		}
		if err != nil {
			return out, errs.New(errs.Invalid, "mapping.%s: %s", name, firstLines(err.Error()))
		}
		out.fields[name] = program
	}
	return out, nil
}

func firstLines(s string) string { return clip(strings.Join(strings.Fields(s), " "), 300) }

// watcher refuses what would make an expression's work more than its length
// times the payload's: names for values, which double, ranges, and loops in loops.
type watcher struct{ why string }

// Visit implements ast.Visitor.
func (w *watcher) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.VariableDeclaratorNode:
		w.why = "let is not available: write the value where it is used"
	case *ast.BuiltinNode: // functions of conditions are parsed even where they are disabled
		if !slices.Contains(functions(), n.Name) {
			w.why = "unknown name " + n.Name
		}
	case *ast.BinaryNode:
		if n.Operator == ".." {
			w.why = "ranges (a..b) are not available"
		}
	case *ast.PredicateNode:
		inner := &nested{}
		ast.Walk(&n.Node, inner)
		if inner.found {
			w.why = "a condition inside of a condition ({ … { … } }) is not available"
		}
	}
}

type nested struct{ found bool }

// Visit implements ast.Visitor.
func (n *nested) Visit(node *ast.Node) {
	if _, ok := (*node).(*ast.PredicateNode); ok {
		n.found = true
	}
}

// run evaluates one field. ctx bounds the work between fields.
func (p Program) run(ctx context.Context, field string, body, it any, source string) (any, error) {
	if ctx.Err() != nil {
		return nil, errs.New(errs.Unavailable, "the mapping takes too long for this payload")
	}
	machine := vm.VM{MemoryBudget: maxMemory}
	out, err := machine.Run(p.fields[field], scope{body, it, source})
	if err != nil {
		return nil, errs.New(errs.Invalid, "mapping.%s: %s", field, firstLines(err.Error()))
	}
	return out, nil
}

// asText is a value of an expression as text: of objects and lists their JSON.
func asText(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case bool, int, float64, json.Number:
		return fmt.Sprint(x)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return clip(string(b), maxString)
}

// shorten cuts the strings of a decoded payload, in place.
func shorten(v any) any {
	switch x := v.(type) {
	case string:
		return clip(x, maxString)
	case []any:
		for i := range x {
			x[i] = shorten(x[i])
		}
	case map[string]any:
		for k, e := range x {
			x[k] = shorten(e)
		}
	}
	return v
}
