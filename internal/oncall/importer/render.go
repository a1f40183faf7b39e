package importer

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Render writes the documents of a result, each kind into a file: people.yaml,
// teams.yaml, rotas.yaml and escalations.yaml. What has no documents has no file.
// Adjustments are not documents.
func Render(r *Result) map[string]string {
	var people, teams, rotas, escalations yaml
	for _, p := range r.People {
		people.head("Person", p.Name, p.Title)
		people.text("  ", "email", p.Email)
		people.text("  ", "timeZone", p.TimeZone)
		people.list("  ", "aliases", p.Aliases)
		people.put("  devices:\n")
		for _, d := range p.Devices {
			people.put("  - channel: %s\n", quote(d.Channel))
			people.text("    ", "address", d.Address)
			people.text("    ", "after", d.After)
		}
	}
	for _, t := range r.Teams {
		teams.head("Team", t.Name, t.Title)
		teams.list("  ", "members", t.Members)
	}
	for _, v := range r.Rotas {
		rotas.rota(r, v)
	}
	for _, e := range r.Escalations {
		escalations.escalation(e)
	}
	out := map[string]string{}
	for name, y := range map[string]*yaml{"people.yaml": &people, "teams.yaml": &teams, "rotas.yaml": &rotas, "escalations.yaml": &escalations} {
		if y.Len() > 0 {
			out[name] = y.String()
		}
	}
	return out
}

type yaml struct{ strings.Builder }

func (y *yaml) put(format string, args ...any) {
	_, _ = fmt.Fprintf(y, format, args...) // a builder takes all
}

func (y *yaml) head(kind, name, title string) {
	if y.Len() > 0 {
		y.put("---\n")
	}
	y.put("apiVersion: hinoban/v1\nkind: %s\nmetadata:\n  name: %s\n", kind, quote(name))
	y.text("  ", "displayName", title)
	y.put("spec:\n")
}

func (y *yaml) text(indent, name, value string) {
	if value != "" {
		y.put("%s%s: %s\n", indent, name, quote(value))
	}
}

func (y *yaml) list(indent, name string, values []string) {
	if len(values) == 0 {
		return
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	y.put("%s%s: [%s]\n", indent, name, strings.Join(quoted, ", "))
}

func (y *yaml) rota(r *Result, v Rota) {
	y.head("Rota", v.Name, v.Title)
	for _, n := range r.Notes {
		if n.Rota == v.Name {
			y.comment(n)
		}
	}
	y.text("  ", "timeZone", v.TimeZone)
	if v.Gaps {
		y.put("  gaps: accept\n")
	}
	y.put("  rotations:\n")
	for _, t := range v.Rotations {
		y.put("  - name: %s\n", quote(cut(t.Name, 100)))
		y.text("    ", "timeZone", t.TimeZone)
		y.text("    ", "start", t.Start)
		y.text("    ", "every", t.Every)
		y.list("    ", "members", t.Members)
		if t.All {
			y.put("    everyMember: true\n")
		}
		if t.Priority != 0 {
			y.put("    priority: %d\n", t.Priority)
		}
		y.hours(t.Hours)
	}
}

// comment writes a note inside of a document.
func (y *yaml) comment(n Note) {
	text := strings.Join(strings.Fields(n.Where+": "+n.Text), " ")
	y.put("  # %s\n", strings.Trim(quote(text), `"`))
}

func (y *yaml) hours(list []Hours) {
	if len(list) == 0 {
		return
	}
	y.put("    hours:\n")
	for _, h := range list {
		var days []string
		for d, on := range h.Days {
			if on {
				days = append(days, strings.ToLower(time.Weekday(d).String()[:3]))
			}
		}
		y.put("    - {")
		if len(days) < 7 {
			y.put("days: [%s], ", strings.Join(days, ", "))
		}
		y.put("from: \"%02d:%02d\", to: \"%02d:%02d\"}\n", h.From/60, h.From%60, h.To/60, h.To%60)
	}
}

func (y *yaml) escalation(e Escalation) {
	y.head("Escalation", e.Name, e.Title)
	y.list("  ", "teams", e.Teams)
	y.list("  ", "services", e.Services)
	if e.Repeat > 0 {
		y.put("  repeat: %d\n", e.Repeat)
	}
	y.put("  steps:\n")
	for _, s := range e.Steps {
		y.put("  - wait: %s\n", quote(s.Wait))
		y.list("    ", "rotas", s.Rotas)
		y.list("    ", "people", s.People)
		if s.RoundRobin {
			y.put("    roundRobin: true\n")
		}
	}
}

// quote writes a string that YAML reads back as it is: as JSON, of which YAML is
// a superset.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(strings.ToValidUTF8(s, "\uFFFD")); err != nil {
		return `""` // strings can always be written
	}
	// JSON leaves these as they are, YAML does not take them.
	return strings.NewReplacer("\x7f", `\u007f`, "\ufeff", `\ufeff`, "\u0085", `\u0085`).Replace(strings.TrimSpace(b.String()))
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
