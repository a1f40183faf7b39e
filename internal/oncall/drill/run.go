package drill

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Config is what a test runs against.
type Config struct {
	Plan    *oncall.Plan
	Catalog *catalog.Snapshot
}

func (c Config) person(id string) (catalog.Person, error) {
	i := slices.IndexFunc(c.Catalog.People, func(p catalog.Person) bool { return p.ID == id })
	if i < 0 {
		return catalog.Person{}, errs.New(errs.NotFound, "there is no person %q", id)
	}
	return c.Catalog.People[i], nil
}

func (c Config) team(service string) string {
	for _, s := range c.Catalog.Services {
		if s.ID == service {
			return s.Team
		}
	}
	return ""
}

// Failure is one expectation that did not hold.
type Failure struct {
	Line int    `json:"line,omitempty"`
	At   string `json:"at,omitempty"`
	Text string `json:"text"`
}

// Run lives a test and returns what was not as expected. It is pure.
func Run(t Test, c Config) (out []Failure) {
	start, err := t.World.Start()
	if err != nil {
		return []Failure{{Text: err.Error()}}
	}
	sim := oncall.NewSimulation(c.Plan, nil, c.person, c.team, start)
	var all []oncall.Happening
	for _, s := range t.Steps {
		at, err := time.ParseDuration(s.At)
		if err != nil {
			return append(out, Failure{Line: s.Line, Text: err.Error()})
		}
		// What is due at the very second of an answer is sent before it: that is the
		// harder case.
		sim.Until(start.Add(at))
		if s.expects() {
			got := sim.Take()
			all = append(all, got...)
			for _, text := range compare(s.Expect, got, start) {
				out = append(out, Failure{Line: s.Line, At: s.At, Text: text})
			}
			continue
		}
		if err := s.do(sim, start); err != nil {
			out = append(out, Failure{Line: s.Line, At: s.At, Text: err.Error()})
		}
	}
	all = append(all, sim.Take()...)
	for _, e := range t.Never {
		if i := slices.IndexFunc(all, func(h oncall.Happening) bool { return e.fits(h, start) }); i >= 0 {
			out = append(out, Failure{At: all[i].At.Sub(start).String(), Text: "must never happen, and did: " + tell(all[i], start)})
		}
	}
	return out
}

func (s Step) do(sim *oncall.Simulation, start time.Time) error {
	switch {
	case s.Alert != nil:
		sim.Alert(cmp.Or(s.Alert.Key, s.Alert.Service), s.Alert.Service, cmp.Or(s.Alert.Summary, s.Alert.Key), strings.ToLower(s.Alert.Severity))
		return nil
	case s.Ack != nil:
		return sim.Ack(s.Ack.Key, s.Ack.By)
	case s.Decline != nil:
		return sim.Decline(s.Decline.Key, s.Decline.By)
	case s.Resolve != nil:
		return sim.Resolve(s.Resolve.Key)
	case s.Fail != "":
		sim.Fail(s.Fail, true)
	case s.Mend != "":
		sim.Fail(s.Mend, false)
	case s.Adjust != nil:
		return s.Adjust.do(sim, start)
	}
	return nil
}

func (a Adjust) do(sim *oncall.Simulation, start time.Time) error {
	from := sim.Now()
	if a.From != "" {
		d, err := time.ParseDuration(a.From)
		if err != nil {
			return fmt.Errorf("adjust.from: write 1h: %w", err)
		}
		from = start.Add(d)
	}
	lasts, err := time.ParseDuration(a.For)
	if err != nil || lasts <= 0 {
		return errs.New(errs.Invalid, "adjust.for: write 1h, not %q", a.For)
	}
	sim.Adjust(oncall.Adjustment{Kind: rota.Kind(a.Kind), Rota: a.Rota, Person: a.Person, Of: a.Of, Mode: rota.Mode(a.Mode), Start: from, End: from.Add(lasts)})
	return nil
}

// told are the happenings that an expect must list.
func told(h oncall.Happening) bool {
	switch h.Event {
	case string(oncall.KindPage), string(oncall.KindShadow), (oncall.Retriggered{}).EventName(), (oncall.Exhausted{}).EventName():
		return true
	}
	return false
}

// compare says what of want is missing, and what of got nobody expected.
func compare(want []Expectation, got []oncall.Happening, start time.Time) (out []string) {
	used := make([]bool, len(got))
	for _, e := range want {
		i := slices.IndexFunc(got, func(h oncall.Happening) bool { return e.fits(h, start) })
		for i >= 0 && used[i] {
			next := slices.IndexFunc(got[i+1:], func(h oncall.Happening) bool { return e.fits(h, start) })
			if next < 0 {
				i = -1
				break
			}
			i += 1 + next
		}
		if i < 0 {
			out = append(out, "did not happen: "+e.String())
			continue
		}
		used[i] = true
	}
	for i, h := range got {
		if !used[i] && told(h) {
			out = append(out, "was not expected: "+tell(h, start))
		}
	}
	return out
}

// event is what e expects, of whom, and of which alert.
func (e Expectation) event() (name, person, key string) {
	switch {
	case e.Page != "":
		return string(oncall.KindPage), e.Page, ""
	case e.Shadow != "":
		return string(oncall.KindShadow), e.Shadow, ""
	case e.Failed != "":
		return "failed", e.Failed, ""
	case e.Retrigger != "":
		return (oncall.Retriggered{}).EventName(), "", e.Retrigger
	case e.Exhausted != "":
		return (oncall.Exhausted{}).EventName(), "", e.Exhausted
	}
	return "", "", ""
}

// fits reports whether h is what e says.
func (e Expectation) fits(h oncall.Happening, start time.Time) bool {
	if e.As == "primary" {
		return h.Event == string(oncall.KindPage) && h.Reason == "shadow"
	}
	name, person, key := e.event()
	if h.Event != name || (e.Step != nil && *e.Step != h.Step) {
		return false
	}
	if after, err := time.ParseDuration(e.After); e.After != "" && (err != nil || h.At.Sub(start) != after) {
		return false
	}
	for _, f := range []struct{ want, got string }{{person, h.Person}, {key, h.Key}, {e.Via, h.Channel}, {e.Device, h.Device}, {e.Service, h.Service}} {
		if f.want != "" && f.want != f.got {
			return false
		}
	}
	return e.Retrigger == "" || e.Reason == "" || e.Reason == h.Reason
}

// String writes e as in the file.
func (e Expectation) String() string {
	var parts []string
	for _, f := range []struct{ name, value string }{
		{"page", e.Page},
		{"shadow", e.Shadow},
		{"failed", e.Failed},
		{"retrigger", e.Retrigger},
		{"exhausted", e.Exhausted},
		{"page_shadow_as", e.As},
		{"via", e.Via},
		{"device", e.Device},
		{"service", e.Service},
		{"reason", e.Reason},
		{"after", e.After},
	} {
		if f.value != "" {
			parts = append(parts, f.name+": "+f.value)
		}
	}
	if e.Step != nil {
		parts = append(parts, fmt.Sprintf("step: %d", *e.Step))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func tell(h oncall.Happening, start time.Time) string {
	after := h.At.Sub(start)
	switch h.Event {
	case (oncall.Retriggered{}).EventName():
		return fmt.Sprintf("{retrigger: %s, reason: %s} at %s", h.Key, h.Reason, after)
	case (oncall.Exhausted{}).EventName():
		return fmt.Sprintf("{exhausted: %s} at %s: %s", h.Key, after, h.Reason)
	}
	return fmt.Sprintf("{%s: %s, via: %s, step: %d} at %s", h.Event, h.Person, h.Channel, h.Step, after)
}
