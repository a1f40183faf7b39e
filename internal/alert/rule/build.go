package rule

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Want is a file that a document refers to: Path of one, or the pattern Glob.
type Want struct {
	Path, Glob string
	At         ascode.Problem // where it is referred to
}

// Wants lists the files that the rules of a set refer to, and what is wrong with
// their paths.
func Wants(set *ascode.Set) (out []Want, problems ascode.Problems) {
	for _, d := range ascode.Of[Spec](set) {
		f := d.Spec.Where.ForEach
		if f == nil {
			continue
		}
		var name, field string
		switch {
		case f.CSV != nil:
			name, field = f.CSV.File, "spec.where.forEach.csv.file"
		case f.Terraform != nil:
			name, field = f.Terraform.File, "spec.where.forEach.terraform.file"
		case f.Glob != "":
			name, field = f.Glob, "spec.where.forEach.glob"
		default:
			continue
		}
		p, err := d.Refer(name)
		at := d.At(field, "name a file beside the document, inside the folder", "%s: %v", name, err)
		switch {
		case err != nil:
			problems = append(problems, at)
		case f.Glob != "":
			out = append(out, Want{Glob: p, At: at})
		default:
			out = append(out, Want{Path: p, At: at})
		}
	}
	return out, problems
}

// Deps is what rules refer to. A nil func allows everything.
type Deps struct {
	Catalog       *catalog.Snapshot
	HasEscalation func(string) bool
	HasSLO        func(string) bool
	// Values are those of a label of the series that a selector picks; ok is false
	// where the metrics cannot be asked.
	Values func(series, label string) (values []string, ok bool)
}

type builder struct {
	set      *ascode.Set
	d        Deps
	out      *Set
	problems ascode.Problems
}

// Build makes the rules of a set and checks what refers to what.
func Build(set *ascode.Set, d Deps) (*Set, ascode.Problems) {
	b := &builder{set: set, d: d, out: &Set{}}
	for _, doc := range ascode.Of[Spec](set) {
		if r, ok := b.document(doc); ok {
			b.out.Rules = append(b.out.Rules, r)
		}
	}
	b.foreign()
	b.out.sort()
	return b.out, b.problems
}

// foreign takes the files of Prometheus.
func (b *builder) foreign() {
	for _, doc := range ascode.Of[PromFile](b.set) {
		b.out.files = append(b.out.files, File{doc.File, doc.Text})
		b.out.Rules = append(b.out.Rules, RulesOf(doc.File, doc.Spec, func(f string) int { return doc.At(f, "", "").Line })...)
	}
	for _, doc := range ascode.Of[Resource](b.set) {
		at := ResourcePath(doc.Document)
		b.out.files = append(b.out.files, File{at, doc.Spec.Spec.text()})
		b.out.Rules = append(b.out.Rules, RulesOf(doc.File, doc.Spec.Spec, func(f string) int { return doc.At("spec."+f, "", "").Line })...)
	}
}

// document makes the rule of one document; ok is false where check has said what
// is wrong with it, or this has.
func (b *builder) document(doc ascode.Doc[Spec]) (r Rule, ok bool) {
	r, bad := parse(doc.Metadata, doc.Spec)
	r.File, r.Line = doc.File, doc.Line
	if len(bad) > 0 {
		return r, false
	}
	before := len(b.problems)
	b.who(doc, &r)
	b.refers(doc, r)
	all, path, err := b.resources(doc, r)
	if err == nil {
		r.Instances, err = r.instances(all)
	}
	if r.ForEach == "" {
		r.Instances, err = []Instance{{ID: r.ID, Expr: r.What.Expr, Service: r.Service, Labels: maps.Clone(r.Labels), Notes: maps.Clone(r.Notes)}}, nil
		if placeholder.MatchString(r.What.Expr) {
			b.say(doc, "spec.what.expr", "add where.forEach", "${…} stands for nothing: the rule is not repeated")
		}
	}
	if err != nil {
		b.say(doc, path, "", "%v", err)
	}
	for i := range r.Instances {
		b.finish(doc, r, &r.Instances[i])
	}
	return r, len(b.problems) == before
}

func (b *builder) say(doc ascode.Doc[Spec], path, fix, format string, args ...any) {
	b.problems = append(b.problems, doc.At(path, fix, format, args...))
}

// who finds the owner.
func (b *builder) who(doc ascode.Doc[Spec], r *Rule) {
	w := &r.Who
	switch {
	case w.Owner != "" && w.Path != "":
		b.say(doc, "spec.who", "keep one of the two", "it has an owner and a path that decides about the owner")
	case w.Owner != "" && b.d.Catalog != nil:
		c := b.d.Catalog
		if !slices.ContainsFunc(c.Teams, func(t catalog.Team) bool { return t.ID == w.Owner }) && !slices.ContainsFunc(c.People, func(p catalog.Person) bool { return p.ID == w.Owner }) {
			b.say(doc, "spec.who.owner", "add a Team or Person document of this name, or mend the name", "there is no team and no person %q", w.Owner)
		}
		w.Why = r.Place()
	case w.Path != "" && b.d.Catalog != nil:
		o, err := b.d.Catalog.OwnerOfPath(w.Path)
		if err != nil {
			b.say(doc, "spec.who.path", "add a line to CODEOWNERS, or say who.owner", "%v", err)
			return
		}
		w.Why = o.Why
		for _, names := range [][]string{o.Teams, o.People, o.Names} {
			if w.Owner == "" && len(names) > 0 {
				w.Owner = names[0]
			}
		}
	}
}

// refers checks what else the rule names.
func (b *builder) refers(doc ascode.Doc[Spec], r Rule) {
	if e := r.Who.Escalate; e != "" && b.d.HasEscalation != nil && !b.d.HasEscalation(e) {
		b.say(doc, "spec.who.escalate", "add an Escalation document of this name, or mend the name", "there is no escalation %q", e)
	}
	for path, name := range map[string]string{"spec.what.slo": r.What.SLO, "spec.why.slo": r.Why.SLO} {
		if name != "" && b.d.HasSLO != nil && !b.d.HasSLO(name) {
			b.say(doc, path, "mend the name: `hinoban slo` and /slos list the objectives", "there is no objective %q", name)
		}
	}
}

// finish writes what every alert of the rule says.
func (b *builder) finish(doc ascode.Doc[Spec], r Rule, i *Instance) {
	if i.Service != "" && b.d.Catalog != nil {
		if !slices.ContainsFunc(b.d.Catalog.Services, func(s catalog.Service) bool { return s.ID == i.Service }) {
			b.say(doc, "spec.where.service", "add a Service document of this name, or mend the name", "there is no service %q", i.Service)
		}
	}
	if i.Expr != "" {
		if err := metrics.ParseQuery(i.Expr); err != nil {
			b.say(doc, "spec.what.expr", "", "%v", err)
		}
	}
	r.describe(i.Labels, i.Notes)
	i.Labels["severity"] = string(r.When.Urgency)
	if i.Service != "" && i.Labels["service"] == "" {
		i.Labels["service"] = i.Service
	}
}

// describe adds what the rule knows to the labels and annotations of an alert.
// What they say themselves stays.
func (r Rule) describe(labels, notes map[string]string) {
	put := func(to map[string]string, key, value string) {
		if value != "" && to[key] == "" {
			to[key] = value
		}
	}
	put(labels, "owner", r.Who.Owner)
	put(labels, "escalation", r.Who.Escalate)
	put(notes, "runbook_url", r.How.Playbook)
	put(notes, "playbook", r.How.Playbook)
	put(notes, "first_action", r.How.FirstAction)
	put(notes, "auto", r.How.Auto)
	put(notes, "impact", r.Why.Impact)
	put(notes, "cost_of_miss", r.Why.CostOfMiss)
	put(notes, "slo", r.Why.SLO)
}

// resources are what forEach names, and the field to blame where it fails.
func (b *builder) resources(doc ascode.Doc[Spec], r Rule) (out []each, path string, err error) {
	f := doc.Spec.Where.ForEach
	if f == nil {
		return nil, "", nil
	}
	path = "spec.where.forEach"
	switch {
	case f.Selector != nil:
		return b.services(*f.Selector), path, nil
	case f.Metric != nil:
		out, err = b.values(*f.Metric)
	case f.CSV != nil:
		var text string
		if text, err = b.beside(doc, f.CSV.File); err == nil {
			out, err = fromCSV(text, *f.CSV)
		}
	case f.Terraform != nil:
		var text string
		if text, err = b.beside(doc, f.Terraform.File); err == nil {
			out, err = fromTerraform(text, *f.Terraform)
		}
	default:
		var pattern string
		if pattern, err = doc.Refer(f.Glob); err == nil {
			out, err = fromGlob(pattern, b.set.Names())
		}
	}
	if err == nil && len(out) == 0 && f.Metric == nil {
		err = errs.New(errs.Invalid, "%s names nothing: the rule would watch nothing", r.ForEach)
	}
	return out, path, err
}

func (b *builder) beside(doc ascode.Doc[Spec], name string) (string, error) {
	p, err := doc.Refer(name)
	if err != nil {
		return "", errs.New(errs.Invalid, "%s: %w", name, err)
	}
	text, ok := b.set.Beside(p)
	if !ok {
		return "", errs.New(errs.NotFound, "%s is not in the folder", path.Clean(p))
	}
	return text, nil
}

// values are the keys of forEach.metric. Where the metrics cannot be asked, one
// stands for all, so that the query is checked.
func (b *builder) values(s MetricSpec) (out []each, err error) {
	if err := metrics.ParseQuery(s.Series); err != nil {
		return nil, err
	}
	var values []string
	ok := false
	if b.d.Values != nil {
		values, ok = b.d.Values(s.Series, s.Label)
	}
	if !ok {
		values = []string{"any"}
	}
	for _, v := range values {
		if v != "" && len(out) < maxInstances {
			out = append(out, each{v, map[string]string{s.Label: v}})
		}
	}
	return out, nil
}

// services are the services of the catalog that a selector picks.
func (b *builder) services(s SelectorSpec) (out []each) {
	for _, d := range ascode.Of[catalog.ServiceSpec](b.set) {
		m := d.Metadata
		if !picks(s.Teams, d.Spec.Team) || !picks(s.Tiers, d.Spec.Tier) || !carries(m.Labels, s.Labels) {
			continue
		}
		e := each{m.Name, map[string]string{"name": m.Name, "title": m.Title(), "team": d.Spec.Team, "tier": strconv.Itoa(d.Spec.Tier)}}
		for k, v := range m.Labels {
			e.values["label."+k] = strings.Join(v, ",")
		}
		out = append(out, e)
	}
	return out
}

func picks[T comparable](list []T, v T) bool {
	return len(list) == 0 || slices.Contains(list, v)
}

func carries(has map[string]ascode.Strings, want map[string]string) bool {
	for k, v := range want {
		if len(has[k]) == 0 || !picks(has[k], v) {
			return false
		}
	}
	return true
}

// Files are the Prometheus rules to evaluate: the files as they are, and each
// AlertRule with an expression as a group of its own.
func (s *Set) Files() []File {
	out := append([]File{}, s.files...)
	for _, r := range s.Rules {
		if !r.Native || r.What.Expr == "" || len(r.Instances) == 0 {
			continue
		}
		out = append(out, File{OwnPath(r.ID), PromFile{Groups: []Group{r.group()}}.text()})
	}
	return out
}

// ownPath begins the paths of what AlertRule documents become.
const ownPath = "AlertRule/"

// group writes an AlertRule as a group of Prometheus rules.
func (r Rule) group() Group {
	g := Group{Name: r.ID, Interval: promSpan(r.What.Every)}
	for _, i := range r.Instances {
		one := PromRule{Alert: r.Name, Expr: ascode.Text(i.Expr), For: promSpan(r.What.For), KeepFiringFor: promSpan(r.What.KeepFiringFor), Labels: map[string]ascode.Text{}, Annotations: map[string]ascode.Text{}}
		for k, v := range i.Labels {
			one.Labels[k] = ascode.Text(v)
		}
		for k, v := range i.Notes {
			one.Annotations[k] = ascode.Text(v)
		}
		g.Rules = append(g.Rules, one)
	}
	return g
}

// OwnPath is the path in [Set.Files] of what an AlertRule document became.
func OwnPath(name string) string { return ownPath + name }

// ResourcePath is the path in [Set.Files] of a PrometheusRule.
func ResourcePath(d ascode.Document) string { return d.File + "#" + d.Metadata.Name }

// FieldOf is the path of a rule in its file; of its group where i is below 0.
func FieldOf(group, i int) string {
	if i < 0 {
		return fmt.Sprintf("groups[%d]", group)
	}
	return fmt.Sprintf("groups[%d].rules[%d]", group, i)
}

// Live reports whether instances of a rule follow the metrics.
func Live(set *ascode.Set) bool {
	for _, d := range ascode.Of[Spec](set) {
		if f := d.Spec.Where.ForEach; f != nil && f.Metric != nil {
			return true
		}
	}
	return false
}
