package ascode

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"go.yaml.in/yaml/v3"
)

// Metadata is what every document says of itself.
type Metadata struct {
	Name        string             `json:"name" pattern:"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" patternDescription:"a DNS label: lower-case letters, digits and -, at most 63" doc:"Unique among the documents of this kind."`
	DisplayName string             `json:"displayName,omitempty" maxLength:"120" doc:"What people read."`
	Labels      map[string]Strings `json:"labels,omitempty"`
	Annotations map[string]string  `json:"annotations,omitempty"`

	Version int `json:"-"` // of a kind made with [DefineVersioned]; else 0
}

// Title is the display name, or the name.
func (m Metadata) Title() string {
	if m.DisplayName != "" {
		return m.DisplayName
	}
	return m.Name
}

// Strings is one string or a list of them.
type Strings []string

// UnmarshalJSON takes both forms.
func (s *Strings) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*s = Strings{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(s))
}

// Schema implements huma.SchemaProvider.
func (Strings) Schema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{OneOf: []*huma.Schema{text, {Type: huma.TypeArray, Items: text}}, Description: "A string, or a list of strings."}
}

// Envelope is a whole document.
type Envelope[T any] struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       T        `json:"spec"`
}

// Kind is one kind of document. Make it with [Define] or [Native].
type Kind struct {
	APIVersion string // "hinoban/v1"; "" for a native file
	Name       string // "Service"
	File       string // for a native file, its base name
	Doc        string // one sentence
	Example    string // a complete document, tested to be valid

	marker   string // the field that names the version; "" for apiVersion and kind
	list     string // the list that makes a document one of this kind; "" for the others
	foreign  bool   // its schema says itself what apiVersion and kind are
	schema   *huma.Schema
	registry huma.Registry
	decode   func(c *converter, n *yaml.Node, text []byte) (meta Metadata, spec any)
}

// VersionedMetadata is the metadata of a document that has versions: several of
// one name may be in a folder, for what refers to them to move over in its time.
type VersionedMetadata struct {
	Metadata

	Version  int    `json:"version" minimum:"1" doc:"Documents of one name differ by it; what refers to one names it, as in name@3."`
	Owner    string `json:"owner,omitempty" maxLength:"120" doc:"Who answers for it."`
	ReviewBy string `json:"reviewBy,omitempty" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" patternDescription:"a date such as 2027-04-01" doc:"The day by which somebody looks at it again."`
}

// VersionedEnvelope is a whole document that has versions.
type VersionedEnvelope[T any] struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   VersionedMetadata `json:"metadata"`
	Spec       T                 `json:"spec"`
}

// Versioned is what a document with versions holds, as it is in a [Set].
type Versioned[T any] struct {
	Version  int
	Owner    string
	ReviewBy string // 2006-01-02, or ""
	Spec     T
}

// DefineVersioned is [Define] for documents that have versions. In a [Set] their
// spec is a Versioned[T].
func DefineVersioned[T any](apiVersion, name, doc, example string, check func(VersionedEnvelope[T]) []FieldError) Kind {
	return define(apiVersion, name, doc, example, check, func(e VersionedEnvelope[T]) (Metadata, any) {
		m := e.Metadata
		m.Metadata.Version = m.Version
		return m.Metadata, Versioned[T]{Version: m.Version, Owner: m.Owner, ReviewBy: m.ReviewBy, Spec: e.Spec}
	})
}

// Define returns the kind whose documents have a T under spec. check, which may
// be nil, finds what a schema cannot say about one document alone.
func Define[T any](apiVersion, name, doc, example string, check func(Envelope[T]) []FieldError) Kind {
	return define(apiVersion, name, doc, example, check, func(e Envelope[T]) (Metadata, any) { return e.Metadata, e.Spec })
}

// define returns the kind whose documents are an E; parts takes one apart.
func define[E any](apiVersion, name, doc, example string, check func(E) []FieldError, parts func(E) (Metadata, any)) Kind {
	reg := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	k := Kind{APIVersion: apiVersion, Name: name, Doc: doc, Example: example, registry: reg}
	k.schema = huma.SchemaFromType(reg, reflect.TypeFor[E]())
	k.decode = func(c *converter, n *yaml.Node, _ []byte) (Metadata, any) {
		var e E
		if !k.validate(c, n) {
			return Metadata{}, nil
		}
		text, err := json.Marshal(c.document(n, true))
		if err == nil {
			err = json.Unmarshal(text, &e)
		}
		if err != nil {
			c.say(n, "", "%v", err)
			meta, _ := parts(e)
			return meta, nil
		}
		if check != nil {
			c.fields(n, check(e))
		}
		return parts(e)
	}
	return k
}

// Native returns the kind of files that have another program's format and are
// known by their base name. parse returns what the file holds.
func Native[T any](file, name, doc string, parse func(path string, text []byte) (T, Problems)) Kind {
	return Kind{Name: name, File: file, Doc: doc, decode: func(c *converter, _ *yaml.Node, text []byte) (Metadata, any) {
		v, problems := parse(c.file, text)
		c.problems = append(c.problems, problems...)
		return Metadata{Name: strings.ReplaceAll(c.file, "\\", "/")}, v
	}}
}

// validate checks n against the schema and reports whether it fits.
func (k Kind) validate(c *converter, n *yaml.Node) bool {
	before := len(c.problems)
	loose := c.document(n, false)
	if len(c.problems) > before {
		return false
	}
	path, res := huma.NewPathBuffer(make([]byte, 0, 128), 0), &huma.ValidateResult{}
	huma.Validate(k.registry, k.schema, path, huma.ModeWriteToServer, loose, res)
	for _, err := range res.Errors {
		detail, ok := err.(*huma.ErrorDetail) //nolint:errorlint // huma hands the details themselves, unwrapped
		if !ok {
			c.say(n, "", "%v", err)
			continue
		}
		k.explain(c, n, detail)
	}
	return len(res.Errors) == 0
}

// explain says a schema error in the words of whoever wrote the document.
func (k Kind) explain(c *converter, n *yaml.Node, d *huma.ErrorDetail) {
	at, _ := find(n, d.Location)
	where := d.Location
	if where == "" {
		where = k.Name
	}
	if !strings.Contains(d.Message, "unexpected property") {
		c.say(at, k.hint(d.Location), "%s: %s", where, d.Message)
		return
	}
	parent, field := "", d.Location
	if i := strings.LastIndexAny(d.Location, ".]"); i >= 0 {
		parent, field = strings.TrimSuffix(d.Location[:i+1], "."), d.Location[i+1:]
	}
	if key := keyNode(n, parent, field); key != nil {
		at = key
	}
	known := k.fields(parent)
	fix := "known here: " + strings.Join(known, ", ")
	if near := nearest(field, known); near != "" {
		fix = fmt.Sprintf("did you mean %q? %s", near, fix)
	}
	c.say(at, fix, "unknown field %q", field)
}

// keyNode returns the node of a key, so that the column is the key's own.
func keyNode(n *yaml.Node, parent, field string) *yaml.Node {
	// find points at the key of a block; go to its value by its first child.
	m, ok := find(n, parent)
	if !ok {
		return nil
	}
	for _, holder := range []*yaml.Node{m, valueOf(n, parent)} {
		if holder == nil || holder.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(holder.Content); i += 2 {
			if holder.Content[i].Value == field {
				return holder.Content[i]
			}
		}
	}
	return nil
}

// valueOf is find, but returns a block itself and not its key.
func valueOf(n *yaml.Node, path string) *yaml.Node {
	for n.Kind == yaml.DocumentNode || n.Kind == yaml.AliasNode {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
			continue
		}
		n = n.Content[0]
	}
	if path == "" {
		return n
	}
	step, rest := cutStep(path)
	switch n.Kind {
	case yaml.SequenceNode:
		for i, e := range n.Content {
			if fmt.Sprint(i) == step {
				return valueOf(e, rest)
			}
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return valueOf(n.Content[i+1], rest)
			}
		}
	default:
	}
	return nil
}

// at follows path through the schema.
func (k Kind) at(path string) *huma.Schema {
	s := k.resolve(k.schema)
	for path != "" && s != nil {
		var step string
		step, path = cutStep(path)
		switch {
		case s.Type == huma.TypeArray:
			s = k.resolve(s.Items)
		case s.Properties[step] != nil:
			s = k.resolve(s.Properties[step])
		default:
			more, ok := s.AdditionalProperties.(*huma.Schema)
			if !ok {
				return nil
			}
			s = k.resolve(more)
		}
	}
	return s
}

func (k Kind) resolve(s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return k.registry.SchemaFromRef(s.Ref)
	}
	return s
}

func (k Kind) fields(path string) []string {
	s := k.at(path)
	if s == nil {
		return nil
	}
	names := make([]string, 0, len(s.Properties))
	for n := range s.Properties {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// hint is the doc of the field at path.
func (k Kind) hint(path string) string {
	if s := k.at(path); s != nil {
		return s.Description
	}
	return ""
}

// JSONSchema is the kind's schema (2020-12) for editors.
func (k Kind) JSONSchema() ([]byte, error) {
	if k.schema == nil {
		return nil, fmt.Errorf("kind %s is a native file and has no schema of ours", k.Name)
	}
	out := map[string]any{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       k.Name,
		"description": k.Doc,
		"$defs":       k.registry.Map(),
		"allOf": []any{k.schema, map[string]any{"properties": map[string]any{
			"apiVersion": map[string]any{"const": k.APIVersion}, "kind": map[string]any{"const": k.Name},
		}}},
	}
	if k.foreign {
		out["allOf"] = []any{k.schema}
	}
	return json.MarshalIndent(out, "", "  ")
}

// Decimal is a number as it was written, so that 99.9 stays 99.9.
type Decimal string

// UnmarshalJSON keeps the text.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*d = Decimal(n)
	return nil
}

// MarshalJSON writes the number as it was written.
func (d Decimal) MarshalJSON() ([]byte, error) { return json.Marshal(json.Number(d)) }

// Schema implements huma.SchemaProvider.
func (Decimal) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeNumber} }
