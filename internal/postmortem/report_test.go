package postmortem

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/slo"
)

var at = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

func number(f float64) string { return slo.Number(f) }

func TestParseSentences(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []Sentence
	}{
		{"", nil},
		{" \n\t\n", nil},
		{"It broke. [#12]", []Sentence{{Text: "It broke.", Kind: Fact, Cites: []Cite{{Seq: 12}}}}},
		{"It broke.[#12] [#3][#12]\n", []Sentence{{Text: "It broke.", Kind: Fact, Cites: []Cite{{Seq: 12}, {Seq: 3}}}}},
		{"I saw it.", []Sentence{{Text: "I saw it.", Kind: Statement}}},
		{"(question) Why? [#1]", []Sentence{{Text: "Why?", Kind: Question, Cites: []Cite{{Seq: 1}}}}},
		{"(inference)  So it was.", []Sentence{{Text: "So it was.", Kind: Inference}}},
		{"[#1] (question) Why?", []Sentence{{Text: "Why?", Kind: Question, Cites: []Cite{{Seq: 1}}}}},
		{"(question)(inference) Both?", []Sentence{{Text: "(inference) Both?", Kind: Question}}},
		{"a [#[#1]2] b", []Sentence{{Text: "a b", Kind: Fact, Cites: []Cite{{Seq: 1}, {Seq: 2}}}}},
		{"[#9]", nil},
		{"not one: [#x] [# 1] #1 [#1234567890123456789]", []Sentence{{Text: "not one: [#x] [# 1] #1 [#1234567890123456789]", Kind: Statement}}},
		{"一行目。[#1]\r\n二行目。", []Sentence{{Text: "一行目。", Kind: Fact, Cites: []Cite{{Seq: 1}}}, {Text: "二行目。", Kind: Statement}}},
	} {
		if d := cmp.Diff(c.want, ParseSentences(c.in)); d != "" {
			t.Errorf("%q: %s", c.in, d)
		}
	}
}

// roundTrip says that what people are shown is read back as it was.
func roundTrip(t interface{ Fatalf(string, ...any) }, text string) {
	first := ParseSentences(text)
	shown := Section{Sentences: first}.Text()
	if d := cmp.Diff(first, ParseSentences(shown)); d != "" {
		t.Fatalf("%q is shown as %q: %s", text, shown, d)
	}
}

func TestSectionsSurviveEditing(t *testing.T) {
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"(question)", "(inference)", "[#1]", "[#", "12", "]", "\n", " ", "\r", "\u00a0", "(fact)", "で", "%s"}))
	rapid.Check(t, func(t *rapid.T) { roundTrip(t, strings.Join(rapid.SliceOf(piece).Draw(t, "text"), "")) })
	for _, lang := range []string{"en", "ja"} {
		for _, s := range Draft(night(t, lang)) {
			var plain []Sentence
			for _, x := range s.Sentences {
				cites := slices.Clone(x.Cites)
				for i := range cites {
					cites[i].ID = ""
				}
				plain = append(plain, Sentence{Text: x.Text, Kind: x.Kind, Cites: cites})
			}
			if d := cmp.Diff(plain, ParseSentences(s.Text())); d != "" {
				t.Errorf("%s in %s: %s", s.Key, lang, d)
			}
		}
	}
}

func FuzzParseSentences(f *testing.F) {
	for _, s := range []string{"", "It broke. [#12]", "(question) Why? [#1]\n(inference) So. [#2][#3]", "[#[#1]2]", "\xff[#1]\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		roundTrip(t, text)
		for _, s := range ParseSentences(text) {
			if s.Text == "" || s.Kind == "" || strings.Contains(s.Text, "\n") {
				t.Fatalf("%q gives %+v", text, s)
			}
		}
	})
}

func draftReport() Report {
	return Report{ID: "r1", Incident: "i1", Number: 1, Service: "payment", Lang: "en", Status: DraftStatus, Sections: []Section{{Key: Summary}}}
}

func TestEdit(t *testing.T) {
	records := map[int64]event.Record{12: {Seq: 12, ID: "e12"}}
	for _, c := range []struct {
		name, text string
		key        Key
		kind       errs.Kind
		ok         bool
	}{
		{"a fact and a statement", "It broke. [#12]\nI was there.", Summary, 0, true},
		{"a section that was empty", "Ask for two approvals.", Lessons, 0, true},
		{"nothing", "", Summary, 0, true},
		{"a record that does not exist", "Fine.\nIt broke. [#13]", Summary, errs.Invalid, false},
		{"a section that does not exist", "x", "guesses", errs.Invalid, false},
		{"too much", strings.Repeat("x", 200_001), Summary, errs.Invalid, false},
	} {
		r := draftReport()
		facts, err := r.Edit(c.key, c.text, records, "aoi", at)
		if (err == nil) != c.ok || (err != nil && errs.KindOf(err) != c.kind) {
			t.Errorf("%s: got %v", c.name, err)
			continue
		}
		if !c.ok {
			if !r.EditedAt.IsZero() || len(facts) > 0 || len(r.Editors) > 0 {
				t.Errorf("%s: refused, and yet changed: %+v", c.name, r)
			}
			continue
		}
		if len(facts) != 1 || facts[0].Actor != "person/aoi" || !r.EditedAt.Equal(at) || !slices.Equal(r.Editors, []string{"aoi"}) {
			t.Errorf("%s: got %+v and %v", c.name, r, facts)
		}
	}
	r := draftReport()
	if _, err := r.Edit(Summary, "It broke. [#12]", records, "aoi", at); err != nil {
		t.Fatal(err)
	}
	if got := r.Sections[0].Sentences[0].Cites[0].ID; got != "e12" {
		t.Errorf("the citation holds id %q, want e12", got)
	}
	r.Status = PublishedStatus
	if _, err := r.Edit(Summary, "x", nil, "aoi", at); errs.KindOf(err) != errs.Conflict {
		t.Errorf("after publishing: got %v, want a conflict", err)
	}
}

func TestPublish(t *testing.T) {
	team := []string{"aoi", "ren"}
	for _, c := range []struct {
		name     string
		editors  []string
		status   Status
		approver string
		people   []string
		kind     errs.Kind
		ok       bool
	}{
		{"nobody edited", nil, DraftStatus, "aoi", team, 0, true},
		{"another edited", []string{"ren"}, DraftStatus, "aoi", team, 0, true},
		{"one of two authors", []string{"aoi", "ren"}, DraftStatus, "aoi", team, 0, true},
		{"the only author", []string{"aoi"}, DraftStatus, "aoi", team, errs.Conflict, false},
		{"the only author of a team of one", []string{"aoi"}, DraftStatus, "aoi", []string{"aoi"}, 0, true},
		{"no approver", nil, DraftStatus, "", team, errs.Invalid, false},
		{"published already", nil, PublishedStatus, "ren", team, errs.Conflict, false},
	} {
		r := draftReport()
		r.Editors, r.Status = c.editors, c.status
		facts, err := r.Publish(c.approver, c.people, at)
		if (err == nil) != c.ok || (err != nil && errs.KindOf(err) != c.kind) {
			t.Errorf("%s: got %v", c.name, err)
		}
		if c.ok && (r.Status != PublishedStatus || r.Approver != c.approver || len(facts) != 1) {
			t.Errorf("%s: got %+v and %v", c.name, r, facts)
		}
	}
}

func TestBlameless(t *testing.T) {
	team := []catalog.Person{{ID: "aoi", Name: "佐藤 葵 (Aoi)"}, {ID: "ren", Name: "Ren Takahashi", Aliases: []string{"@rt"}}}
	for _, c := range []struct {
		key  Key
		text string
		ok   bool
	}{
		{Questions, "What made payment fail?", true},
		{Questions, "What kept the person on call from hearing it?", true},
		{Questions, "Why was the current rendering slow?", true}, // ren is in it, but is no word
		{Questions, "Why did Ren not answer?", false},
		{Questions, "why did takahashi wait", false},
		{Contributing, "ren deployed v2.4.", false},
		{Contributing, "佐藤が気づかなかった。", false},
		{Contributing, "It was @rt who did it.", false},
		{Contributing, "It was human error.", false},
		{Contributing, "原因はヒューマンエラーである。", false},
		{Contributing, "設定の変更に自動検証がなかった。", true},
		{Summary, "Ren answered after 2m.", true},
		{Lessons, "Ren writes the check.", true},
	} {
		if err := Blameless(c.key, ParseSentences(c.text), team); (err == nil) != c.ok {
			t.Errorf("%s: %q: got %v, want ok %t", c.key, c.text, err, c.ok)
		}
	}
}

func TestMarkdownNamesTheApprover(t *testing.T) {
	m := night(t, "ja")
	r := report(m)
	if _, err := r.Edit(Lessons, "二段階の承認を必須にする。\n(inference) v2.4 が原因と考えられる。 [#166]", known(m), "aoi", at); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Publish("ren", []string{"aoi", "ren"}, at); err != nil {
		t.Fatal(err)
	}
	golden(t, "published.ja.md", r.Markdown(known(m)))
}
