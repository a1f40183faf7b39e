package ascode

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Place is a value in a text of YAML documents.
type Place struct {
	Document int    // 0 is the first
	Path     string // "" or "groups[0].rules[2]"
}

// Each shows every whole document of a text, and every member of the lists that
// lists name, such as "groups[].rules[]". A text that cannot be read has none.
func Each(text string, lists []string, look func(Place, Value)) {
	docs, err := documents(text)
	if err != nil {
		return
	}
	for i, d := range docs {
		for _, path := range append([]string{""}, lists...) {
			for _, p := range spread(d, path) {
				if n := valueOf(d, p); n != nil {
					look(Place{i, p}, Value{n})
				}
			}
		}
	}
}

// Find returns the first place in a text for which want says so, as [Each] shows
// them.
func Find(text string, lists []string, want func(Value) bool) (at Place, ok bool) {
	Each(text, lists, func(p Place, v Value) {
		if !ok && want(v) {
			at, ok = p, true
		}
	})
	return at, ok
}

// Value is a part of a document, to be looked at.
type Value struct{ n *yaml.Node }

// Text is the plain value at a path below v, or "".
func (v Value) Text(path string) string {
	n, ok := find(v.n, path)
	if !ok || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// Sum identifies what v says, whatever its spaces and comments: equal sums, equal
// values.
func (v Value) Sum() string {
	h := sha256.New()
	var write func(n *yaml.Node, depth int)
	write = func(n *yaml.Node, depth int) {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		_, _ = fmt.Fprintf(h, "%d %q(", n.Kind, n.Value) // a hash takes everything
		for _, c := range n.Content {
			if depth < maxDepth {
				write(c, depth+1)
			}
		}
		_, _ = h.Write([]byte(")")) // as above
	}
	write(v.n, 0)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// spread replaces each "[]" of a path by the numbers of the members.
func spread(d *yaml.Node, path string) []string {
	head, rest, more := strings.Cut(path, "[]")
	if !more {
		return []string{path}
	}
	n := valueOf(d, head)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	var out []string
	for i := range n.Content {
		out = append(out, spread(d, head+"["+strconv.Itoa(i)+"]"+rest)...)
	}
	return out
}

func documents(text string) ([]*yaml.Node, error) {
	if len(text) > maxFile {
		return nil, errs.New(errs.Invalid, "the text is larger than %d bytes", maxFile)
	}
	dec := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	var out []*yaml.Node
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, errs.New(errs.Invalid, "read YAML: %w", err)
		}
		out = append(out, &n)
	}
}

// Rewrite returns text with one plain value set at a field below a place, where
// it is or, where it is not, as a new line; every other byte stays. value is
// written as it is. Invalid where that cannot be done: the field is a block, or
// the mapping is written in one line or behind an alias.
func Rewrite(text string, at Place, field, value string) (string, error) {
	docs, err := documents(text)
	if err != nil || at.Document >= len(docs) {
		return "", errs.New(errs.Invalid, "there is no document %d: %w", at.Document, err)
	}
	root := valueOf(docs[at.Document], at.Path)
	if root == nil {
		return "", errs.New(errs.NotFound, "there is nothing at %q", at.Path)
	}
	lines := strings.SplitAfter(text, "\n")
	if n, ok := find(root, field); ok {
		return replace(lines, n, field, value)
	}
	head, last := "", field
	if i := strings.LastIndexByte(field, '.'); i >= 0 {
		head, last = field[:i], field[i+1:]
	}
	parent := valueOf(root, head)
	if head != "" && parent == nil {
		return insert(lines, root, head+":\n\x00  "+last+": "+value)
	}
	return insert(lines, parent, last+": "+value)
}

// replace sets a plain value that is there.
func replace(lines []string, n *yaml.Node, field, value string) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || n.Line > len(lines) {
		return "", errs.New(errs.Invalid, "%s is not a plain value in one line", field)
	}
	line := lines[n.Line-1]
	from := offset(line, n.Column)
	raw := n.Value
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		raw = regexp.MustCompile(`^"(\\.|[^"\\])*"`).FindString(line[from:])
	case n.Style&yaml.SingleQuotedStyle != 0:
		raw = regexp.MustCompile(`^'(''|[^'])*'`).FindString(line[from:])
	}
	if raw == "" || !strings.HasPrefix(line[from:], raw) {
		return "", errs.New(errs.Invalid, "%s is not a plain value in one line", field)
	}
	lines[n.Line-1] = line[:from] + value + line[from+len(raw):]
	return strings.Join(lines, ""), nil
}

// offset is where the column of a node, which counts characters, is in a line.
func offset(line string, column int) int {
	at := 0
	for range column - 1 {
		_, n := utf8.DecodeRuneInString(line[at:])
		at += n
	}
	return at
}

// insert adds lines behind the first entry of a mapping. NUL stands for the
// indent.
func insert(lines []string, n *yaml.Node, text string) (string, error) {
	if n == nil || n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle != 0 || len(n.Content) < 2 {
		return "", errs.New(errs.Invalid, "the mapping is written in one line: write it over several")
	}
	key := n.Content[0]
	indent := strings.Repeat(" ", key.Column-1)
	line := end(n.Content[1])
	if n.Content[1].Kind == yaml.ScalarNode && n.Content[1].Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		line = key.Line - 1 // before a block of text, whose end is not known
		if line < 1 || strings.TrimSpace(lines[key.Line-1][:key.Column-1]) != "" {
			return "", errs.New(errs.Invalid, "the first entry is a block of text: put a plain one before it")
		}
	}
	if line > 0 && !strings.HasSuffix(lines[line-1], "\n") {
		lines[line-1] += "\n"
	}
	return strings.Join(slices.Insert(lines, line, indent+strings.ReplaceAll(text, "\x00", indent)+"\n"), ""), nil
}

// end is the last line of a node, as far as it is known.
func end(n *yaml.Node) int {
	last := n.Line
	for _, c := range n.Content {
		last = max(last, end(c))
	}
	return last
}

// Cut returns text without what is at a place: a whole document, or a member of
// a list. Invalid where that shares a line with something else.
func Cut(text string, at Place) (string, error) {
	docs, err := documents(text)
	if err != nil || at.Document >= len(docs) {
		return "", errs.New(errs.Invalid, "there is no document %d: %w", at.Document, err)
	}
	lines := strings.SplitAfter(text, "\n")
	if at.Path == "" {
		return cutDocument(lines, at.Document), nil
	}
	i := strings.LastIndexByte(at.Path, '[')
	list, n := valueOf(docs[at.Document], at.Path[:max(i, 0)]), valueOf(docs[at.Document], at.Path)
	if i < 0 || n == nil || list == nil || list.Kind != yaml.SequenceNode || list.Style&yaml.FlowStyle != 0 {
		return "", errs.New(errs.Invalid, "%q is no member of a list of lines", at.Path)
	}
	first := n.Line
	// The member goes on as long as lines are indented deeper than its dash.
	dash := strings.IndexByte(lines[first-1], '-')
	last := first
	for last < len(lines) {
		line := strings.TrimRight(lines[last], "\r\n")
		bare := strings.TrimLeft(line, " ")
		if bare != "" && (len(line)-len(bare) <= dash || strings.HasPrefix(line, "---")) {
			break
		}
		last++
	}
	for last > first && strings.TrimSpace(lines[last-1]) == "" {
		last-- // blank lines belong to what follows
	}
	return strings.Join(slices.Delete(lines, first-1, last), ""), nil
}

// cutDocument takes out one document with the line that begins it.
func cutDocument(lines []string, nth int) string {
	var parts [][]string
	part := []string{}
	for _, l := range lines {
		if strings.HasPrefix(l, "---") && !blank(part) {
			parts, part = append(parts, part), nil
		}
		part = append(part, l)
	}
	parts = append(parts, part)
	if nth < len(parts) {
		parts = slices.Delete(parts, nth, nth+1)
	}
	return strings.Join(slices.Concat(parts...), "")
}

// blank reports whether lines hold no document yet.
func blank(lines []string) bool {
	return !slices.ContainsFunc(lines, func(l string) bool {
		l = strings.TrimSpace(l)
		return l != "" && l != "---" && !strings.HasPrefix(l, "#") && !strings.HasPrefix(l, "%")
	})
}

// Unified is the difference of two texts of a file as diff -u writes it, with
// three lines around each change; "" where they are the same.
func Unified(file, a, b string) string {
	if a == b {
		return ""
	}
	x, y := split(a), split(b)
	head := 0
	for head < len(x) && head < len(y) && x[head] == y[head] {
		head++
	}
	tail := 0
	for tail < len(x)-head && tail < len(y)-head && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	const around = 3
	from, behind := max(0, head-around), min(tail, around)
	lenX, lenY := len(x)-tail+behind-from, len(y)-tail+behind-from
	var out strings.Builder
	out.WriteString("--- a/" + file + "\n+++ b/" + file + "\n@@ -" + span(from, lenX) + " +" + span(from, lenY) + " @@\n")
	write := func(mark string, lines []string) {
		for _, l := range lines {
			out.WriteString(mark + strings.TrimSuffix(l, "\n") + "\n")
			if !strings.HasSuffix(l, "\n") {
				out.WriteString("\\ No newline at end of file\n")
			}
		}
	}
	write(" ", x[from:head])
	write("-", x[head:len(x)-tail])
	write("+", y[head:len(y)-tail])
	write(" ", x[len(x)-tail:len(x)-tail+behind])
	return out.String()
}

// span is where a hunk is: its first line, from 1, and how many there are.
func span(from, n int) string {
	if n > 0 {
		from++
	}
	return strconv.Itoa(from) + "," + strconv.Itoa(n)
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	lines := strings.SplitAfter(s, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
