package lint

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
)

// sample is one line of the corpus: objectives that belong together, or the text
// of a document, and what has to be found.
type sample struct {
	Want         Code        `json:"want"`
	Also         []Code      `json:"also"` // what comes with it
	Objectives   []objective `json:"objectives"`
	Doc          string      `json:"doc"`
	Scrape       string      `json:"scrape"`
	Dependencies [][2]string `json:"dependencies"`
}

type objective struct {
	ID        string   `json:"id"`
	Service   string   `json:"service"`
	Target    string   `json:"target"`
	Window    string   `json:"window"`
	Good      string   `json:"good"`
	Bad       string   `json:"bad"`
	Total     string   `json:"total"`
	Threshold string   `json:"threshold"`
	Op        string   `json:"op"`
	Value     float64  `json:"value"`
	Pairs     []string `json:"pairs"`
	BurnRates string   `json:"burn_rates"`
	Override  string   `json:"override"`
	PerHour   float64  `json:"per_hour"`
}

func span(t *testing.T, s string) time.Duration {
	t.Helper()
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s[:len(s)-1])
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[len(s)-1]]
}

func (o objective) build(t *testing.T, set *catalogue.Set, line int) slo.Objective {
	t.Helper()
	target, err := slo.ParseTarget(o.Target, true)
	if err != nil {
		t.Fatal(err)
	}
	out := slo.Objective{
		ID: o.ID, Service: o.Service, Target: target, Window: span(t, o.Window), BurnRates: o.BurnRates, Override: o.Override, Source: "corpus.jsonl:" + strconv.Itoa(line),
		SLI: slo.SLI{Good: o.Good, Bad: o.Bad, Total: o.Total, Threshold: o.Threshold, Op: o.Op, Value: o.Value}, Labels: map[string]string{},
	}
	if o.PerHour > 0 {
		out.Labels["events-per-hour"] = strconv.FormatFloat(o.PerHour, 'g', -1, 64)
	}
	switch {
	case len(o.Pairs) > 0:
		for _, text := range o.Pairs {
			f := strings.Fields(text)
			rate, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			p := slo.Pair{Severity: alert.Severity(f[0]), Rate: rate, Long: span(t, f[2])}
			if len(f) > 3 {
				p.Short = span(t, f[3])
			}
			out.Pairs = append(out.Pairs, p)
		}
	case o.BurnRates != "":
		if out.Pairs, _, _, err = set.Pairs(o.BurnRates, out); err != nil {
			t.Fatal(err)
		}
	default:
		out.Pairs = slo.DefaultPairs(out.Window, target)
	}
	return out
}

func corpus(t *testing.T, file string) (out []sample) {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		out = append(out, s)
	}
	return out
}

// found is what is found in one sample, notes apart where they are not asked for.
func (s sample) found(t *testing.T, set *catalogue.Set, line int) []Finding {
	t.Helper()
	if s.Doc != "" {
		return Document("corpus.jsonl", line, s.Doc)
	}
	in := Input{Catalogues: set, ScrapeInterval: 30 * time.Second}
	if s.Scrape != "" {
		in.ScrapeInterval = span(t, s.Scrape)
	}
	for _, o := range s.Objectives {
		in.Objectives = append(in.Objectives, o.build(t, set, line))
	}
	for _, d := range s.Dependencies {
		in.Dependencies = append(in.Dependencies, Dependency{d[0], d[1]})
	}
	return Check(in)
}

// Each broken objective of the corpus is found, by what is broken in it and
// nothing else.
func TestBrokenCorpusIsFound(t *testing.T) {
	set := catalogue.NewSet(nil)
	samples := corpus(t, "broken.jsonl")
	if len(samples) < 60 {
		t.Errorf("only %d broken samples", len(samples))
	}
	missed := 0
	for i, s := range samples {
		got := s.found(t, set, i+1)
		if !slices.ContainsFunc(got, func(f Finding) bool { return f.Code == s.Want }) {
			missed++
			t.Errorf("line %d: want %s, got %v", i+1, s.Want, got)
		}
		for _, f := range got {
			if f.Code != s.Want && f.Severity != Note && !slices.Contains(s.Also, f.Code) {
				t.Errorf("line %d: %s is not what is broken (%s)", i+1, f, s.Want)
			}
			if f.Message == "" || f.Fix == "" || f.File == "" || f.Line == 0 {
				t.Errorf("line %d: a finding says what, where and how to mend it: %+v", i+1, f)
			}
		}
	}
	t.Logf("%d of %d found", len(samples)-missed, len(samples))
}

// No good objective of the corpus is found fault with, one by one and all at once.
func TestGoodCorpusIsLeftAlone(t *testing.T) {
	set := catalogue.NewSet(nil)
	samples := corpus(t, "good.jsonl")
	if len(samples) < 100 {
		t.Errorf("only %d good samples", len(samples))
	}
	all := Input{Catalogues: set, ScrapeInterval: 30 * time.Second}
	for i, s := range samples {
		for _, f := range s.found(t, set, i+1) {
			if f.Severity != Note {
				t.Errorf("line %d: false alarm: %s", i+1, f)
			}
		}
		for _, o := range s.Objectives {
			all.Objectives = append(all.Objectives, o.build(t, set, i+1))
		}
	}
	for _, f := range Check(all) {
		if f.Severity != Note {
			t.Errorf("all at once: false alarm: %s", f)
		}
	}
	t.Logf("%d good ones left alone", len(samples))
}

func TestOwnCataloguesAreHeldToTheirPromises(t *testing.T) {
	own, problems := catalogue.Read("std.yaml", `apiVersion: hinoban/v1
kind: BurnRateCatalogue
metadata: {name: std, version: 1}
spec:
  entries:
  - {id: tier1, pairs: [{severity: page, budget: 2%, long: 1h, short: 5m}], promises: [{badRatio: 100%, within: 30s}]}
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got := Check(Input{Catalogues: catalogue.NewSet(own)})
	if len(got) != 1 || got[0].Code != CatalogueBroken || got[0].File != "std.yaml" || !strings.Contains(got[0].String(), "std.yaml:1: error: std@1, entry tier1: 99.9 % over 30d: 100 % of bad events call a page after 52s") {
		t.Errorf("got %v", got)
	}
}

// The newest version is a note, and the place is that of the objective.
func TestNewestVersionIsNoted(t *testing.T) {
	own, _ := catalogue.Read("std.yaml", "apiVersion: hinoban/v1\nkind: BurnRateCatalogue\nmetadata: {name: std, version: 2}\nspec: {entries: [{id: a, pairs: [{severity: page, burnRate: 10, long: 1h, short: 5m}]}]}\n")
	set := catalogue.NewSet(own)
	o := objective{ID: "x", Service: "s", Target: "99.9", Window: "30d", BurnRates: "std", Bad: "b", Total: "t"}.build(t, set, 7)
	got := Check(Input{Objectives: []slo.Objective{o}, Catalogues: set})
	if len(got) != 1 || got[0].Code != NewestVersion || got[0].Severity != Note || got[0].Line != 7 || !strings.Contains(got[0].Fix, "std@2") {
		t.Errorf("got %v", got)
	}
}

func FuzzDocument(f *testing.F) {
	for _, s := range []string{"target: 1", "op: lte\nlookbackWindow: 1h", "{duration: 1m}", "a: {op: lt"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, found := range Document("a", 1, text) {
			if found.Line < 1 || found.Line > 1+strings.Count(text, "\n") {
				t.Errorf("line %d of %q", found.Line, text)
			}
		}
	})
}
