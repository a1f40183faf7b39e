package importer

import (
	"encoding/json"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	yamlv3 "go.yaml.in/yaml/v3"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func now() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) }

func exports(t testing.TB, product string) (out []File) {
	t.Helper()
	names := []string{product + ".json"}
	switch product {
	case "grafana":
		names = append(names, "imported.ics")
	case "ics":
		names = []string{"shop.ics"}
	}
	for _, n := range names {
		text, err := os.ReadFile(filepath.Join("testdata", n))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, File{n, text})
	}
	return out
}

// Exports become documents, adjustments and notes as in the goldens.
func TestExports(t *testing.T) {
	for _, product := range []string{"pagerduty", "opsgenie", "grafana", "goalert", "ics"} {
		r, err := Read(product, exports(t, product), Options{Now: now()})
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		files := Render(r)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			got.WriteString("## " + name + "\n" + files[name])
		}
		got.WriteString("## adjustments\n")
		for _, a := range r.Adjustments {
			line, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(append(line, '\n'))
		}
		got.WriteString("## notes\n")
		for _, n := range r.Notes {
			got.WriteString(strings.Join([]string{n.Rota, n.Where, n.Text, n.Remedy}, " | ") + "\n")
		}
		golden := filepath.Join("testdata", product+".golden")
		if *update {
			if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got.String()); d != "" {
			t.Errorf("%s: %s", product, d)
		}
		for _, v := range Diff(r, now(), 90) {
			if !slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Rota == v.Rota }) {
				t.Errorf("%s: a difference without a note: %+v", product, v)
			}
		}
	}
}

// What is written is YAML, whatever the names are.
func TestRenderQuotes(t *testing.T) {
	for _, title := range []string{`a: "b" # c`, "- x", "葵\u2028\u0085\ufeff\x7f\t\n", "yes", "{{", "'", `\`, "&*!|>%@`"} {
		r := &Result{Rotas: []Rota{{Name: "x", Title: title, TimeZone: "UTC", Rotations: []Rotation{{Name: title, Members: []string{"", title}}}}}, Notes: []Note{{Rota: "x", Where: title, Text: title}}}
		var got struct {
			Metadata struct {
				DisplayName string `yaml:"displayName"`
			}
			Spec struct{ Rotations []struct{ Members []string } }
		}
		if err := yamlv3.Unmarshal([]byte(Render(r)["rotas.yaml"]), &got); err != nil {
			t.Fatalf("%q: %v\n%s", title, err, Render(r)["rotas.yaml"])
		}
		if got.Metadata.DisplayName != title || got.Spec.Rotations[0].Members[1] != title {
			t.Errorf("got %q, want %q", got.Metadata.DisplayName, title)
		}
	}
}

func TestErrorsNamePlaceAndRemedy(t *testing.T) {
	for text, want := range map[string]string{
		"{\n\"users\": [,]}":                    "x.json:2: byte ",
		`{"users":[{"id":7}]}`:                  "unexpected number in",
		`{}`:                                    "the files hold no users",
		`{"error":{"message":"Invalid token"}}`: "Invalid token",
		`{"schedules":[{"schedule_layers":{"a":1}}]}`:      "unexpected object",
		`{"schedule":{"schedule_layers":[{"start":"x"}]}}`: "x.json:1",
	} {
		_, err := PagerDuty([]File{{"x.json", []byte(text)}}, Options{Now: now()})
		if err == nil || !strings.Contains(err.Error(), want) || errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	if _, err := Read("victorops", nil, Options{Now: now()}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("got %v, want an unknown product", err)
	}
}

func fuzz(f *testing.F, product string) {
	for _, v := range exports(f, product) {
		f.Add(v.Data)
	}
	for seed := range uint64(10) {
		text, err := json.Marshal(generated(product, dice{rand.New(rand.NewPCG(seed, 7))}))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read(product, []File{{"x", text}}, Options{Now: now()})
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Fatal(err)
			}
			return
		}
		for _, v := range Render(r) {
			if !strings.HasPrefix(v, "apiVersion: hinoban/v1\n") {
				t.Fatalf("%q", v)
			}
		}
		for i := range r.Rotas {
			if _, err := r.Rotas[i].Schedule(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzPagerDuty(f *testing.F) { fuzz(f, "pagerduty") }
func FuzzOpsgenie(f *testing.F)  { fuzz(f, "opsgenie") }
func FuzzGrafana(f *testing.F)   { fuzz(f, "grafana") }
func FuzzGoAlert(f *testing.F)   { fuzz(f, "goalert") }
func FuzzCalendars(f *testing.F) { fuzz(f, "ics") }
