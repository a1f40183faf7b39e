package ascode_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/platform/ascode"
)

type lampSpec struct {
	Watts  int            `json:"watts" minimum:"1" doc:"How bright it is."`
	Share  ascode.Decimal `json:"share,omitempty"`
	Rooms  []string       `json:"rooms,omitempty"`
	Labels map[string]int `json:"labels,omitempty"`
}

func kinds() []ascode.Kind {
	return []ascode.Kind{
		ascode.Define[lampSpec]("x/v1", "Lamp", "A lamp.", "", nil),
		ascode.Native("NOTES", "Notes", "Notes.", func(_ string, text []byte) (string, ascode.Problems) { return string(text), nil }),
	}
}

func lamp(name string, watts int) string {
	return fmt.Sprintf("apiVersion: x/v1\nkind: Lamp\nmetadata: {name: %s}\nspec: {watts: %d}\n", name, watts)
}

func TestNumbersStayAsWritten(t *testing.T) {
	set, problems := ascode.Parse(map[string]string{"a.yaml": strings.Replace(lamp("a", 5), "watts: 5", "watts: 5, share: 99.90", 1)}, kinds())
	docs := ascode.Of[lampSpec](set)
	if len(problems) > 0 || len(docs) != 1 || docs[0].Spec.Share != "99.90" || docs[0].Spec.Watts != 5 {
		t.Errorf("got %+v, %v", docs, problems)
	}
}

func TestPlan(t *testing.T) {
	parse := func(files map[string]string) *ascode.Set {
		set, problems := ascode.Parse(files, kinds())
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return set
	}
	was := parse(map[string]string{"a.yaml": lamp("a", 1) + "---\n" + lamp("b", 2), "NOTES": "old"})
	now := parse(map[string]string{"a.yaml": lamp("b", 3), "c.yaml": lamp("c", 4), "NOTES": "new"})
	var got []string
	for _, c := range ascode.Plan(was, now) {
		got = append(got, c.Op+" "+c.Kind+" "+c.Name+" "+strings.Join(c.Diff, "|"))
	}
	want := []string{"- Lamp a ", "~ Lamp b - spec: {watts: 2}|+ spec: {watts: 3}", "+ Lamp c ", "~ Notes NOTES - old|+ new"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if same := ascode.Plan(now, now); len(same) != 0 {
		t.Errorf("a set differs from itself: %v", same)
	}
}

// Applying the lines of a diff to the old text gives the new one.
func TestDiffIsEnoughToRebuild(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		was, next := rapid.SliceOfN(word, 1, 12).Draw(t, "old"), rapid.SliceOfN(word, 1, 12).Draw(t, "new")
		file := func(words []string) *ascode.Set {
			set, _ := ascode.Parse(map[string]string{"NOTES": strings.Join(words, "\n")}, kinds())
			return set
		}
		changes := ascode.Plan(file(was), file(next))
		if strings.Join(was, "\n") == strings.Join(next, "\n") {
			if len(changes) != 0 {
				t.Fatalf("no change, got %v", changes)
			}
			return
		}
		removed, added := map[string]int{}, map[string]int{}
		for _, line := range changes[0].Diff {
			if strings.HasPrefix(line, "- ") {
				removed[line[2:]]++
			} else {
				added[line[2:]]++
			}
		}
		for _, w := range []string{"a", "b", "c", "d"} {
			if count(was, w)-removed[w]+added[w] != count(next, w) {
				t.Fatalf("%s: %d - %d + %d ≠ %d", w, count(was, w), removed[w], added[w], count(next, w))
			}
		}
	})
}

func count(words []string, w string) (n int) {
	for _, x := range words {
		if x == w {
			n++
		}
	}
	return n
}

func TestProblemsPointIntoTheDocument(t *testing.T) {
	_, problems := ascode.Parse(map[string]string{"a.yaml": "# first\n" + lamp("a", 0) + "---\n" + strings.Replace(lamp("b", 1), "watts", "wats", 1)}, kinds())
	want := []string{"a.yaml:5:15: spec.watts: expected number >= 1 — How bright it is.", "a.yaml:10:1: spec: expected required property watts to be present", `a.yaml:10:8: unknown field "wats" — did you mean "watts"? known here: labels, rooms, share, watts`}
	if problems.Error() != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", problems.Error(), strings.Join(want, "\n"))
	}
	if err := problems.Err(); err == nil {
		t.Error("problems are no error")
	}
}

func TestListOfDocuments(t *testing.T) {
	item := func(name, watts string) string {
		return "- apiVersion: x/v1\n  kind: Lamp\n  metadata: {name: " + name + "}\n  spec: {watts: " + watts + "}\n"
	}
	set, problems := ascode.Parse(map[string]string{"a.yaml": item("a", "1") + item("b", "2") + "---\n" + lamp("c", 3)}, kinds())
	docs := ascode.Of[lampSpec](set)
	if len(problems) > 0 || len(docs) != 3 || docs[1].Metadata.Name != "b" || docs[1].Line != 5 || !strings.HasPrefix(docs[1].Text, "apiVersion: x/v1\n") {
		t.Errorf("got %+v, %v", docs, problems)
	}
	_, problems = ascode.Parse(map[string]string{"a.yaml": item("a", "1") + item("b", "0") + "- 7\n"}, kinds())
	if want := "a.yaml:8:17: spec.watts: expected number >= 1"; !strings.Contains(problems.Error(), want) || !strings.Contains(problems.Error(), "a.yaml:9:3: a document must be a mapping") {
		t.Errorf("got %v, want %q", problems, want)
	}
}

// Whatever the bytes are, parsing ends, and every problem has a file and a
// place in it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{lamp("a", 1), "a: &x [*x]", "? [a]\n: b", "{", "a: !!float .nan", "- 1\n---\nb", "kind: Lamp\nkind: Lamp", "spec: &a {b: *a}", "\x00", "apiVersion: x/v1\nkind: Lamp\nmetadata: []\nspec: 7"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, problems := ascode.Parse(map[string]string{"a.yaml": text}, kinds())
		for _, p := range problems {
			if p.File != "a.yaml" || p.Line < 0 || p.Message == "" {
				t.Fatalf("problem without a place: %+v", p)
			}
		}
		if len(problems) == 0 {
			for _, d := range ascode.Of[lampSpec](set) {
				if d.Metadata.Name == "" || d.Spec.Watts < 1 {
					t.Fatalf("taken: %+v", d)
				}
			}
		}
	})
}

// Tests may lie beside what they test; a document of such a name is one all the same.
func TestLoadSkipsTests(t *testing.T) {
	set, problems := ascode.Load(fstest.MapFS{
		"a_test.yaml": {Data: []byte("rule_files: [a.yaml]\ntests: []\n")},
		"b_test.yaml": {Data: []byte("apiVersion: x/v1\nkind: Lamp\ntests:\n")},
		"tests.yaml":  {Data: []byte("tests: []\n")},
	}, nil)
	if _, read := set.Files["a_test.yaml"]; read || len(set.Files) != 2 || len(problems) != 2 {
		t.Errorf("got %v, %v", set.Files, problems)
	}
}
