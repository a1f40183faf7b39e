package ascode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Write returns documents as YAML, one after the other, with the fields in the
// order of their structs and of their JSON. Text of several lines is written as
// a block.
func Write(documents ...any) ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	for _, d := range documents {
		text, err := marshal(d)
		if err != nil {
			return nil, fmt.Errorf("write YAML: %w", err)
		}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		n, err := node(dec)
		if err != nil {
			return nil, fmt.Errorf("write YAML: %w", err)
		}
		if err := enc.Encode(n); err != nil {
			return nil, fmt.Errorf("write YAML: %w", err)
		}
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return out.Bytes(), nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// node reads the next JSON value as a YAML node, keys in their order.
func node(dec *json.Decoder) (*yaml.Node, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := t.(type) {
	case json.Delim:
		return nodes(dec, v)
	case string:
		n := &yaml.Node{}
		n.SetString(v)
		if strings.Contains(v, "\n") {
			n.Style = yaml.LiteralStyle
		}
		return n, nil
	case json.Number:
		tag := "!!int"
		if strings.ContainsAny(v.String(), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: v.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(v)}, nil
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	}
	return nil, errors.New("unexpected JSON")
}

func nodes(dec *json.Decoder, open json.Delim) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	if open == '{' {
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	}
	for dec.More() {
		e, err := node(dec) // of a mapping: key and value in turn
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, e)
	}
	_, err := dec.Token() // the closing one
	return n, err
}
