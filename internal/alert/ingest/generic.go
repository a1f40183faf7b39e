package ingest

import (
	"context"
	"encoding/json"
	"maps"
	"strconv"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

func parseGeneric(ctx context.Context, src Source, d Delivery) (Batch, error) {
	program, err := src.Mapping.Compile()
	if err != nil {
		return Batch{}, err
	}
	return Map(ctx, src, program, d)
}

// Map reads a payload of any shape through a mapping. The end of ctx ends it
// between two expressions.
func Map(ctx context.Context, src Source, program Program, d Delivery) (Batch, error) {
	if err := weigh(d.Body, maxMapped); err != nil {
		return Batch{}, err
	}
	var body any
	if err := decode(d.Body, &body); err != nil {
		return Batch{}, err
	}
	body = shorten(body)
	got, err := program.run(ctx, "each", body, body, src.Name)
	if err != nil {
		return Batch{}, err
	}
	all, ok := got.([]any)
	if !ok {
		return Batch{}, errs.New(errs.Invalid, "mapping.each: %s is no list", clip(asText(got), 100))
	}
	if len(all) > maxElements {
		return Batch{}, errs.New(errs.Invalid, "mapping.each: %d elements, at most %d are taken at once", len(all), maxElements)
	}
	var b Batch
	for i, it := range all {
		path := "each[" + strconv.Itoa(i) + "]"
		s, err := program.signal(ctx, src, body, it, d)
		switch {
		case errs.KindOf(err) == errs.Unavailable:
			return Batch{}, err
		case err != nil:
			b.refuse(path, err.Error())
		default:
			b.add(path, s)
		}
	}
	return b, nil
}

func (p Program) signal(ctx context.Context, src Source, body, it any, d Delivery) (alert.Signal, error) {
	texts := map[string]string{}
	var firing bool
	var labels map[string]string
	for _, field := range []string{"firing", "rule", "service", "key", "severity", "summary", "labels", "url"} {
		v, err := p.run(ctx, field, body, it, src.Name)
		if err != nil {
			return alert.Signal{}, err
		}
		switch field {
		case "firing":
			firing, _ = v.(bool) // the program was compiled to give one
		case "labels":
			if labels, err = asLabels(v); err != nil {
				return alert.Signal{}, err
			}
		default:
			texts[field] = asText(v)
		}
	}
	if texts["rule"] == "" || len(texts["rule"]) > 200 {
		return alert.Signal{}, errs.New(errs.Invalid, "mapping.rule: 1 to 200 bytes are expected, and there are %d", len(texts["rule"]))
	}
	said, err := json.Marshal(it)
	if err != nil {
		return alert.Signal{}, errs.New(errs.Invalid, "the element is no JSON: %w", err)
	}
	return alert.Signal{
		// A payload of any shape has no id that is known: what is said again within the
		// minute is a retry.
		ID:     memberID(src, said, d.At.UTC().Format("2006-01-02T15:04"), strconv.FormatBool(firing), texts["rule"], texts["service"], texts["key"]),
		Firing: firing, Source: src.Name, Service: first(clip(texts["service"], 200), src.Service), Rule: texts["rule"], Key: texts["key"],
		Severity: severityOf(texts["severity"], src.Severity), Summary: first(texts["summary"], texts["rule"]), Labels: labels, URL: texts["url"], At: d.At,
	}, nil
}

func asLabels(v any) (map[string]string, error) {
	out := map[string]string{}
	switch x := v.(type) {
	case nil:
	case map[string]any:
		if len(x) > 128 {
			return nil, errs.New(errs.Invalid, "mapping.labels: %d labels, at most 128 are taken", len(x))
		}
		for k, e := range x {
			out[k] = asText(e)
		}
	case []any: // "env:prod", "urgent"
		for _, e := range x[:min(len(x), 100)] {
			maps.Copy(out, ddTags(asText(e)))
		}
	default:
		return nil, errs.New(errs.Invalid, "mapping.labels: an object is expected, and there is %s", clip(asText(v), 60))
	}
	return out, nil
}
