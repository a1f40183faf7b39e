package rule

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// Imported is what Prometheus rule files become.
type Imported struct {
	Documents []ascode.Envelope[Spec]
	Recording []Group  // the groups' recording rules, which stay in Prometheus' form
	Notes     []string // what gets lost
}

// importer gives each document a name of its own.
type importer struct {
	out   Imported
	taken map[string]bool
}

// Import says the alerting rules of files as AlertRule documents. What a rule does not
// say stays unsaid: [Lint] lists it. taken, which may be nil, are names that are
// in use; it grows.
func Import(files []PromFile, taken map[string]bool) Imported {
	if taken == nil {
		taken = map[string]bool{}
	}
	im := importer{taken: taken}
	for _, f := range files {
		for _, g := range f.Groups {
			im.group(g)
		}
	}
	return im.out
}

func (im *importer) group(g Group) {
	rest := g
	rest.Rules = nil
	alerts := 0
	for _, r := range g.Rules {
		if r.Alert == "" {
			rest.Rules = append(rest.Rules, r)
			continue
		}
		alerts++
		im.out.Documents = append(im.out.Documents, im.document(g, r))
	}
	if len(rest.Rules) > 0 {
		im.out.Recording = append(im.out.Recording, rest)
	}
	if alerts > 0 && (g.Limit > 0 || g.QueryOffset != "") {
		im.out.Notes = append(im.out.Notes, "group "+g.Name+": limit and query_offset are not kept for its alerts")
	}
}

func (im *importer) document(g Group, r PromRule) ascode.Envelope[Spec] {
	from := fromProm(g, r)
	s := Spec{
		Alert: r.Alert, Why: WhySpec(from.Why), Who: WhoSpec{Owner: from.Who.Owner}, When: WhenSpec{Urgency: "log", Budget: from.Notes["latency_budget"]},
		What:   WhatSpec{Expr: from.What.Expr, For: string(r.For), KeepFiringFor: string(r.KeepFiringFor), Every: string(g.Interval)},
		How:    HowSpec{Playbook: from.How.Playbook, FirstAction: from.How.FirstAction},
		Labels: rest(from.Labels, append(slices.Clone(ours), "team")), Annotations: rest(from.Notes, moved()),
	}
	switch from.When.Urgency {
	case alert.Page:
		s.When.Urgency = "page"
	case alert.Ticket:
		s.When.Urgency = "ticket"
	case alert.Info:
	}
	s.What.Expr = strings.ReplaceAll(s.What.Expr, "\t", " ")
	return ascode.Envelope[Spec]{APIVersion: apiVersion, Kind: "AlertRule", Metadata: ascode.Metadata{Name: im.name(r.Alert, s.When.Urgency), DisplayName: short120(r.Alert)}, Spec: s}
}

func short120(s string) string { return clip(s, 120) }

// moved are the annotations that have fields of their own.
func moved() []string {
	return []string{"playbook", "runbook_url", "runbook", "runbookUrl", "playbook_url", "first_action", "action", "impact", "cost_of_miss", "latency_budget"}
}

func rest(in map[string]string, without []string) map[string]ascode.Text {
	out := map[string]ascode.Text{}
	for k, v := range in {
		if !slices.Contains(without, k) {
			out[k] = ascode.Text(v)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// name makes a document's name of an alert's: KubePodCrashLooping becomes
// kube-pod-crash-looping, and where that is taken, …-page or …-2.
func (im *importer) name(alertname, urgency string) string {
	base := kebab(alertname)
	name := base
	for n := 2; im.taken[name]; n++ {
		if name = base + "-" + urgency; n > 2 {
			name = fmt.Sprintf("%s-%d", base, n-1)
		}
	}
	im.taken[name] = true
	return name
}

// maxName leaves room in a DNS label for what tells two of a name apart.
const maxName = 52

func kebab(s string) string {
	var b strings.Builder
	rs := []rune(s)
	for i, c := range rs {
		if unicode.IsUpper(c) && i > 0 && (unicode.IsLower(rs[i-1]) || unicode.IsDigit(rs[i-1]) || (i+1 < len(rs) && unicode.IsLower(rs[i+1]))) {
			b.WriteByte('-')
		}
		switch c = unicode.ToLower(c); {
		case (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'):
			b.WriteRune(c)
		default:
			b.WriteByte('-')
		}
	}
	out := strings.Join(strings.FieldsFunc(b.String(), func(c rune) bool { return c == '-' }), "-")
	if out == "" || len(out) > maxName {
		h := fnv.New32a()
		h.Write([]byte(s))
		out = strings.Trim(fmt.Sprintf("%s-%08x", out[:min(len(out), maxName-9)], h.Sum32()), "-")
	}
	return out
}

// Lacking counts the lacks by code, for a report.
func Lacking(lacks []Lack) (codes []string, count map[string]int) {
	count = map[string]int{}
	for _, l := range lacks {
		count[l.Code]++
	}
	return slices.Sorted(maps.Keys(count)), count
}
