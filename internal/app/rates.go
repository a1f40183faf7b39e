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
	"github.com/hinoban/hinoban/internal/slo/replay"
	"github.com/hinoban/hinoban/internal/slo/sloweb"
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

// pastOf makes histories of counts, minute by minute, for what replays the past.
type pastOf struct{ counts sloweb.History }

const pastStep = time.Minute

// History implements sloweb.Histories. It counts six hours at a time, so that
// nobody waits long for the counts meanwhile.
func (p pastOf) History(ctx context.Context, o slo.Objective, from, to time.Time) (replay.History, error) {
	from = from.Truncate(pastStep)
	h := replay.History{Start: from, Step: pastStep, Bad: []int64{0}, Total: []int64{0}}
	const stretch = 6 * time.Hour
	for at := from; at.Before(to); at = at.Add(stretch) {
		if err := ctx.Err(); err != nil {
			return h, err
		}
		end := at.Add(stretch)
		if end.After(to) {
			end = to
		}
		counts, err := p.counts.Counts(ctx, o, slo.Ends{Window: pastStep, From: at.Add(pastStep), To: end, Step: pastStep})
		if err != nil {
			return h, err
		}
		for i, c := range counts {
			bad, total := h.Bad[len(h.Bad)-1], h.Total[len(h.Total)-1]
			if c.Known {
				unit := max(1, c.Unit)
				bad, total = bad+c.Bad()/unit, total+max(0, c.Total/unit)
			} else {
				h.Silent = silent(h.Silent, at.Add(time.Duration(i)*pastStep))
			}
			h.Bad, h.Total = append(h.Bad, bad), append(h.Total, total)
		}
	}
	return h, nil
}

// silent adds a step to the stretches without data.
func silent(list []replay.Interval, at time.Time) []replay.Interval {
	if n := len(list); n > 0 && list[n-1].To.Equal(at) {
		list[n-1].To = at.Add(pastStep)
		return list
	}
	return append(list, replay.Interval{From: at, To: at.Add(pastStep)})
}
