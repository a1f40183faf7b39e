package sloweb

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/composite"
	"github.com/hinoban/hinoban/internal/slo/policy"
)

// gateView is the page of the gate.
type gateView struct {
	Head      webkit.Head
	Rows      []gateRow
	Services  []webkit.Choice
	Try       tryView
	Overrides []overrideView
	Form      overrideForm
	ActAs     webkit.ActAs
}

// gateRow is one service.
type gateRow struct {
	ID, Name, Href string
	State          webkit.State
	Word           string
	Left           string
	Least, LeastTo string // the objective that decides
	Policy         string
	Since          time.Time
	TryTo          string
}

// tryView is a change that is tried.
type tryView struct {
	Service, Class string
	Answered       bool
	State          webkit.State
	Decision       string
	Reasons        []string
	Problem        string
}

// overrideView is one override in force.
type overrideView struct {
	Service, Class, Reason, By string
	Expires                    time.Time
	End                        webkit.Action
}

// overrideForm is what was entered, and why it was refused.
type overrideForm struct {
	Service, Class, Reason, Hours, Failed string
}

// classes are the classes that are offered; any other may be typed.
func classes() []string {
	return []string{"feature", "fix", "config", "experiment", "infrastructure", "rollback", "security", "p0"}
}

func stateOf(s policy.State) webkit.State {
	switch s {
	case policy.Healthy:
		return webkit.OK
	case policy.Caution, policy.Restricted:
		return webkit.Warning
	case policy.Exhausted:
		return webkit.Firing
	case policy.Unknown:
	}
	return webkit.Unknown
}

func decisionState(d policy.Decision) webkit.State {
	switch d {
	case policy.Allow:
		return webkit.OK
	case policy.Warn:
		return webkit.Warning
	case policy.Block:
	}
	return webkit.Firing
}

// viewGate shows services, the worst first.
func viewGate(ctx context.Context, all []policy.Standing, policyOf, name func(string) string) gateView {
	v := gateView{}
	worst := []policy.State{policy.Exhausted, policy.Restricted, policy.Caution, policy.Unknown, policy.Healthy}
	sorted := slices.SortedStableFunc(slices.Values(all), func(a, b policy.Standing) int {
		return slices.Index(worst, a.State) - slices.Index(worst, b.State)
	})
	counts := map[policy.State]int{}
	for _, s := range sorted {
		counts[s.State]++
		r := gateRow{
			ID: s.Service, Name: name(s.Service), Href: "/services/" + url.PathEscape(s.Service), State: stateOf(s.State), Left: "—",
			Word: webkit.T(ctx, "gate.state."+string(s.State)), Policy: policyOf(s.Service), Since: s.Since, TryTo: "/gate?class=feature&service=" + url.QueryEscape(s.Service) + "#try",
		}
		if l, ok := policy.Least(s.Lefts); ok {
			r.Left, r.Least, r.LeastTo = webkit.Percent(ctx, tenth(l.Remaining)), l.Name, "/slos/"+url.PathEscape(l.Objective)
		}
		v.Rows = append(v.Rows, r)
	}
	v.Head = gateHead(ctx, len(all), counts)
	return v
}

func gateHead(ctx context.Context, all int, counts map[policy.State]int) webkit.Head {
	h := webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "gate.head.ok", all), Detail: webkit.T(ctx, "gate.head.detail"), Actions: subnav("gate"), Evidence: "/log?name=slo.gated,slo.gate_overridden,slo.budget_state_changed"}
	switch {
	case all == 0:
		return webkit.Head{Sentence: webkit.T(ctx, "gate.head.none"), Actions: subnav("gate")}
	case counts[policy.Exhausted] > 0:
		h.State, h.Sentence = webkit.Firing, webkit.T(ctx, "gate.head.exhausted", counts[policy.Exhausted], all)
	case counts[policy.Restricted]+counts[policy.Caution] > 0:
		h.State, h.Sentence = webkit.Warning, webkit.T(ctx, "gate.head.less", counts[policy.Restricted]+counts[policy.Caution], all)
	case counts[policy.Unknown] > 0:
		h.State, h.Sentence = webkit.Unknown, webkit.T(ctx, "gate.head.unknown", counts[policy.Unknown], all)
	}
	return h
}

func viewTry(ctx context.Context, service, class string, v policy.Verdict) tryView {
	out := tryView{Service: service, Class: class, Answered: true, State: decisionState(v.Decision), Decision: webkit.T(ctx, "gate.decision."+string(v.Decision))}
	for _, r := range v.Reasons {
		if webkit.Lang(ctx) == webkit.Japanese {
			out.Reasons = append(out.Reasons, r.Ja)
		} else {
			out.Reasons = append(out.Reasons, r.En)
		}
	}
	return out
}

func viewOverrides(ctx context.Context, all []policy.Override, name func(string) string) (out []overrideView) {
	for _, o := range all {
		class := o.Class
		if class == policy.Any {
			class = webkit.T(ctx, "gate.class.any")
		}
		out = append(out, overrideView{
			Service: name(o.Service), Class: class, Reason: o.Reason, By: o.Approver, Expires: o.Expires,
			End: webkit.Action{Button: webkit.Button{Text: webkit.T(ctx, "gate.override.end")}, To: "/gate/overrides/" + url.PathEscape(o.ID) + "/end", Ask: webkit.T(ctx, "gate.override.ask", name(o.Service))},
		})
	}
	return out
}

// proof says why the target of an objective is more than what its service needs
// promises, or "".
func (w *door) proof(ctx context.Context, o slo.Objective) string {
	if w.Governed.Ledger == nil {
		return ""
	}
	p, ok := composite.ImpossibleFor(o, w.Governed.Ledger.Objectives(), composite.GraphOf(w.Governed.Services.Services(ctx)))
	switch {
	case !ok:
		return ""
	case webkit.Lang(ctx) == webkit.Japanese:
		return p.Ja
	}
	return p.En
}
