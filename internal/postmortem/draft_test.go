package postmortem

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/event"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var people = map[string]string{"aoi": "佐藤 葵", "ren": "Ren Takahashi", "hana": "Hana Mori"}

func name(id string) string {
	if n, ok := people[id]; ok {
		return n
	}
	return id
}

// night is a recorded timeline: an earlier fire of the same objective, a page
// that escalates, a lost message, a note that wants to pass for proof.
func night(t *testing.T, lang string) Material {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "night.json"))
	if err != nil {
		t.Fatal(err)
	}
	var n struct {
		Incident incident.Incident
		Records  []event.Record
		Related  []event.Record
	}
	if err := json.Unmarshal(text, &n); err != nil {
		t.Fatal(err)
	}
	return Material{Incident: n.Incident, Records: n.Records, Related: n.Related, Name: name, Lang: lang}
}

func report(m Material) Report {
	return Report{
		ID: "r1", Incident: m.Incident.ID, Number: m.Incident.Number, Service: m.Incident.Service, Lang: m.Lang, Status: DraftStatus,
		Title: fmt.Sprintf(phrase(m.Lang, "title"), m.Incident.Title), Sections: Draft(m), DraftedAt: time.Date(2026, 11, 20, 2, 40, 13, 0, time.UTC),
	}
}

func known(m Material) map[int64]event.Record {
	out := map[int64]event.Record{}
	for _, r := range slices.Concat(m.Records, m.Related) {
		out[r.Seq] = r
	}
	return out
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s (rewrite with -update and explain the change):\n%s", file, d)
	}
}

func TestDraftOfANight(t *testing.T) {
	for _, lang := range []string{"en", "ja"} {
		m := night(t, lang)
		r := report(m)
		golden(t, "night."+lang+".md", r.Markdown(known(m)))
		if d := cmp.Diff(r, report(night(t, lang))); d != "" {
			t.Errorf("%s: the same records give other words: %s", lang, d)
		}
	}
}

// Whatever part of the night is recorded, each sentence cites records that
// exist, and says nothing that they do not.
func TestDraftSaysOnlyWhatItsRecordsSay(t *testing.T) {
	for _, lang := range []string{"en", "ja"} {
		full := night(t, lang)
		for end := 0; end <= len(full.Records); end++ {
			m := full
			m.Records = full.Records[:end]
			if end%2 == 1 {
				m.Related = nil
			}
			r := report(m)
			records := known(m)
			for _, s := range r.Sections {
				for _, x := range s.Sentences {
					checkSentence(t, m, records, s.Key, x)
				}
			}
			n, cited := r.Count()
			if n != cited || (end == len(full.Records) && n < 30) {
				t.Errorf("%s, %d records: %d of %d sentences cite", lang, end, cited, n)
			}
		}
	}
}

func checkSentence(t *testing.T, m Material, records map[int64]event.Record, key Key, s Sentence) {
	t.Helper()
	if len(s.Cites) == 0 {
		t.Errorf("%q cites nothing", s.Text)
	}
	var cited []event.Record
	for _, c := range s.Cites {
		r, ok := records[c.Seq]
		if !ok || r.ID != c.ID {
			t.Errorf("%q cites record %d (%s), which does not exist", s.Text, c.Seq, c.ID)
			return
		}
		cited = append(cited, r)
	}
	proof := derivable(m.Lang, cited)
	rest := s.Text
	for _, p := range slices.Backward(slices.SortedFunc(maps.Keys(proof), func(a, b string) int { return len(a) - len(b) })) {
		rest = strings.ReplaceAll(rest, p, "·")
	}
	if loose := regexp.MustCompile(`\d[\d.:,-]*`).FindAllString(rest, -1); len(loose) > 0 {
		t.Errorf("%s: %q says %q, which its records do not", m.Lang, s.Text, loose)
	}
	for id, full := range people {
		if strings.Contains(s.Text, full) && !strings.Contains(string(mustJSON(cited)), `"`+id+`"`) {
			t.Errorf("%q names %s, whom its records do not", s.Text, full)
		}
	}
	if strings.ContainsAny(s.Text, "\n\r") || strings.Contains(s.Text, "%!") || citation.MatchString(s.Text) {
		t.Errorf("%q is no plain sentence", s.Text)
	}
	if err := Blameless(key, []Sentence{s}, catalogPeople()); err != nil {
		t.Error(err)
	}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func catalogPeople() []catalog.Person {
	var out []catalog.Person
	for id, n := range people {
		out = append(out, catalog.Person{ID: id, Name: n})
	}
	return out
}

// derivable are the writings of all that records say or that follows from
// them: their strings, numbers, times, and the durations between them.
func derivable(lang string, records []event.Record) map[string]bool {
	out := map[string]bool{}
	if lang == "ja" {
		out["直前の 1 時間"] = true // a definition, no claim
	}
	var walk func(v any)
	walk = func(v any) {
		switch x := v.(type) {
		case map[string]any:
			for _, e := range x {
				walk(e)
			}
		case []any:
			out[fmt.Sprint(len(x))] = true
			for _, e := range x {
				walk(e)
			}
		case string:
			plain := strings.Join(strings.Fields(x), " ")
			out[plain], out[citation.ReplaceAllString(plain, " (#$1)")], out[incident.Pair(lang, plain)], out[name(x)] = true, true, true, true
			if at, err := time.Parse(time.RFC3339, x); err == nil {
				out[clock(at)] = true
			}
		case float64:
			for _, f := range []float64{x, 100 * x, x + 1} {
				out[number(f)] = true
			}
			out[incident.Took(lang, seconds(x))] = true
		}
	}
	steps, told := 0, map[string]bool{}
	for _, r := range records {
		var p map[string]any
		_ = json.Unmarshal(r.Payload, &p) // the fixture is well formed
		walk(p)
		if bad, ok := p["bad"].(float64); ok && p["total"].(float64) > 0 {
			out[number(100*bad/p["total"].(float64))] = true
		}
		if r.Name == "oncall.step_fired" {
			steps++
			for _, who := range p["people"].([]any) {
				told[who.(string)] = true
			}
		}
		out[clock(r.At)], out[r.At.UTC().Format(time.TimeOnly)], out[r.At.UTC().Format(time.DateTime)] = true, true, true
		for _, other := range records {
			out[incident.Took(lang, r.At.Sub(other.At))] = true
		}
	}
	out[fmt.Sprint(steps)], out[fmt.Sprint(len(told))] = true, true
	delete(out, "")
	return out
}

func TestAnEarlierFireIsNoneOfThisIncident(t *testing.T) {
	m := night(t, "en")
	for _, s := range Draft(m) {
		if s.Key == Timeline {
			continue
		}
		for _, x := range s.Sentences {
			for _, c := range x.Cites {
				if c.Seq <= 118 {
					t.Errorf("%s: %q cites record %d, from before the incident", s.Key, x.Text, c.Seq)
				}
			}
		}
	}
}

func TestReopenedIncidentTellsItsLastEnd(t *testing.T) {
	m := night(t, "en")
	last := m.Records[len(m.Records)-2]
	if last.Name != "incident.resolved" {
		t.Fatalf("the fixture ends with %s", last.Name)
	}
	again := last
	again.Seq, again.ID, again.At = 500, "again", last.At.Add(time.Hour)
	again.Payload = json.RawMessage(`{"incident":"i7","number":7,"service":"payment","seconds":5226.884}`)
	m.Records = append(m.Records, again)
	summary := Draft(m)[0].Sentences
	if got := summary[len(summary)-1]; got.Cites[0].Seq != 500 || !strings.Contains(got.Text, "1h27m") {
		t.Errorf("got %+v, want the second resolution", got)
	}
}

// Both languages of every phrase take the same arguments.
func TestPhrasesTakeTheSameArguments(t *testing.T) {
	verb := regexp.MustCompile(`%(?:\[(\d+)\])?([sd])`)
	args := func(s string) []string {
		next, out := 1, map[string]bool{}
		for _, m := range verb.FindAllStringSubmatch(strings.ReplaceAll(s, "%%", ""), -1) {
			if m[1] != "" {
				_, _ = fmt.Sscan(m[1], &next) // digits, by the pattern
			}
			out[fmt.Sprint(next, m[2])] = true
			next++
		}
		return slices.Sorted(maps.Keys(out))
	}
	for key, pair := range phrases() {
		if pair[0] == "" || pair[1] == "" || !slices.Equal(args(pair[0]), args(pair[1])) {
			t.Errorf("%s: en takes %v, ja takes %v", key, args(pair[0]), args(pair[1]))
		}
	}
}
