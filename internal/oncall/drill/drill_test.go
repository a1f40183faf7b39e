package drill_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/drill"
	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// shop has aoi and ren in turn, and mio behind them.
func shop() drill.Config {
	z := rota.NewZone(time.UTC)
	r := rota.Rotation{Name: "r", Zone: z, Day: rota.DayOf(2026, 3, 2), Minute: 9 * 60, Every: 1, Unit: rota.Weekly, Members: []rota.Slot{{"aoi"}, {"ren"}}}
	c := drill.Config{
		Plan: &oncall.Plan{
			Rotas:    []oncall.Rota{{ID: "first", Editions: []oncall.Edition{{Schedule: rota.Schedule{ID: "first", Zone: z, Rotations: []rota.Rotation{r}}}}}},
			Policies: []oncall.Policy{{ID: "p", Default: true, Repeat: 1, Steps: []oncall.Step{{Rotas: []string{"first"}, Wait: 5 * time.Minute}, {People: []string{"mio"}, Wait: 5 * time.Minute}}}},
		},
		Catalog: &catalog.Snapshot{},
	}
	for _, id := range []string{"aoi", "ren", "mio"} {
		c.Catalog.People = append(c.Catalog.People, catalog.Person{ID: id, Devices: []catalog.Device{{ID: "d1", Channel: "push", Address: id}, {ID: "d2", Channel: "voice", Address: id, After: 2 * time.Minute}}})
	}
	return c
}

const head = "world: {now: 2026-03-03T01:50:00, tz: UTC}\nsteps:\n- {at: 0s, alert: {service: pay, key: k1}}\n"

func TestWhatIsNotAsExpectedIsSaid(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, steps, want string }{
		{"all as expected", "- {at: 0s, expect: [{page: aoi, via: push, device: d1, service: pay, step: 0, after: 0s}]}\n- {at: 2m, expect: [{page: aoi, via: voice}]}\nnever: [{page: ren}]", ""},
		{"the wrong person", "- {at: 0s, expect: [{page: ren}]}", "did not happen: {page: ren}; was not expected: {page: aoi, via: push, step: 0} at 0s"},
		{"too late", "- {at: 3m, expect: [{page: aoi, via: push}, {page: aoi, via: voice, after: 1m}]}", "did not happen: {page: aoi, via: voice, after: 1m}; was not expected: {page: aoi, via: voice, step: 0} at 2m0s"},
		{"one for two", "- {at: 0s, expect: [{page: aoi}, {page: aoi}]}", "did not happen: {page: aoi}"},
		{"nothing was expected", "- {at: 0s, expect: []}", "was not expected: {page: aoi, via: push, step: 0} at 0s"},
		{"never", "- {at: 6m, expect: [{page: aoi}, {page: aoi}, {page: mio, step: 1}]}\nnever: [{page: mio}]", "must never happen, and did: {page: mio, via: push, step: 1} at 5m0s"},
		{"an answer to nothing", "- {at: 1m, ack: {key: k9, by: aoi}}", `no alert has the key "k9"`},
		{"exhausted", "- {at: 20m, expect: [{page: aoi}, {page: aoi}, {page: mio}, {page: mio}, {page: aoi}, {page: aoi}, {page: mio}, {page: mio}]}", "was not expected: {exhausted: k1} at 20m0s"},
	}
	for _, tt := range tests {
		f, err := drill.Parse([]byte(head + tt.steps))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got []string
		for _, v := range drill.Run(f.Tests[0], shop()) {
			got = append(got, v.Text)
		}
		if text := strings.Join(got, "; "); (tt.want == "") != (text == "") || !strings.Contains(text, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, text, tt.want)
		}
	}
}

func TestBrokenFilesAreNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"", "0 tests"},
		{"world: {now: then}\nsteps:\n- {at: 0s, expect: []}", "world.now"},
		{"world: {now: 2026-03-03T01:50:00, tz: Mars}\nsteps:\n- {at: 0s, expect: []}", "Mars"},
		{head + "- {at: 5m, expect: []}\n- {at: 1m, expect: []}", "line 5"},
		{head + "- {at: 5m}", "line 4: a step does one thing"},
		{head + "- {at: 5m, page: aoi}", "line 4: field page not found"},
		{head + "- {at: 5m, expect: [{pager: aoi}]}", "pager"},
		{"steps: {", "yaml"},
	} {
		if _, err := drill.Parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q in it", tt.text, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "- {at: 2m, expect: [{page: aoi, via: voice}]}\nnever: [{page: ren}]"))
	f.Add([]byte("tests:\n- {name: a, world: {now: 2026-03-03T01:50:00}, steps: [{at: 1s, fail: push}]}"))
	c := shop()
	f.Fuzz(func(_ *testing.T, text []byte) {
		file, err := drill.Parse(text)
		if err != nil || len(file.Tests) > 20 {
			return
		}
		for _, one := range file.Tests {
			if len(one.Steps) < 50 {
				drill.Run(one, c)
			}
		}
	})
}

// An incident: it fires, escalates, is answered and resolved.
func BenchmarkIncidents(b *testing.B) {
	f, err := drill.Parse([]byte(head + "- {at: 0s, expect: [{page: aoi}]}\n- {at: 5m, expect: [{page: aoi}, {page: mio}]}\n- {at: 6m, ack: {key: k1, by: mio}}\n- {at: 30m, resolve: {key: k1}}\n- {at: 30m, expect: []}\nnever: [{page: ren}]"))
	if err != nil {
		b.Fatal(err)
	}
	c := shop()
	b.ReportAllocs()
	for b.Loop() {
		if got := drill.Run(f.Tests[0], c); len(got) > 0 {
			b.Fatal(got)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "incidents/s")
}
