package rule

import (
	"maps"
	"time"
)

// Wait is how long a notification is held back to be sent with others.
type Wait struct {
	First time.Duration // of a new group
	Next  time.Duration // of one more alert in a group that has been told
}

// AlertmanagerWait is what Alertmanager does where its configuration says
// nothing: group_wait 30s, group_interval 5m.
func AlertmanagerWait() Wait { return Wait{First: 30 * time.Second, Next: 5 * time.Minute} }

// Timing is what the time from a fault to a person is made of.
type Timing struct {
	Sample   time.Duration   // between two scrapes, probes or runs
	Confirm  []time.Duration // pauses before each check that must confirm the first
	Timeout  time.Duration   // that each failing check may take
	Eval     time.Duration   // between two evaluations
	For      time.Duration   // how long it must hold
	Detect   time.Duration   // of a burn rate: until it burns, at BurnAt
	Wait     Wait
	Send     time.Duration // until it is handed over
	Provider time.Duration // until a device rings

	SampleUnknown bool // nobody said how often it is sampled
	DetectWhy     string
}

// Term is one part of a latency.
type Term struct {
	Name  string        `json:"name"`
	Best  time.Duration `json:"best_ns"`
	Mean  time.Duration `json:"mean_ns"`
	Worst time.Duration `json:"worst_ns"`
	Why   string        `json:"why,omitempty"`
}

// Latency is the time from a fault to a person.
type Latency struct {
	Terms   []Term        `json:"terms"`
	Best    time.Duration `json:"best_ns"`
	Mean    time.Duration `json:"mean_ns"`
	Worst   time.Duration `json:"worst_ns"`
	Next    time.Duration `json:"next_worst_ns"`     // the worst of one more alert in a group that has been told
	Unknown []string      `json:"unknown,omitempty"` // terms that nobody said: the sums are too small by them
}

// Exceeds reports whether the worst case is longer than budget; no budget is
// never exceeded.
func (l Latency) Exceeds(budget time.Duration) bool { return budget > 0 && l.Worst > budget }

// Computed adds the terms up:
//
//	worst = sample + Σ confirm + k·timeout + eval + for + detect + wait + send + provider
//
// where k is the number of checks that fail. The mean halves sample and eval, whose
// phase nobody knows, and send and provider; the best has none of the four.
// A for is held against evaluations, and so lasts a whole number of them.
// What the expression itself needs (rate over 5m must first climb) depends on
// the size of the fault and is not in it.
func Computed(t Timing) Latency {
	var l Latency
	add := func(name, why string, best, mean, worst time.Duration) {
		if worst > 0 {
			l.Terms = append(l.Terms, Term{name, best, mean, worst, why})
		}
		l.Best, l.Mean, l.Worst = l.Best+best, l.Mean+mean, l.Worst+worst
	}
	half := func(name, why string, d time.Duration) { add(name, why, 0, d/2, d) }
	whole := func(name, why string, d time.Duration) { add(name, why, d, d, d) }
	half("sample", "the fault comes between two samples", t.Sample)
	if t.SampleUnknown {
		l.Unknown = append(l.Unknown, "sample")
	}
	confirm := time.Duration(0)
	for _, c := range t.Confirm {
		confirm += c
	}
	whole("confirm", "checks that confirm the first", confirm)
	add("timeout", "each failing check may wait that long for an answer", 0, 0, time.Duration(1+len(t.Confirm))*t.Timeout)
	half("eval", "the sample comes between two evaluations", t.Eval)
	whole("for", "whole evaluations", rounded(t.For, t.Eval))
	whole("burn", t.DetectWhy, t.Detect)
	whole("group wait", "held back for others of its group", t.Wait.First)
	half("send", "until it is handed over", t.Send)
	half("provider", "until a device rings", t.Provider)
	l.Next = l.Worst - t.Wait.First + max(t.Wait.First, t.Wait.Next)
	return l
}

// rounded is a for in whole evaluations.
func rounded(hold, eval time.Duration) time.Duration {
	if hold <= 0 || eval <= 0 {
		return max(0, hold)
	}
	if late := hold % eval; late > 0 {
		return hold - late + eval
	}
	return hold
}

// Assumed is what a latency assumes where nothing is configured.
type Assumed struct {
	Sample         time.Duration                 // of metrics whose job is not known
	Jobs           map[string]time.Duration      // scrape intervals by job
	Send, Provider time.Duration                 //
	Waits          func(map[string]string) Wait  // of an alert with these labels
	Burn           func(slo string) (Burn, bool) // of an objective
}

// Burn is how fast an objective pages.
type Burn struct {
	After  time.Duration // while everything fails
	Sample time.Duration
	Eval   time.Duration
	Why    string
}

// DefaultAssumed is what is assumed where nobody says more: samples each minute, a
// second to hand over, five at the provider, and no wait.
func DefaultAssumed() Assumed {
	return Assumed{Sample: time.Minute, Send: time.Second, Provider: 5 * time.Second, Waits: func(map[string]string) Wait { return Wait{} }}
}

// Timing is what the latency of r is made of.
func (r Rule) Timing(a Assumed) Timing {
	t := Timing{Sample: r.What.Every, For: r.What.For, Send: a.Send, Provider: a.Provider}
	labels := map[string]string{"alertname": r.Name, "severity": string(r.When.Urgency)}
	if len(r.Instances) > 0 {
		maps.Copy(labels, r.Instances[0].Labels)
	}
	if a.Waits != nil {
		t.Wait = a.Waits(labels)
	}
	switch kind, name := r.What.Kind(); kind {
	case "expr":
		t.Eval, t.Sample = r.What.Every, a.sampleOf(r)
	case "slo":
		var b Burn
		ok := false
		if a.Burn != nil {
			b, ok = a.Burn(name)
		}
		t.Sample, t.Eval, t.Detect, t.DetectWhy = b.Sample, b.Eval, b.After, b.Why
		t.SampleUnknown = !ok
	default:
		t.SampleUnknown = r.What.Every == 0
	}
	return t
}

// sampleOf is the longest scrape interval of the jobs that the expression names.
func (a Assumed) sampleOf(r Rule) (out time.Duration) {
	expr := r.What.Expr
	if len(r.Instances) > 0 {
		expr = r.Instances[0].Expr
	}
	for _, job := range jobsOf(expr) {
		d, ok := a.Jobs[job]
		if !ok {
			d = a.Sample
		}
		out = max(out, d)
	}
	if out == 0 {
		out = a.Sample
	}
	return out
}
