package ascode

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"go.yaml.in/yaml/v3"
)

// Foreign returns a kind of documents that have another program's form as a
// whole: T is all of the document, not its spec. version and name are what it
// says under apiVersion and kind. meta names the document; check, which may be
// nil, finds what a schema cannot say.
func Foreign[T any](version, name, doc, example string, meta func(T) Metadata, check func(T) []FieldError) Kind {
	reg := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	k := Kind{APIVersion: version, Name: name, Doc: doc, Example: example, registry: reg, foreign: true}
	k.schema = huma.SchemaFromType(reg, reflect.TypeFor[T]())
	k.decode = func(c *converter, n *yaml.Node, _ []byte) (Metadata, any) {
		var v T
		if !k.validate(c, n) {
			return Metadata{}, nil
		}
		text, err := json.Marshal(c.document(n, true))
		if err == nil {
			err = json.Unmarshal(text, &v)
		}
		if err != nil {
			c.say(n, "", "%v", err)
			return Metadata{}, nil
		}
		if check != nil {
			c.fields(n, check(v))
		}
		return meta(v), v
	}
	return k
}

// KnownBy is k for documents without apiVersion and kind, which have their
// version under the given field instead: version: prometheus/v1.
func (k Kind) KnownBy(field string) Kind {
	k.marker = field
	return k
}

// KnownByList is k for documents that say neither apiVersion, kind nor version,
// and are known by the list at their root: groups. They are named for their file.
func (k Kind) KnownByList(field string) Kind {
	k.list = field
	return k
}

// has reports whether n is of a kind that is known by its list.
func (k Kind) has(n *yaml.Node, field func(string) string) bool {
	if k.list == "" || field("apiVersion") != "" || field("kind") != "" || field("version") != "" {
		return false
	}
	v := valueOf(n, k.list)
	return v != nil && v.Kind == yaml.SequenceNode
}

// is reports whether a document with these fields is of kind k.
func (k Kind) is(field func(string) string) bool {
	switch {
	case k.File != "" || k.list != "":
		return false
	case k.marker != "":
		return field("kind") == "" && field(k.marker) == k.APIVersion
	}
	return field("apiVersion") == k.APIVersion && field("kind") == k.Name
}

// fields says what a check found: problems, or notes where it is lenient.
func (c *converter) fields(n *yaml.Node, found []FieldError) {
	for _, f := range found {
		at, _ := find(n, f.Path)
		message := f.Message
		if f.Path != "" {
			message = f.Path + ": " + message
		}
		p := Problem{File: c.file, Line: at.Line, Column: at.Column, Message: message, Fix: f.Fix}
		if f.Lenient {
			c.notes = append(c.notes, p)
			continue
		}
		c.problems = append(c.problems, p)
	}
}

// Text is a string, or a number as it was written: 5m and 5.
type Text string

// UnmarshalJSON takes both forms.
func (t *Text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = Text(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*t = Text(n)
	return nil
}

// Schema implements huma.SchemaProvider.
func (Text) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeNumber}}, Description: "A string, or a number."}
}
