package app

import (
	"context"
	"regexp"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
	"github.com/hinoban/hinoban/internal/slo/lint"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/replay"
)

// ratesOf are the burn-rate catalogues of a set, which know the tiers of its
// services.
func ratesOf(set *ascode.Set, snap *catalog.Snapshot) *catalogue.Set {
	tiers := map[string]string{}
	for _, s := range snap.Services {
		if s.Tier > 0 {
			tiers[s.ID] = strconv.Itoa(s.Tier)
		}
	}
	out := catalogue.Build(set)
	out.Tier = func(o slo.Objective) string { return tiers[o.Service] }
	return out
}

// found is what is wrong with the objectives of a set.
type found struct{ errors, warnings, thoughts ascode.Problems }

// lintSet finds what is wrong with the objectives of a set.
func lintSet(set *ascode.Set, p plans) (out found) {
	in := lint.Input{Objectives: p.objectives, Catalogues: p.rates, ScrapeInterval: scrapeInterval(p.scrape)}
	for _, s := range p.catalog.Services {
		for _, d := range s.DependsOn {
			if d.Hard {
				in.Dependencies = append(in.Dependencies, lint.Dependency{Service: s.ID, On: d.Service})
			}
		}
	}
	findings := lint.Check(in)
	for _, d := range set.Documents {
		if isObjective(d) {
			findings = append(findings, lint.Document(d.File, d.Line, d.Text)...)
		}
	}
	for _, f := range findings {
		at := ascode.Problem{File: f.File, Line: f.Line, Column: 1, Message: f.Message, Fix: f.Fix}
		switch f.Severity {
		case lint.Error:
			out.errors = append(out.errors, at)
		case lint.Warning:
			out.warnings = append(out.warnings, at)
		case lint.Note:
			out.thoughts = append(out.thoughts, at)
		}
	}
	return out
}

// isObjective reports whether a document makes objectives or their alerts.
func isObjective(d ascode.Document) bool {
	switch d.Kind {
	case "SLO", "AlertPolicy", "AlertCondition", "PrometheusServiceLevel", "ServiceLevelObjective", "SlothSpec":
		return d.Spec != nil
	}
	return false
}

var intervalText = regexp.MustCompile(`(?m)^\s*scrape_interval:\s*["']?([0-9]+)(ms|s|m)\b`)

// scrapeInterval is the longest that the scrape configuration names; 0 where it
// names none.
func scrapeInterval(docs []ascode.Doc[scrapeConfig]) (longest time.Duration) {
	for _, d := range docs {
		for _, m := range intervalText.FindAllStringSubmatch(d.Spec.text, -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil || n > 1e6 {
				continue
			}
			unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute}[m[2]]
			longest = max(longest, time.Duration(n)*unit)
		}
	}
	return longest
}

// Thoughts are what is no mistake in a set, and worth a thought. What is wrong is
// a problem or a note of [Check].
func Thoughts(set *ascode.Set) ascode.Problems {
	p, _ := build(set)
	return p.thoughts
}

// pastOf makes histories of the samples themselves, tick by tick.
type pastOf struct{ meter *meter.Meter }

// History implements sloweb.Histories.
func (p pastOf) History(ctx context.Context, o slo.Objective, from, to time.Time) (replay.History, error) {
	from = from.Truncate(replay.Tick)
	h := replay.History{Start: from, Step: replay.Tick}
	past, err := p.meter.Past(ctx, o, from, to, replay.Tick)
	if err != nil {
		return h, err
	}
	h.Bad, h.Total = past.Bad, past.Total
	for _, s := range past.Silent {
		h.Silent = append(h.Silent, replay.Interval{From: s.From, To: s.To})
	}
	return h, nil
}
