package ascode

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxNodes = 200_000 // of one document, aliases unfolded: a bomb of aliases ends here
	maxDepth = 64
)

// converter turns YAML nodes into JSON values and finds what YAML allows and
// a document does not.
type converter struct {
	file     string
	nodes    int
	problems Problems
	notes    Problems // accepted, though a strict reader would not
}

func (c *converter) say(n *yaml.Node, fix, format string, args ...any) {
	c.problems = append(c.problems, Problem{File: c.file, Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...), Fix: fix})
}

// document returns a whole document as value does.
func (c *converter) document(n *yaml.Node, exact bool) any {
	c.nodes = 0
	return c.value(n, 0, exact)
}

// value returns n as a tree of map[string]any, []any, string, bool, nil,
// float64 (loose) or json.Number (exact).
func (c *converter) value(n *yaml.Node, depth int, exact bool) any {
	c.nodes++
	if c.nodes == maxNodes {
		c.say(n, "split it", "the document has more than %d values", maxNodes)
	}
	if c.nodes >= maxNodes {
		return nil
	}
	if depth > maxDepth {
		c.say(n, "", "nested deeper than %d levels", maxDepth)
		return nil
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return c.value(n.Content[0], depth+1, exact)
	case yaml.AliasNode:
		return c.value(n.Alias, depth+1, exact)
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, e := range n.Content {
			out = append(out, c.value(e, depth+1, exact))
		}
		return out
	case yaml.MappingNode:
		return c.mapping(n, depth, exact)
	case yaml.ScalarNode:
		return c.scalar(n, exact)
	}
	c.say(n, "", "unexpected YAML")
	return nil
}

func (c *converter) mapping(n *yaml.Node, depth int, exact bool) map[string]any {
	out := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			c.say(key, "", "a key must be a plain word")
			continue
		}
		if _, twice := out[key.Value]; twice {
			c.say(key, "keep one of the two", "key %q is given twice", key.Value)
			continue
		}
		out[key.Value] = c.value(n.Content[i+1], depth+1, exact)
	}
	return out
}

func (c *converter) scalar(n *yaml.Node, exact bool) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if exact {
			if _, err := json.Marshal(json.Number(n.Value)); err == nil && json.Valid([]byte(n.Value)) {
				return json.Number(n.Value)
			}
		}
		var f float64
		if err := n.Decode(&f); err != nil || f != f || f > 1e308 || f < -1e308 {
			c.say(n, "", "%q is not a number that can be used", n.Value)
			return nil
		}
		if exact {
			return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
		}
		return f
	}
	return n.Value
}

// find returns the node that path names ("spec.objectives[0].target"), or the
// deepest one on the way there, and whether path was found to its end.
func find(n *yaml.Node, path string) (*yaml.Node, bool) {
	for n.Kind == yaml.DocumentNode || n.Kind == yaml.AliasNode {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
			continue
		}
		n = n.Content[0]
	}
	if path == "" {
		return n, true
	}
	step, rest := cutStep(path)
	if i, err := strconv.Atoi(step); err == nil && n.Kind == yaml.SequenceNode && i >= 0 && i < len(n.Content) {
		return find(n.Content[i], rest)
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value != step {
				continue
			}
			if rest == "" && n.Content[i+1].Kind != yaml.ScalarNode {
				return n.Content[i], true // a block: point at its key
			}
			return find(n.Content[i+1], rest)
		}
	}
	return n, false
}

// cutStep splits "a.b[0]" into "a" and "b[0]", and "[0].c" into "0" and "c".
func cutStep(path string) (step, rest string) {
	if strings.HasPrefix(path, "[") {
		step, rest, _ = strings.Cut(path[1:], "]")
		return step, strings.TrimPrefix(rest, ".")
	}
	i := strings.IndexAny(path, ".[")
	if i < 0 {
		return path, ""
	}
	return path[:i], strings.TrimPrefix(path[i:], ".")
}
