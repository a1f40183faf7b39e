package app

import (
	"fmt"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
	"github.com/hinoban/hinoban/internal/slo/dialect"
	"github.com/hinoban/hinoban/internal/slo/openslo"
	"github.com/hinoban/hinoban/internal/slo/pyrra"
	"github.com/hinoban/hinoban/internal/slo/rules"
	"github.com/hinoban/hinoban/internal/slo/sloth"
)

// RuleOptions say how the rules of SLO files are written.
type RuleOptions struct {
	Dialect string            // sloth or pyrra
	Period  string            // of Sloth's SLOs, such as 30d
	Windows map[string]string // AlertWindows files, path to text; they take the place of the built-in ones
	CRD     bool              // PrometheusRule objects, whatever was read
	Generic bool              // Pyrra's generic series
}

// readSLOs reads SLO files of any dialect. Their services need no document.
func readSLOs(files map[string]string) (*ascode.Set, dialect.Built, error) {
	set, problems := ascode.Parse(files, Kinds())
	built := dialect.Build(set, dialect.Deps{HasService: func(string) bool { return true }, Entry: entries(catalogue.Build(set))})
	problems = append(problems, built.Problems...)
	if err := problems.Err(); err != nil {
		return nil, built, err
	}
	if len(built.Objectives) == 0 {
		return nil, built, errs.New(errs.Invalid, "there is no SLO in what was read")
	}
	return set, built, nil
}

// WriteRules writes the Prometheus rules of SLO files (path to text) as Sloth or
// Pyrra would write them. The notes are what got lost on the way.
func WriteRules(files map[string]string, opts RuleOptions) (text []byte, notes []string, err error) {
	set, built, err := readSLOs(files)
	if err != nil {
		return nil, nil, err
	}
	w := ruleWriter{opts: opts, built: built.Objectives}
	if w.windows, err = windowsOf(opts); err != nil {
		return nil, nil, err
	}
	for _, d := range set.Documents {
		if opts.Dialect == "pyrra" {
			err = w.pyrra(d)
		} else {
			err = w.sloth(d)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	var documents []any
	if len(w.groups) > 0 {
		documents = append(documents, rules.File{Groups: w.groups})
	}
	text, err = ascode.Write(append(documents, w.resources...)...)
	return text, w.notes, err
}

// windowsOf are the windows that Sloth's rules are written with.
func windowsOf(opts RuleOptions) (sloth.Windows, error) {
	period, err := rules.ParseDuration(opts.Period)
	if err != nil {
		return sloth.Windows{}, errs.New(errs.Invalid, "the default period: %w", err)
	}
	w, ok := sloth.BuiltIn(period)
	if len(opts.Windows) > 0 {
		set, problems := ascode.Parse(opts.Windows, sloth.Kinds())
		if err := problems.Err(); err != nil {
			return w, err
		}
		ok = false
		for _, d := range ascode.Of[sloth.WindowsFile](set) {
			if own, err := d.Spec.Spec.Windows(); err == nil && own.Period == period {
				w, ok = own, true
			}
		}
	}
	if !ok {
		return w, errs.New(errs.Invalid, "there are no windows of %s: 28d and 30d are built in, others come from an AlertWindows file by --windows", opts.Period)
	}
	return w, nil
}

// ruleWriter collects rules of documents in their order.
type ruleWriter struct {
	opts      RuleOptions
	windows   sloth.Windows
	built     []slo.Objective
	groups    []rules.Group
	resources []any
	notes     []string
}

func (w *ruleWriter) put(meta rules.Object, groups []rules.Group, asResource bool) {
	switch {
	case w.opts.Dialect == "sloth" && (asResource || w.opts.CRD):
		w.resources = append(w.resources, sloth.Manifest(meta, groups))
	case w.opts.CRD:
		w.resources = append(w.resources, rules.NewResource(meta, groups))
	default:
		w.groups = append(w.groups, groups...)
	}
}

// of are the objectives that a document became, parts of composites with them.
func (w *ruleWriter) of(d ascode.Document) (out []slo.Objective) {
	at := placeOf(d)
	for _, o := range w.built {
		if o.Source == at {
			out = append(out, o)
		}
	}
	return out
}

func (w *ruleWriter) sloth(d ascode.Document) error {
	opts := sloth.Options{Windows: w.windows, Mode: "cli-gen-prom", Spec: sloth.Version}
	if w.opts.CRD {
		opts.Mode = "cli-gen-k8s"
	}
	var specs []sloth.Spec
	meta, asResource := rules.Object{}, false
	switch s := d.Spec.(type) {
	case sloth.Spec:
		specs, meta.Name = []sloth.Spec{s}, s.Service
	case sloth.ServiceLevel:
		specs, meta, asResource = []sloth.Spec{s.Spec.File()}, s.Metadata, true
		opts.Mode, opts.Spec = "cli-gen-k8s", sloth.APIVersion
	default:
		var err error
		if specs, err = w.specs(d); err != nil {
			return err
		}
		opts.Mode, opts.Spec, meta.Name = "cli-gen-openslo", d.APIVersion, d.Metadata.Name
	}
	for _, s := range specs {
		groups, err := sloth.Rules(s, opts)
		if err != nil {
			return err
		}
		w.put(meta, groups, asResource)
	}
	return nil
}

// specs writes a document of another dialect as Sloth's.
func (w *ruleWriter) specs(d ascode.Document) ([]sloth.Spec, error) {
	objectives := w.of(d)
	specs, err := sloth.Specs(objectives, w.windows.Period)
	if err != nil {
		return nil, err
	}
	if s, ok := d.Spec.(openslo.AlphaSLOSpec); ok {
		if own, ok := sloth.FromAlpha(d.Metadata.Name, s); ok {
			w.notes = append(w.notes, d.Metadata.Name+": as with Sloth, an SLO of v1alpha has no alerts; convert it to have some")
			return []sloth.Spec{own}, nil
		}
	}
	for _, o := range objectives {
		pairs, _ := w.windows.Pairs(o.Target, true, true)
		if len(o.Pairs) > 0 && !samePairs(o.Pairs, pairs) {
			w.notes = append(w.notes, o.ID+": the burn rates of the rules are Sloth's, not its own; --windows sets them")
		}
	}
	return specs, nil
}

func (w *ruleWriter) pyrra(d ascode.Document) error {
	resources := []pyrra.Resource{}
	if r, ok := d.Spec.(pyrra.Resource); ok {
		resources = append(resources, r)
	} else {
		for _, o := range w.of(d) {
			r, err := pyrra.FromObjective(o)
			if err != nil {
				return err
			}
			resources = append(resources, r)
			w.notes = append(w.notes, o.ID+": the burn rates of the rules are Pyrra's, not its own")
		}
	}
	for _, r := range resources {
		groups, err := pyrra.Rules(r, pyrra.Options{Generic: w.opts.Generic})
		if err != nil {
			return err
		}
		meta := r.Metadata
		meta.Annotations = nil // as the original leaves them out
		w.put(meta, groups, false)
	}
	return nil
}

func samePairs(a, b []slo.Pair) bool {
	return slices.EqualFunc(a, b, func(x, y slo.Pair) bool {
		return x.Rate == y.Rate && x.Long == y.Long && x.Short == y.Short && x.Severity == y.Severity
	})
}

// ConvertSLOs writes SLO files (path to text) in another dialect: openslo or
// sloth. period is what Sloth will be run with.
func ConvertSLOs(files map[string]string, to, period string) ([]byte, error) {
	set, built, err := readSLOs(files)
	if err != nil {
		return nil, err
	}
	if to == "openslo" {
		documents, err := openslo.Documents(built.Objectives)
		if err != nil {
			return nil, err
		}
		return ascode.Write(documents...)
	}
	span, err := rules.ParseDuration(period)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the default period: %w", err)
	}
	documents, err := slothFiles(set, built.Objectives, span)
	if err != nil {
		return nil, err
	}
	return ascode.Write(documents...)
}

// slothFiles are the files of Sloth of a set. Those that were Sloth's stay as
// they are, alerts and plugins with them.
func slothFiles(set *ascode.Set, objectives []slo.Objective, period time.Duration) (out []any, err error) {
	own := map[string]bool{}
	for _, d := range set.Documents {
		switch s := d.Spec.(type) {
		case sloth.Spec:
			out = append(out, s)
		case sloth.ServiceLevel:
			out = append(out, s.Spec.File())
		default:
			continue
		}
		own[placeOf(d)] = true
	}
	specs, err := sloth.Specs(slices.DeleteFunc(slices.Clone(objectives), func(o slo.Objective) bool { return own[o.Source] }), period)
	for _, s := range specs {
		out = append(out, s)
	}
	return out, err
}

// placeOf is what the objectives of a document have as their source.
func placeOf(d ascode.Document) string { return fmt.Sprintf("%s:%d", d.File, d.Line) }
