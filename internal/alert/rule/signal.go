package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	neturl "net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

func promSpan(d time.Duration) ascode.Text {
	if d == 0 {
		return ""
	}
	return ascode.Text(model.Duration(d).String())
}

// Firing is what evaluating a rule says of one series, now.
type Firing struct {
	File        string // of the rule, as [Set.Files] has it
	Expr        string
	Labels      map[string]string // alertname too
	Annotations map[string]string
	Value       float64
	At          time.Time // of the evaluation
	FiredAt     time.Time
	ResolvedAt  time.Time // zero while it fires
	Until       time.Time // it ends by itself then, if it is not repeated
}

// Key tells apart what one rule says of several series: it stays the same as
// long as the labels do.
func (f Firing) Key() string {
	sum := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(f.Labels)) {
		sum.Write([]byte(k + "\xff" + f.Labels[k] + "\xff"))
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// Signal is what the inbox is told of f. url is where this server is reached.
func (s *Set) Signal(f Firing, url string) alert.Signal {
	name := f.Labels["alertname"]
	labels, notes := maps.Clone(f.Labels), maps.Clone(f.Annotations)
	severity := alert.SeverityOf(labels["severity"])
	if id, ok := strings.CutPrefix(f.File, ownPath); ok {
		for _, r := range s.Named(id) {
			if r.Native && r.ID == id {
				severity = r.When.At(f.At) // the hours decide anew each time
				labels["severity"] = string(severity)
			}
		}
	}
	if labels["severity"] == "" {
		labels["severity"] = string(severity)
	}
	key := f.Key()
	out := alert.Signal{
		ID: key + "/" + strconv.FormatInt(f.At.UnixMilli(), 36) + "/" + strconv.FormatBool(f.ResolvedAt.IsZero()), Firing: f.ResolvedAt.IsZero(), Source: Source, Rule: clip(name, 200), Key: key,
		Service: clip(labels["service"], 200), Severity: severity, Summary: clip(summary(f), 4096), Expr: clip(f.Expr, 8192),
		Evidence: []alert.Evidence{{Name: "value", Value: strconv.FormatFloat(f.Value, 'g', 6, 64)}},
		At:       f.At, EndsAt: f.Until, Labels: labels, Annotations: notes,
	}
	if url != "" {
		out.URL = clip(url+"/rules/"+neturl.PathEscape(name), 2048)
	}
	if !out.Firing {
		out.At, out.EndsAt = f.ResolvedAt, time.Time{}
	}
	return s.Describe(out)
}

func summary(f Firing) string {
	if s := first(f.Annotations, "summary", "title", "message", "description"); s != "" {
		return s
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(f.Labels)) {
		if k != "alertname" && k != "severity" {
			parts = append(parts, k+"="+f.Labels[k])
		}
	}
	return strings.TrimSpace(f.Labels["alertname"] + " " + strings.Join(parts, " "))
}

// Describe returns s with what its rule knows: owner, playbook, first action and
// urgency, where s does not say them itself. An urgency only calms: a rule of
// urgency ticket makes a page a ticket, and none makes a ticket a page. A signal
// without a rule stays as it is.
func (s *Set) Describe(sig alert.Signal) alert.Signal {
	r, ok := s.ruleOf(sig)
	if !ok {
		return sig
	}
	labels, notes := maps.Clone(sig.Labels), maps.Clone(sig.Annotations)
	if labels == nil {
		labels = map[string]string{}
	}
	if notes == nil {
		notes = map[string]string{}
	}
	r.describe(labels, notes)
	if sig.Service == "" {
		sig.Service = r.Service
	}
	if most := r.When.At(sig.At); r.Native && calmer(most, sig.Severity) {
		sig.Severity = most
		labels["severity"] = string(most)
	}
	sig.Labels, sig.Annotations = labels, notes
	return sig
}

// Of returns the rule of a signal: of what this server evaluates, too.
func (s *Set) Of(sig alert.Signal) (Rule, bool) {
	if r, ok := s.ruleOf(sig); ok || s == nil || sig.Source != Source {
		return r, ok
	}
	found := s.Named(sig.Rule)
	for _, r := range found {
		if r.Labels["severity"] == sig.Labels["severity"] {
			return r, true
		}
	}
	if len(found) == 0 {
		return Rule{}, false
	}
	return found[0], true
}

// ruleOf finds the rule of a signal: the one that says it watches this, else the
// one of the alert's name.
func (s *Set) ruleOf(sig alert.Signal) (Rule, bool) {
	if s == nil {
		return Rule{}, false
	}
	name := sig.Rule
	if n := sig.Labels["alertname"]; n != "" {
		name = n
	}
	about, _, _ := strings.Cut(sig.Rule, ": ")
	keys := []string{sig.Source + "\xff" + sig.Rule, sig.Source + "\xff" + about}
	if sig.Source != Source {
		keys = append(keys, "alert\xff"+name)
	}
	for _, k := range keys {
		if i, ok := s.watched[k]; ok {
			return s.Rules[i], true
		}
	}
	found := -1
	for _, i := range s.named[name] {
		// Of several rules of one name the one of the signal's urgency is meant.
		if r := s.Rules[i]; r.Native && r.What.Expr != "" && (found < 0 || r.When.Urgency == sig.Severity) {
			found = i
		}
	}
	if found < 0 {
		return Rule{}, false
	}
	return s.Rules[found], true
}

// watchKey is under what [Set.ruleOf] finds a rule that describes what others
// report: the source of the signals and their rule.
func (w What) watchKey() string {
	kind, name := w.Kind()
	source := map[string]string{"slo": "slo", "log": "logs", "job": "job", "check": "probe", "alert": "alert"}[kind]
	if source == "" {
		return ""
	}
	return source + "\xff" + name
}

func calmer(a, b alert.Severity) bool {
	order := map[alert.Severity]int{alert.Page: 3, alert.Ticket: 2, alert.Info: 1}
	return order[a] < order[b]
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}
