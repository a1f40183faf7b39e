package slotest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
)

// maxFile is the size of a file that is read, in bytes.
const maxFile = 16 << 20

// File is a test file.
type File struct {
	RuleFiles    []string `yaml:"rule_files"` // globs, relative to the file
	Every        Duration `yaml:"evaluation_interval"`
	Order        []string `yaml:"group_eval_order"`
	FuzzyCompare bool     `yaml:"fuzzy_compare"`
	Tests        []Test   `yaml:"tests"`
}

// Test is one test of a file.
type Test struct {
	Name           string            `yaml:"name"`
	Interval       Duration          `yaml:"interval"` // between two values; the file's Every where it is not given
	Start          Moment            `yaml:"start_timestamp"`
	Input          []Series          `yaml:"input_series"`
	Alerts         []AlertTest       `yaml:"alert_rule_test"`
	Exprs          []ExprTest        `yaml:"promql_expr_test"`
	SLOs           []Check           `yaml:"slo_test"`
	ExternalLabels map[string]string `yaml:"external_labels"`
	ExternalURL    string            `yaml:"external_url"`
}

// Series is one series with its values, in the notation of promtool.
type Series struct {
	Series string `yaml:"series"`
	Values Text   `yaml:"values"`
}

// AlertTest says which alerts of Prometheus rules must fire.
type AlertTest struct {
	At        Duration        `yaml:"eval_time"`
	Alertname string          `yaml:"alertname"`
	Want      []ExpectedAlert `yaml:"exp_alerts"`
}

// ExpectedAlert is one of them.
type ExpectedAlert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// ExprTest says what a query must answer.
type ExprTest struct {
	Expr string           `yaml:"expr"`
	At   Duration         `yaml:"eval_time"`
	Want []ExpectedSample `yaml:"exp_samples"`
}

// ExpectedSample is one line of the answer.
type ExpectedSample struct {
	Labels    string  `yaml:"labels"`
	Value     float64 `yaml:"value"`
	Histogram string  `yaml:"histogram"`
}

// Check says what an objective must be at a time. What is not given is not
// compared.
type Check struct {
	At        Duration          `yaml:"eval_time"`
	SLO       Text              `yaml:"slo"`      // its id; of a group id.group or id{label="value"}
	Burn      map[string]Figure `yaml:"exp_burn"` // by window: 1h, or period
	Remaining *Figure           `yaml:"exp_remaining"`
	State     string            `yaml:"exp_state"`  // a slo.Health
	Firing    []string          `yaml:"exp_firing"` // nil: not compared; empty: nothing burns
	Bad       Figures           `yaml:"exp_bad"`
	Total     Figures           `yaml:"exp_total"`
}

// Duration is a time span as Prometheus writes it, with its place.
type Duration struct {
	D            time.Duration
	Line, Column int
}

func durationOf(s string) (time.Duration, error) {
	d, err := model.ParseDuration(s)
	return time.Duration(d), err
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return at(n, "give a duration such as 5m or 1h30m")
	}
	d.Line, d.Column = n.Line, n.Column
	var err error
	if d.D, err = parseDuration(n.Value); err != nil {
		return at(n, "%v", err)
	}
	return nil
}

// Moment is a time: RFC 3339, or seconds since 1970.
type Moment struct{ time.Time }

// UnmarshalYAML implements yaml.Unmarshaler.
func (m *Moment) UnmarshalYAML(n *yaml.Node) error {
	if sec, err := strconv.ParseFloat(n.Value, 64); err == nil && math.Abs(sec) < 1e11 {
		whole, part := math.Modf(sec)
		m.Time = time.Unix(int64(whole), int64(part*float64(time.Second))).UTC()
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, n.Value)
	if err != nil {
		return at(n, "%q is no time: write 2026-04-01T00:00:00Z, or seconds since 1970", n.Value)
	}
	m.Time = t.UTC()
	return nil
}

// Text is a string with its place.
type Text struct {
	Value        string
	Line, Column int
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *Text) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return at(n, "write this in one string")
	}
	*t = Text{n.Value, n.Line, n.Column}
	return nil
}

// Figure is a number that is expected: 14.4, 14.4x, 70 %, or unknown.
type Figure struct {
	V       float64
	Unknown bool
	Text    string // as written
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (f *Figure) UnmarshalYAML(n *yaml.Node) error {
	f.Text = n.Value
	text := strings.TrimSpace(n.Value)
	if text == "unknown" {
		f.Unknown = true
		return nil
	}
	scale := 1.0
	if s, ok := strings.CutSuffix(text, "%"); ok {
		text, scale = s, 0.01
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "x"), "×")
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || n.Kind != yaml.ScalarNode || math.IsNaN(v) || math.IsInf(v, 0) {
		return at(n, "%q is no number: write 14.4, 14.4x, 70%% or unknown", n.Value)
	}
	f.V = v * scale
	return nil
}

// Figures are numbers by window. A number alone is of the objective's period.
type Figures map[string]Figure

// UnmarshalYAML implements yaml.Unmarshaler.
func (f *Figures) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		return n.Decode((*map[string]Figure)(f))
	}
	var one Figure
	if err := one.UnmarshalYAML(n); err != nil {
		return err
	}
	*f = Figures{"period": one}
	return nil
}

// placed is an error with its place.
type placed struct {
	line, column int
	text         string
}

func (p *placed) Error() string { return p.text }

func at(n *yaml.Node, format string, args ...any) error {
	return &placed{n.Line, n.Column, fmt.Sprintf(format, args...)}
}

// Parse reads a test file. What is wrong is said with its place and a remedy.
// Series are not looked into: a bad one fails its test alone.
func Parse(path, text string) (File, ascode.Problems) {
	var f File
	if len(text) > maxFile {
		return f, ascode.Problems{{File: path, Message: fmt.Sprintf("the file is larger than %d bytes", maxFile), Fix: "split it"}}
	}
	dec := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return f, problemsOf(path, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return f, ascode.Problems{{File: path, Line: 1, Column: 1, Message: "it holds more than one document", Fix: "split the file at ---: only the first would be run"}}
	}
	if f.Every.D == 0 {
		f.Every.D = time.Minute
	}
	var problems ascode.Problems
	for i := range f.Tests {
		t := &f.Tests[i]
		if t.Name == "" {
			t.Name = "unnamed#" + strconv.Itoa(i)
		}
		if t.Interval.D == 0 {
			t.Interval = f.Every
		}
		for k, c := range t.SLOs {
			if message, fix := c.fault(); message != "" {
				line, column := c.place()
				problems = append(problems, ascode.Problem{File: path, Line: line, Column: column, Message: fmt.Sprintf("%s: slo_test[%d]: %s", t.Name, k, message), Fix: fix})
			}
		}
	}
	return f, problems
}

// place is the line and the column of a check.
func (c Check) place() (line, column int) {
	if c.SLO.Line > 0 {
		return c.SLO.Line, c.SLO.Column
	}
	return max(1, c.At.Line), max(1, c.At.Column)
}

// fault is what is wrong with a check alone.
func (c Check) fault() (message, fix string) {
	states := []string{string(slo.Healthy), string(slo.Unknown), string(slo.Slow), string(slo.Fast), string(slo.Exhausted)}
	switch {
	case c.SLO.Value == "":
		return "it names no objective", "give its id under slo"
	case c.Burn == nil && c.Remaining == nil && c.State == "" && c.Firing == nil && c.Bad == nil && c.Total == nil:
		return c.SLO.Value + ": it expects nothing", "give exp_burn, exp_remaining, exp_state, exp_firing, exp_bad or exp_total"
	case c.State != "" && !slices.Contains(states, c.State):
		return fmt.Sprintf("%s: there is no state %q", c.SLO.Value, c.State), "write one of " + strings.Join(states, ", ")
	}
	for _, windows := range []map[string]Figure{c.Burn, c.Bad, c.Total} {
		for w := range windows {
			if _, err := parseDuration(w); w != "period" && err != nil {
				return fmt.Sprintf("%s: %v", c.SLO.Value, err), "name a window, or period"
			}
		}
	}
	return "", ""
}

var (
	yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)
	unknown  = regexp.MustCompile(`^field (\S+) not found in type slotest\.(\w+)$`)
)

// problemsOf says what the reader of YAML found.
func problemsOf(path string, err error) ascode.Problems {
	if p, ok := errors.AsType[*placed](err); ok {
		return ascode.Problems{{File: path, Line: p.line, Column: p.column, Message: p.text}}
	}
	lines := []string{err.Error()}
	if t, ok := errors.AsType[*yaml.TypeError](err); ok {
		lines = t.Errors
	}
	var out ascode.Problems
	for _, l := range lines {
		p := ascode.Problem{File: path, Line: 1, Column: 1, Message: l, Fix: "check the indentation and quotes on and above this line"}
		if m := yamlLine.FindStringSubmatch(l); m != nil {
			p.Line, _ = strconv.Atoi(m[1]) // the pattern holds digits only
			p.Message = m[2]
		}
		if m := unknown.FindStringSubmatch(p.Message); m != nil {
			p.Message, p.Fix = fmt.Sprintf("unknown field %q", m[1]), "known here: "+strings.Join(fields(m[2]), ", ")
		}
		out = append(out, p)
	}
	return out
}

// fields are those of one of the file's types.
func fields(name string) (out []string) {
	for _, v := range []any{File{}, Test{}, Series{}, AlertTest{}, ExpectedAlert{}, ExprTest{}, ExpectedSample{}, Check{}} {
		t := reflect.TypeOf(v)
		if t.Name() != name {
			continue
		}
		for f := range t.Fields() {
			out = append(out, f.Tag.Get("yaml"))
		}
	}
	return out
}
