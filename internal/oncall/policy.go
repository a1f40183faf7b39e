package oncall

import (
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// Policy is an escalation: what happens, and when, until somebody answers.
type Policy struct {
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	Teams      []string      `json:"teams,omitempty"`    // pages of their services come here
	Services   []string      `json:"services,omitempty"` // named services come here first
	Default    bool          `json:"default"`            // and everything else
	Steps      []Step        `json:"steps"`
	Repeat     int           `json:"repeat"`                // how often to begin again after the last step
	Acks       int           `json:"acks,omitempty"`        // people who must answer; 0 is one
	AckTimeout time.Duration `json:"ack_timeout,omitempty"` // an answer this old that closed nothing is forgotten; 0 never
	Source     string        `json:"source"`
}

// Step tells its targets, then waits.
type Step struct {
	Rotas      []string      `json:"rotas,omitempty"`
	People     []string      `json:"people,omitempty"`
	Wait       time.Duration `json:"wait"` // for an answer, before the next step
	RoundRobin bool          `json:"round_robin,omitempty"`
	Severities []string      `json:"severities,omitempty"` // only for alerts that say one of these; empty for all
	Hours      *Hours        `json:"hours,omitempty"`
	MoreThan   int           `json:"more_than,omitempty"` // only where more alerts than this came within Within
	Within     time.Duration `json:"within,omitempty"`
}

// Hours are when a step may fire.
type Hours struct {
	Zone     *rota.Zone    `json:"-"`
	Windows  []rota.Window `json:"-"`
	Holidays rota.Holidays `json:"-"`
	Pause    bool          `json:"pause"` // outside of them it waits until they come; else the next step follows at once
}

// minds reports whether a step is there for what is that bad.
func (s *Step) minds(severity string) bool {
	return len(s.Severities) == 0 || slices.ContainsFunc(s.Severities, func(v string) bool { return strings.EqualFold(v, severity) })
}

// gate says whether a step may fire now. Where it waits for its hours, until
// says when they come.
func (s *Step) gate(p *Page, now time.Time) (fires bool, until time.Time) {
	if !s.minds(p.Severity) {
		return false, time.Time{}
	}
	if s.MoreThan > 0 && p.came(now.Add(-s.Within)) <= s.MoreThan {
		return false, time.Time{}
	}
	if s.Hours == nil {
		return true, time.Time{}
	}
	in, opens := rota.Within(s.Hours.Windows, s.Hours.Zone, s.Hours.Holidays, now)
	if in {
		return true, time.Time{}
	}
	if s.Hours.Pause {
		return false, opens // zero where they never come: then it is passed over
	}
	return false, time.Time{}
}
