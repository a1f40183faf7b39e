package drill

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	yaml "go.yaml.in/yaml/v3"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// File is the tests of one file.
type File struct {
	Tests []Test `yaml:"tests"`
}

// Test is one story.
type Test struct {
	Name  string        `yaml:"name"`
	World World         `yaml:"world"`
	Steps []Step        `yaml:"steps"`
	Never []Expectation `yaml:"never"`
}

// World is where a test begins.
type World struct {
	Now    string `yaml:"now"`    // 2026-03-08T01:50:00, by the clocks of TZ
	TZ     string `yaml:"tz"`     // an IANA zone; "" is UTC
	Config string `yaml:"config"` // a folder of documents, beside the file; "" is the file's own
}

// Start is when the test begins.
func (w World) Start() (time.Time, error) {
	zone, err := time.LoadLocation(w.TZ)
	if err != nil {
		return time.Time{}, errs.New(errs.Invalid, "world.tz: unknown time zone %q", w.TZ)
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, w.Now, zone); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errs.New(errs.Invalid, "world.now: write 2026-03-08T01:50:00, not %q", w.Now)
}

// Step is one line of a story: exactly one of its fields beside At is set.
type Step struct {
	At      string        `yaml:"at"`
	Alert   *Alert        `yaml:"alert"`
	Ack     *Answer       `yaml:"ack"`
	Decline *Answer       `yaml:"decline"`
	Resolve *Answer       `yaml:"resolve"`
	Fail    string        `yaml:"fail"` // a channel that is down from now on
	Mend    string        `yaml:"mend"` // and up again
	Adjust  *Adjust       `yaml:"adjust"`
	Expect  []Expectation `yaml:"expect"` // nothing happened, where it is empty
	Line    int           `yaml:"-"`
}

func (s Step) expects() bool { return s.Expect != nil }

// Alert fires.
type Alert struct {
	Service  string `yaml:"service"`
	Key      string `yaml:"key"`
	Severity string `yaml:"severity"`
	Summary  string `yaml:"summary"`
}

// Answer is what a person does, or a sender.
type Answer struct {
	Key string `yaml:"key"`
	By  string `yaml:"by"`
	Via string `yaml:"via"` // for the reader
}

// Adjust is an adjustment of a rota; its times count from the test's start.
type Adjust struct {
	Kind   string `yaml:"kind"`
	Rota   string `yaml:"rota"`
	Person string `yaml:"person"`
	Of     string `yaml:"of"`
	From   string `yaml:"from"` // "" is now
	For    string `yaml:"for"`
	Mode   string `yaml:"mode"`
}

// Expectation is one thing that must have happened, or must never.
type Expectation struct {
	Page      string `yaml:"page"`   // a person
	Shadow    string `yaml:"shadow"` // a person
	As        string `yaml:"page_shadow_as"`
	Retrigger string `yaml:"retrigger"` // a key
	Exhausted string `yaml:"exhausted"` // a key
	Failed    string `yaml:"failed"`    // a person whose device could not be reached
	Via       string `yaml:"via"`       // a channel
	Device    string `yaml:"device"`
	Service   string `yaml:"service"`
	Step      *int   `yaml:"step"`
	Reason    string `yaml:"reason"`
	After     string `yaml:"after"` // when, from the test's start
}

const (
	maxTests = 10000
	maxSteps = 10000
)

// Parse reads a file of tests. Its errors name the line.
func Parse(text []byte) (File, error) {
	var f File
	var one struct {
		File `yaml:",inline"`
		Test `yaml:",inline"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&one); err != nil && !errors.Is(err, io.EOF) {
		return f, errs.New(errs.Invalid, "%w", err)
	}
	f = one.File
	lines := stepLines(text)
	if len(one.Steps) > 0 {
		f.Tests = append(f.Tests, one.Test)
	}
	if len(f.Tests) == 0 || len(f.Tests) > maxTests {
		return f, errs.New(errs.Invalid, "the file has %d tests: write world: and steps:, or a list of those called tests:", len(f.Tests))
	}
	for i := range f.Tests {
		t := &f.Tests[i]
		if t.Name == "" {
			t.Name = fmt.Sprintf("test %d", i+1)
		}
		if len(t.Steps) > maxSteps {
			return f, errs.New(errs.Invalid, "%s has more than %d steps", t.Name, maxSteps)
		}
		for j := range t.Steps {
			if len(lines) > 0 { // an alias of an alias has none
				t.Steps[j].Line, lines = lines[0], lines[1:]
			}
		}
		if err := t.check(); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (t *Test) check() error {
	if _, err := t.World.Start(); err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	last := time.Duration(0)
	for _, s := range t.Steps {
		at, err := time.ParseDuration(s.At)
		if err != nil || at < last || at > 400*24*time.Hour {
			return errs.New(errs.Invalid, "line %d: at: write 0s, 5m or 36h, never before the step above", s.Line)
		}
		last = at
		n := 0
		for _, set := range []bool{s.Alert != nil, s.Ack != nil, s.Decline != nil, s.Resolve != nil, s.Fail != "", s.Mend != "", s.Adjust != nil, s.expects()} {
			if set {
				n++
			}
		}
		if n != 1 {
			return errs.New(errs.Invalid, "line %d: a step does one thing: alert, ack, decline, resolve, fail, mend, adjust or expect", s.Line)
		}
	}
	return nil
}

// stepLines are the lines of all steps of a file that was read before.
func stepLines(text []byte) (out []int) {
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil {
		return nil
	}
	var top []int // of a single test, which comes last
	for _, n := range doc.Content {
		top = append(top, linesOf(n)...)
		for _, t := range under(n, "tests") {
			out = append(out, linesOf(t)...)
		}
	}
	return append(out, top...)
}

func linesOf(test *yaml.Node) (out []int) {
	for _, s := range under(test, "steps") {
		out = append(out, s.Line)
	}
	return out
}

// under are the members of the list that a mapping has under a key.
func under(n *yaml.Node, key string) []*yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			list := n.Content[i+1]
			if list.Kind == yaml.AliasNode {
				list = list.Alias
			}
			return list.Content
		}
	}
	return nil
}
