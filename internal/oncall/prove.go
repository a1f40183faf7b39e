package oncall

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// FindingKind is what is wrong with who is on call.
type FindingKind string

// The kinds, the worst first.
const (
	Gap         FindingKind = "gap"         // nobody is on call
	Absent      FindingKind = "absent"      // who is on call has said to be away
	Unreachable FindingKind = "unreachable" // no device of whoever is on call can call
	Unqualified FindingKind = "unqualified" // who is on call lacks a skill that the rota requires
	Twice       FindingKind = "twice"       // one person in two rotas at a time
	LongTurn    FindingKind = "long_turn"   // longer than the rota allows
	Unfair      FindingKind = "unfair"      // the load is not shared alike
)

func (k FindingKind) rank() int {
	return slices.Index([]FindingKind{Gap, Absent, Unreachable, Unqualified, Twice, LongTurn, Unfair}, k)
}

// Finding is one thing that is wrong with who will be on call.
type Finding struct {
	Kind   FindingKind `json:"kind"`
	Rota   string      `json:"rota"`
	Other  string      `json:"other,omitempty"` // the second rota
	Person string      `json:"person,omitempty"`
	Start  time.Time   `json:"start"`
	End    time.Time   `json:"end"`
	Text   string      `json:"text"`
}

// Proof is what was looked at and what was found.
type Proof struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Rotas    int       `json:"rotas"`
	Turns    int       `json:"turns"`
	Covered  float64   `json:"covered_ratio"` // of the time of all rotas that are meant to be covered
	Findings []Finding `json:"findings"`
}

// FairEnough is Jain's index below which a load is called unfair.
const FairEnough = 0.9

// Prove looks at every turn of [from, to). can says why a device cannot reach
// anybody, or nil. It is pure.
func Prove(plan *Plan, all []Adjustment, person func(string) (catalog.Person, error), can func(catalog.Device) error, from, to time.Time) Proof {
	p := prover{proof: Proof{From: from, To: to, Rotas: len(plan.Rotas), Covered: 1, Findings: []Finding{}}, person: person, can: can}
	var covered, asked time.Duration
	var turns []Turn
	for i := range plan.Rotas {
		r := &plan.Rotas[i]
		mine := r.Turns(all, from, to)
		if !r.Gaps {
			asked += to.Sub(from)
			covered += to.Sub(from)
		}
		for _, t := range mine {
			if t.Person == "" {
				if !r.Gaps {
					covered -= t.End.Sub(t.Start)
					p.find(Gap, t, "nobody is on call")
				}
				continue
			}
			p.proof.Turns++
			p.turn(r, t)
		}
		p.fair(plan, r, mine)
		turns = append(turns, mine...)
	}
	if asked > 0 {
		p.proof.Covered = float64(covered) / float64(asked)
	}
	p.twice(turns)
	slices.SortStableFunc(p.proof.Findings, func(a, b Finding) int { return cmp.Or(a.Kind.rank()-b.Kind.rank(), a.Start.Compare(b.Start)) })
	return p.proof
}

type prover struct {
	proof  Proof
	person func(string) (catalog.Person, error)
	can    func(catalog.Device) error
}

func (p *prover) find(k FindingKind, t Turn, format string, args ...any) {
	p.proof.Findings = append(p.proof.Findings, Finding{Kind: k, Rota: t.Rota, Person: t.Person, Start: t.Start, End: t.End, Text: fmt.Sprintf(format, args...)})
}

func (p *prover) turn(r *Rota, t Turn) {
	if t.Absent {
		p.find(Absent, t, "%s is on call and has said to be away", t.Person)
	}
	if r.LongTurn > 0 && t.End.Sub(t.Start) > r.LongTurn {
		p.find(LongTurn, t, "%s for %s without a pause, more than %s", t.Person, t.End.Sub(t.Start), r.LongTurn)
	}
	who, err := p.person(t.Person)
	if err != nil {
		p.find(Unreachable, t, "%s is no longer in the catalog", t.Person)
		return
	}
	for _, skill := range r.Requires {
		if !slices.Contains(who.Skills, skill) {
			p.find(Unqualified, t, "%s lacks the skill %s", t.Person, skill)
		}
	}
	var why []string
	for _, d := range who.Devices {
		err := p.can(d)
		if err == nil {
			return
		}
		why = append(why, d.ID+": "+err.Error())
	}
	p.find(Unreachable, t, "no device of %s works: %s", t.Person, cmp.Or(strings.Join(why, "; "), "there is none"))
}

// twice finds who is on call in two rotas at a time.
func (p *prover) twice(turns []Turn) {
	by := map[string][]Turn{}
	for _, t := range turns {
		if t.Person != "" {
			by[t.Person] = append(by[t.Person], t)
		}
	}
	for _, list := range by {
		slices.SortFunc(list, func(a, b Turn) int { return a.Start.Compare(b.Start) })
		for i, a := range list {
			for _, b := range list[i+1:] {
				if !b.Start.Before(a.End) {
					break
				}
				if a.Rota != b.Rota {
					p.proof.Findings = append(p.proof.Findings, Finding{Kind: Twice, Rota: a.Rota, Other: b.Rota, Person: a.Person, Start: b.Start, End: earlier(a.End, b.End), Text: fmt.Sprintf("%s is on call for %s too", a.Person, b.Rota)})
				}
			}
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (p *prover) fair(plan *Plan, r *Rota, turns []Turn) {
	loads := rota.Loads(turns, func(string) *rota.Zone { return r.Zone() }, plan.Holidays(r.Spec.Holidays), rota.DefaultWeights())
	if index := rota.Jain(loads); len(loads) > 1 && index < FairEnough {
		least := loads[len(loads)-1]
		p.find(Unfair, Turn{Rota: r.ID, Person: loads[0].Person, Start: p.proof.From, End: p.proof.To},
			"Jain's index is %.2f, less than %.2f: %s has %.0f weighted hours, %s %.0f", index, FairEnough, loads[0].Person, loads[0].Weighted, least.Person, least.Weighted)
	}
}

// Prove looks at who will be on call over [from, to), adjustments counted, and
// at the channels of this server.
func (p *Pager) Prove(ctx context.Context, from, to time.Time) (Proof, error) {
	all, err := p.adjustments.Adjustments(ctx, from, to)
	if err != nil {
		return Proof{}, err
	}
	return Prove(p.plan.Load(), all, func(id string) (catalog.Person, error) { return p.catalog.Person(ctx, id) }, p.Reaches, from, to), nil
}

// Reaches says why a device cannot be used on this server, or nil.
func (p *Pager) Reaches(d catalog.Device) error {
	ch, ok := p.channels[d.Channel]
	if !ok {
		return fmt.Errorf("channel %s is not set up on this server", d.Channel)
	}
	return ch.Check(d.Address)
}
