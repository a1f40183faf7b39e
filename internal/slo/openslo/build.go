package openslo

import (
	"fmt"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
)

// Build makes the objectives of the OpenSLO documents of a set, in the order of
// their files. hasService says whether the catalog of the same set knows a
// service. Notes are what was accepted leniently through a reference.
func Build(set *ascode.Set, hasService func(string) bool) (out []slo.Objective, problems, notes ascode.Problems) {
	s := shelve(set)
	add := func(d ascode.Document, service string, found []slo.Objective, faults []ascode.FieldError, broken bool) {
		if !hasService(service) && service != "" {
			problems = append(problems, d.At("spec.service", "add a Service document of this name, or mend the name", "there is no service %q", service))
		}
		for _, f := range faults {
			p := d.At(f.Path, f.Fix, "%s: %s", f.Path, f.Message)
			if f.Lenient {
				notes = append(notes, p)
				continue
			}
			problems, broken = append(problems, p), true
		}
		if broken {
			return
		}
		for _, o := range found {
			o.Doc, o.Source = d.Text, fmt.Sprintf("%s:%d", d.File, d.Line)
			out = append(out, o)
		}
	}
	for _, d := range ascode.Of[SLOSpec](set) {
		r := &reader{shelf: s, version: d.APIVersion}
		found := r.read(d.Metadata, d.Spec)
		add(d.Document, d.Spec.Service, found, r.late(&reader{version: d.APIVersion}, d.Metadata, d.Spec), r.broken())
	}
	for _, d := range ascode.Of[AlphaSLOSpec](set) {
		r, spec := fromAlpha(s, d.Spec)
		found := r.read(d.Metadata, spec)
		add(d.Document, d.Spec.Service, found, r.inAlpha(r.linked), r.broken())
	}
	return out, problems, notes
}

// late is what r found that the document alone did not show.
func (r *reader) late(alone *reader, meta ascode.Metadata, s SLOSpec) []ascode.FieldError {
	alone.read(meta, s)
	said := map[ascode.FieldError]bool{}
	for _, f := range alone.alone {
		said[f] = true
	}
	out := r.linked
	for _, f := range r.alone {
		if !said[f] {
			out = append(out, f)
		}
	}
	return out
}

func shelve(set *ascode.Set) shelf {
	s := shelf{whole: true, slis: map[string]doc[SLISpec]{}, policies: map[string]AlertPolicySpec{}, conditions: map[string]AlertConditionSpec{}, targets: map[string]bool{}, sources: map[string]string{}}
	for _, d := range ascode.Of[SLISpec](set) {
		s.slis[d.Metadata.Name] = doc[SLISpec]{d.APIVersion, d.Spec}
	}
	for _, d := range ascode.Of[AlertPolicySpec](set) {
		s.policies[d.Metadata.Name] = d.Spec
	}
	for _, d := range ascode.Of[AlertConditionSpec](set) {
		s.conditions[d.Metadata.Name] = d.Spec
	}
	for _, d := range ascode.Of[TargetSpec](set) {
		s.targets[d.Metadata.Name] = true
	}
	for _, d := range ascode.Of[DataSourceSpec](set) {
		s.sources[d.Metadata.Name] = d.Spec.Type
	}
	return s
}
