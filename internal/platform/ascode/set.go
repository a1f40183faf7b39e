package ascode

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxFile  = 4 << 20
	maxFiles = 10_000
)

// Document is one document that was read.
type Document struct {
	APIVersion string
	Kind       string
	Metadata   Metadata
	File       string
	Line       int
	Text       string // as written
	Spec       any

	node *yaml.Node
}

// Set is everything that was read from a folder. It is not changed after
// [Load], so it may be shared.
type Set struct {
	Documents []Document
	Files     map[string]string // path -> text: what was read, to keep and compare
	Notes     Problems          // what was accepted leniently: no problem, unless somebody asks for --strict
}

// Doc is a document with its spec's type.
type Doc[T any] struct {
	Document
	Spec T
}

// Of returns the documents whose spec is a T, in the order of their files.
func Of[T any](s *Set) []Doc[T] {
	var out []Doc[T]
	for _, d := range s.Documents {
		if spec, ok := d.Spec.(T); ok {
			out = append(out, Doc[T]{d, spec})
		}
	}
	return out
}

// At returns a problem at a field of d.
func (d Document) At(path, fix, format string, args ...any) Problem {
	p := Problem{File: d.File, Line: d.Line, Column: 1, Message: fmt.Sprintf(format, args...), Fix: fix}
	if d.node != nil {
		n, _ := find(d.node, path)
		p.Line, p.Column = n.Line, n.Column
	}
	return p
}

// Sum identifies what was read: equal sums, equal files.
func (s *Set) Sum() string {
	text, _ := json.Marshal(s.Files) // strings always encode, and keys are sorted
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Load reads every .yaml and .yml file and every native file under fsys. Files
// and folders whose names begin with a dot or "_" are skipped, and so are files of
// tests: those that are named *_test.yaml and list tests. The Set holds
// what could be read even where there are problems.
func Load(fsys fs.FS, kinds []Kind) (*Set, Problems) {
	files := map[string]string{}
	var problems Problems
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if p != "." && (base[0] == '.' || base[0] == '_') {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !known(base, kinds) {
			return nil
		}
		if len(files) == maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		text, err := readFile(fsys, p)
		if err != nil {
			problems = append(problems, Problem{File: p, Message: err.Error()})
			return nil //nolint:nilerr // told as a problem; the other files are still read
		}
		if isTest(base, text) {
			return nil
		}
		files[p] = text
		return nil
	})
	if err != nil {
		problems = append(problems, Problem{File: ".", Message: "read the folder: " + err.Error()})
	}
	set, more := Parse(files, kinds)
	return set, append(problems, more...).sorted()
}

func known(base string, kinds []Kind) bool {
	if ext := path.Ext(base); ext == ".yaml" || ext == ".yml" {
		return true
	}
	return slices.ContainsFunc(kinds, func(k Kind) bool { return k.File == base })
}

var (
	testList   = regexp.MustCompile(`(?m)^(tests|world):`)
	ofDocument = regexp.MustCompile(`(?m)^(- )?(apiVersion|version):`)
)

// isTest reports whether a file holds tests of documents, and none itself.
func isTest(base, text string) bool {
	name := strings.TrimSuffix(base, path.Ext(base))
	return strings.HasSuffix(name, "_test") && testList.MatchString(text) && !ofDocument.MatchString(text)
}

func readFile(fsys fs.FS, p string) (string, error) {
	f, err := fsys.Open(p)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("the file is larger than %d bytes", maxFile)
	}
	return string(text), err
}

// Parse reads files (path -> text).
func Parse(files map[string]string, kinds []Kind) (*Set, Problems) {
	s := &Set{Files: files}
	var problems Problems
	names := make([]string, 0, len(files))
	for n := range files {
		if !strings.HasPrefix(n, besideMark) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	for _, n := range names {
		c := &converter{file: n}
		s.Documents = append(s.Documents, parseFile(c, files[n], kinds)...)
		problems = append(problems, c.problems...)
		s.Notes = append(s.Notes, c.notes...)
	}
	s.Notes = s.Notes.sorted()
	return s, append(problems, doubles(s.Documents)...).sorted()
}

// key tells documents apart.
func (d Document) key() string { return d.APIVersion + " " + d.Kind + " " + d.name() }

// name is how a document is spoken of: checkout, std@3.
func (d Document) name() string {
	if d.Metadata.Version > 0 {
		return d.Metadata.Name + "@" + strconv.Itoa(d.Metadata.Version)
	}
	return d.Metadata.Name
}

func doubles(docs []Document) (out Problems) {
	first := map[string]Document{}
	for _, d := range docs {
		if d.Metadata.Name == "" {
			continue // its own problem has been said
		}
		key := d.key()
		if was, twice := first[key]; twice {
			out = append(out, d.At("metadata.name", "rename or delete one of the two",
				"%s %q is already defined at %s:%d", d.Kind, d.name(), was.File, was.Line))
			continue
		}
		first[key] = d
	}
	return out
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

func parseFile(c *converter, text string, kinds []Kind) []Document {
	name := c.file
	for _, k := range kinds {
		if k.File != "" && k.File == path.Base(name) {
			meta, spec := k.decode(c, nil, []byte(text))
			return []Document{{Kind: k.Name, Metadata: meta, File: name, Line: 1, Text: text, Spec: spec}}
		}
	}
	var docs []Document
	dec := yaml.NewDecoder(strings.NewReader(text))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			p := Problem{File: name, Line: 1, Column: 1, Message: "not YAML: " + err.Error(), Fix: "check the indentation and quotes on and above this line"}
			if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
				p.Line, _ = strconv.Atoi(m[1]) // the pattern holds digits only
				p.Message = "not YAML: " + m[2]
			}
			c.problems = append(c.problems, p)
			return docs
		}
		if len(n.Content) == 0 || n.Content[0].ShortTag() == "!!null" {
			continue
		}
		for _, one := range items(&n) {
			if d, ok := parseDocument(c, one, kinds); ok {
				docs = append(docs, d)
			}
		}
	}
}

// items are the documents of n: n itself, or what it lists where it is a list of
// mappings, as OpenSLO allows.
func items(n *yaml.Node) []*yaml.Node {
	root := n.Content[0]
	if root.Kind != yaml.SequenceNode || len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		return []*yaml.Node{n}
	}
	var out []*yaml.Node
	for _, item := range root.Content {
		out = append(out, &yaml.Node{Kind: yaml.DocumentNode, Line: item.Line, Column: item.Column, Content: []*yaml.Node{item}})
	}
	return out
}

func parseDocument(c *converter, n *yaml.Node, kinds []Kind) (Document, bool) {
	root := n.Content[0]
	if root.Kind != yaml.MappingNode {
		c.say(root, "begin with apiVersion, kind, metadata and spec", "a document must be a mapping")
		return Document{}, false
	}
	field := func(name string) string {
		if v := valueOf(n, name); v != nil && v.Kind == yaml.ScalarNode {
			return v.Value
		}
		return ""
	}
	version, kind := field("apiVersion"), field("kind")
	for _, k := range kinds {
		if k.is(field) || k.has(n, field) {
			meta, spec := k.decode(c, n, nil)
			if meta.Name == "" {
				meta.Name = field("metadata.name") // of a document that is wrong elsewhere
			}
			if k.list != "" {
				meta.Name = c.file // it has no name of its own
			}
			text := bytes.Buffer{}
			enc := yaml.NewEncoder(&text)
			enc.SetIndent(2)
			if err := errors.Join(enc.Encode(n), enc.Close()); err != nil {
				c.say(root, "", "%v", err)
			}
			return Document{APIVersion: k.APIVersion, Kind: k.Name, Metadata: meta, File: c.file, Line: root.Line, Text: text.String(), Spec: spec, node: n}, true
		}
	}
	unknownKind(c, n, version, kind, kinds)
	return Document{}, false
}

func unknownKind(c *converter, n *yaml.Node, version, kind string, kinds []Kind) {
	if version == "" || kind == "" {
		c.say(n.Content[0], "for example apiVersion: hinoban/v1 and kind: Service", "apiVersion and kind must be given")
		return
	}
	var all []string
	for _, k := range kinds {
		if k.File == "" {
			all = append(all, k.APIVersion+" "+k.Name)
		}
	}
	slices.Sort(all)
	at, _ := find(n, "kind")
	fix := "known: " + strings.Join(all, ", ")
	if near := nearest(version+" "+kind, all); near != "" {
		fix = fmt.Sprintf("did you mean %q? %s", near, fix)
	}
	c.say(at, fix, "unknown kind %s %s", version, kind)
}
