package rule

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Limits on what one document may become, and on the files it names.
const (
	maxInstances = 5000
	MaxBeside    = 4 << 20 // bytes of a file that forEach reads
)

// Resource values of forEach: the key, and what else ${each.…} may name.
type each struct {
	key    string
	values map[string]string
}

// fromCSV reads a table whose first line names the columns.
func fromCSV(text string, s CSVSpec) ([]each, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	head, err := r.Read()
	if err != nil {
		return nil, errs.New(errs.Invalid, "%s: the first line must name the columns: %w", s.File, err)
	}
	at := 0
	if s.Key != "" {
		if at = slices.Index(head, s.Key); at < 0 {
			return nil, errs.New(errs.Invalid, "%s has no column %q; its columns are %s", s.File, s.Key, strings.Join(head, ", "))
		}
	}
	var out []each
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, errs.New(errs.Invalid, "%s: %w", s.File, err)
		}
		if len(out) == maxInstances {
			return nil, errs.New(errs.Invalid, "%s has more than %d rows", s.File, maxInstances)
		}
		e := each{key: row[at], values: map[string]string{}}
		for i, name := range head {
			e.values[name] = row[i]
		}
		out = append(out, e)
	}
}

// fromGlob makes a resource of each file that matches.
func fromGlob(pattern string, names []string) (out []each, err error) {
	for _, n := range names {
		ok, err := path.Match(pattern, n)
		if err != nil {
			return nil, errs.New(errs.Invalid, "glob %s: %w", pattern, err)
		}
		if !ok {
			continue
		}
		if len(out) == maxInstances {
			return nil, errs.New(errs.Invalid, "%s matches more than %d files", pattern, maxInstances)
		}
		base := path.Base(n)
		out = append(out, each{strings.TrimSuffix(base, path.Ext(base)), map[string]string{"path": n, "file": base, "dir": path.Base(path.Dir(n))}})
	}
	return out, nil
}

// fromTerraform reads one output of what terraform output -json wrote.
func fromTerraform(text string, s TerraformSpec) ([]each, error) {
	var outputs map[string]struct {
		Sensitive bool            `json:"sensitive"`
		Value     json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal([]byte(text), &outputs); err != nil {
		return nil, errs.New(errs.Invalid, "%s is not what terraform output -json writes: %w", s.File, err)
	}
	o, ok := outputs[s.Output]
	switch {
	case !ok:
		return nil, errs.New(errs.Invalid, "%s has no output %q", s.File, s.Output)
	case o.Sensitive:
		return nil, errs.New(errs.Denied, "%s: the output %q is sensitive: it does not belong into alerts", s.File, s.Output)
	}
	var list []json.RawMessage
	if json.Unmarshal(o.Value, &list) == nil {
		return fromList(list, s)
	}
	var byKey map[string]json.RawMessage
	if err := json.Unmarshal(o.Value, &byKey); err != nil {
		return nil, errs.New(errs.Invalid, "%s: the output %q is neither a list nor a map", s.File, s.Output)
	}
	var out []each
	for k, v := range byKey {
		out = append(out, each{k, fields(v)})
	}
	slices.SortFunc(out, func(a, b each) int { return cmp.Compare(a.key, b.key) })
	return out, nil
}

func fromList(list []json.RawMessage, s TerraformSpec) (out []each, err error) {
	for i, v := range list {
		e := each{values: fields(v)}
		e.key = e.values["value"]
		if s.Key != "" {
			e.key = e.values[s.Key]
		}
		if e.key == "" {
			return nil, errs.New(errs.Invalid, "%s: output %q, item %d: give under key the field that names it", s.File, s.Output, i)
		}
		out = append(out, e)
	}
	return out, nil
}

// fields are the scalars of a JSON object; of a scalar alone the field value.
func fields(raw json.RawMessage) map[string]string {
	out := map[string]string{}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		object = map[string]json.RawMessage{"value": raw}
	}
	for k, v := range object {
		var text string
		var number json.Number
		var yes bool
		switch {
		case json.Unmarshal(v, &text) == nil:
			out[k] = text
		case json.Unmarshal(v, &number) == nil:
			out[k] = number.String()
		case json.Unmarshal(v, &yes) == nil:
			out[k] = strconv.FormatBool(yes)
		}
	}
	return out
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// fill puts the values of e in the place of ${each.…}.
func (e each) fill(text string) (string, error) {
	var bad error
	out := placeholder.ReplaceAllStringFunc(text, func(m string) string {
		v, err := e.value(m[2 : len(m)-1])
		bad = cmp.Or(bad, err)
		return v
	})
	return out, bad
}

func (e each) value(name string) (string, error) {
	field, ok := strings.CutPrefix(strings.TrimSpace(name), "each.")
	if ok && field == "key" {
		return e.key, nil
	}
	if v, has := e.values[field]; ok && has {
		return v, nil
	}
	known := []string{"each.key"}
	for k := range e.values {
		known = append(known, "each."+k)
	}
	slices.Sort(known[1:])
	return "", errs.New(errs.Invalid, "${%s} stands for nothing; known here: %s", name, strings.Join(known, ", "))
}

// bare is what may stand in a query outside of quotes.
var bare = regexp.MustCompile(`^[A-Za-z0-9_:.+-]+$`)

// fillQuery is fill for PromQL: a value cannot end the string it stands in, and
// outside of one it is a word or a number.
func (e each) fillQuery(text string) (string, error) {
	var b strings.Builder
	quote := byte(0)
	for text != "" {
		var piece string
		if loc := placeholder.FindStringIndex(text); loc != nil && loc[0] == 0 {
			v, err := e.value(text[2 : loc[1]-1])
			if err == nil {
				v, err = quoted(v, quote)
			}
			if err != nil {
				return "", err
			}
			b.WriteString(v)
			text = text[loc[1]:]
			continue
		}
		piece, quote = token(text, quote)
		b.WriteString(piece)
		text = text[len(piece):]
	}
	return b.String(), nil
}

// token is what of a query belongs together at its beginning: a character, one that
// is escaped, or a comment; and the quote in which what follows stands.
func token(text string, quote byte) (string, byte) {
	c := text[0]
	switch {
	case quote != 0 && quote != '`' && c == '\\' && len(text) > 1:
		return text[:2], quote
	case quote == 0 && strings.IndexByte("\"'`", c) >= 0:
		return text[:1], c
	case quote == c:
		return text[:1], 0
	case quote == 0 && c == '#':
		line, _, _ := strings.Cut(text, "\n")
		return line, 0
	}
	return text[:1], quote
}

func quoted(v string, quote byte) (string, error) {
	switch quote {
	case 0:
		if !bare.MatchString(v) {
			return "", errs.New(errs.Invalid, "%q cannot stand in a query outside of quotes", v)
		}
		return v, nil
	case '`':
		if strings.Contains(v, "`") {
			return "", errs.New(errs.Invalid, "%q cannot stand between backquotes: use double quotes", v)
		}
		return v, nil
	}
	text := strconv.Quote(v)
	text = text[1 : len(text)-1]
	if quote == '\'' {
		text = strings.ReplaceAll(strings.ReplaceAll(text, `\"`, `"`), `'`, `\'`)
	}
	return text, nil
}

// instances repeats a rule. The error says what does not fit.
func (r Rule) instances(all []each) ([]Instance, error) {
	seen := map[string]bool{}
	out := make([]Instance, 0, len(all))
	for _, e := range all {
		switch {
		case e.key == "" || len(e.key) > 200 || strings.ContainsAny(e.key, "\n\r\t"):
			return nil, errs.New(errs.Invalid, "%q cannot be a key: 1 to 200 bytes on one line", e.key)
		case seen[e.key]:
			return nil, errs.New(errs.Invalid, "the key %q is there twice", e.key)
		}
		seen[e.key] = true
		i, err := r.instance(e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.key, err)
		}
		out = append(out, i)
	}
	return out, nil
}

func (r Rule) instance(e each) (i Instance, err error) {
	i = Instance{ID: r.ID + "[" + e.key + "]", Key: e.key, Labels: map[string]string{"each": e.key}, Notes: map[string]string{}}
	var bad [2]error
	i.Expr, bad[0] = e.fillQuery(r.What.Expr)
	i.Service, bad[1] = e.fill(r.Service)
	err = errors.Join(bad[:]...)
	for k, v := range r.Labels {
		text, bad := e.fill(v)
		i.Labels[k], err = text, errors.Join(err, bad)
	}
	for k, v := range r.Notes {
		text, bad := e.fill(v)
		i.Notes[k], err = text, errors.Join(err, bad)
	}
	return i, err
}
