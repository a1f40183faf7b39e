package oncallweb_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// changed fills a form with what every kind needs; later pairs win.
func changed(pairs ...string) []string {
	return append([]string{"rota", "primary", "start", "2026-11-20T12:00", "end", "2026-11-20T18:00", "reason", "dentist", "as", "aoi"}, pairs...)
}

func (h *house) adjustments() []oncall.Adjustment {
	h.t.Helper()
	_, all, err := h.pager.Turns(h.t.Context(), t0, t0.AddDate(0, 0, 7))
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

func TestChangeFormSaysWhatIsWrong(t *testing.T) {
	h := build(t)
	for what, tt := range map[string]struct {
		form []string
		says string
	}{
		"unknown rota":   {changed("kind", "override", "rota", "none", "person", "ren"), "there is no rota"},
		"unknown person": {changed("kind", "override", "person", "none"), "there is no person"},
		"backwards":      {changed("kind", "override", "person", "ren", "end", "2026-11-20T11:00"), "must end after it starts"},
		"no time":        {changed("kind", "override", "person", "ren", "start", "soon"), "Write both times"},
		"nobody's swap":  {changed("kind", "swap"), "a swap says whose turns"},
		"no shifts":      {changed("kind", "temporary"), "has shifts"},
		"half a shift":   {changed("kind", "temporary", "person0", "ren", "start0", "2026-11-20T12:00"), "Write both times"},
		"no number":      {changed("kind", "shadow", "person", "ren", "mode", "silent", "graduate", "many"), "whole number"},
		"no mode":        {changed("kind", "shadow", "person", "ren"), "silent, notify or reverse"},
	} {
		w := h.form("/oncall/changes", tt.form...)
		if w.Code != 422 || !strings.Contains(w.Body.String(), tt.says) || !strings.Contains(w.Body.String(), `value="dentist"`) {
			t.Errorf("%s: got %d, want 422, %q and what was typed", what, w.Code, tt.says)
		}
	}
	if got := h.adjustments(); len(got) != 0 {
		t.Errorf("got %+v, want nothing changed", got)
	}
}

func TestEveryKindOfChange(t *testing.T) {
	noon := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC) // in Tokyo
	for what, tt := range map[string]struct {
		form []string
		want oncall.Adjustment
	}{
		"everything": {changed("kind", "override", "how", "all", "person", "ren", "of", ""), oncall.Adjustment{Kind: rota.Override, Rota: "primary", Person: "ren", Of: "*"}},
		"one":        {changed("kind", "override", "how", "one", "person", "ren", "of", "aoi"), oncall.Adjustment{Kind: rota.Override, Rota: "primary", Person: "ren", Of: "aoi"}},
		"add":        {changed("kind", "override", "how", "add", "person", "ren", "of", "aoi"), oncall.Adjustment{Kind: rota.Override, Rota: "primary", Person: "ren"}},
		"remove":     {changed("kind", "override", "how", "remove", "person", "ren", "of", "aoi"), oncall.Adjustment{Kind: rota.Override, Rota: "primary", Of: "aoi"}},
		"swap":       {changed("kind", "swap", "of", "aoi"), oncall.Adjustment{Kind: rota.Swap, Rota: "primary", Of: "aoi"}},
		"absence":    {changed("kind", "absence", "rota", "", "person", "aoi", "start", "2026-11-20T03:00", "end", "2026-11-20T09:00"), oncall.Adjustment{Kind: rota.Absence, Person: "aoi"}},
		"shadow":     {changed("kind", "shadow", "person", "ren", "mode", "reverse", "graduate", "3"), oncall.Adjustment{Kind: rota.Shadow, Rota: "primary", Person: "ren", Mode: rota.Reverse, After: 3}},
		"temporary":  {changed("kind", "temporary", "person0", "ren", "start0", "2026-11-20T12:00", "end0", "2026-11-20T13:00"), oncall.Adjustment{Kind: rota.Temporary, Rota: "primary"}},
	} {
		t.Run(what, func(t *testing.T) {
			h := build(t)
			if w := h.form("/oncall/changes", tt.form...); w.Code != 303 {
				t.Fatalf("got %d %s, want 303", w.Code, w.Body)
			}
			all := h.adjustments()
			if len(all) != 1 {
				t.Fatalf("got %d adjustments, want 1", len(all))
			}
			got := all[0]
			if got.Kind != tt.want.Kind || got.Rota != tt.want.Rota || got.Person != tt.want.Person || got.Of != tt.want.Of || got.Mode != tt.want.Mode || got.After != tt.want.After {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if !got.Start.Equal(noon) || got.By != "aoi" || got.Reason != "dentist" {
				t.Errorf("got %s by %s (%s), want noon in Tokyo, by aoi", got.Start, got.By, got.Reason)
			}
			if tt.want.Kind == rota.Temporary && (len(got.Shifts) != 1 || !got.Shifts[0].Start.Equal(noon)) {
				t.Errorf("got shifts %+v", got.Shifts)
			}
			html := h.main("/oncall", "en")
			if !strings.Contains(html, "/oncall/changes/"+got.ID+"/end") || strings.Contains(html, "/take") != (tt.want.Kind == rota.Swap) {
				t.Errorf("the list lacks a button, or has one too many")
			}
			h.main("/oncall", "ja")
			if w := h.form("/oncall/changes/"+got.ID+"/end", "as", "aoi"); w.Code != 303 {
				t.Errorf("end: got %d, want 303", w.Code)
			}
		})
	}
}

func TestASwapIsTaken(t *testing.T) {
	h := build(t)
	h.form("/oncall/changes", changed("kind", "swap", "of", "aoi")...)
	id := h.adjustments()[0].ID
	if w := h.form("/oncall/changes/"+id+"/take", "as", "ren"); w.Code != 303 {
		t.Fatalf("got %d %s, want 303", w.Code, w.Body)
	}
	if got := h.adjustments()[0]; got.Person != "ren" {
		t.Errorf("taken by %q, want ren", got.Person)
	}
	if html := h.main("/oncall", "en"); !strings.Contains(html, "Ren takes the turns of Aoi Tanaka") {
		t.Error("the list does not say who took them")
	}
}

// Who is told under which conditions is said where the policies are shown.
func TestConditionsOfStepsAreSaid(t *testing.T) {
	h := build(t)
	window := func(from, to int, days ...time.Weekday) rota.Window {
		w := rota.Window{From: from, To: to}
		for _, d := range days {
			w.Days[d] = true
		}
		return w
	}
	office := []rota.Window{window(9*60, 17*60+30, 1, 2, 3, 4, 5), window(10*60, 12*60, 0, 6)}
	always := []rota.Window{window(0, 24*60, 0, 1, 2, 3, 4, 5, 6)}
	h.replace(&oncall.Plan{Rotas: h.pager.Plan().Rotas, Policies: []oncall.Policy{{ID: "all", Name: "All", Default: true, Acks: 2, AckTimeout: 30 * time.Minute, Steps: []oncall.Step{
		{People: []string{"aoi"}, Wait: time.Minute, Severities: []string{"critical", "p1"}, RoundRobin: true},
		{People: []string{"aoi"}, Wait: time.Minute, MoreThan: 5, Within: 10 * time.Minute, Hours: &oncall.Hours{Zone: rota.NewZone(time.UTC), Windows: office}},
		{People: []string{"ren"}, Wait: time.Minute, Hours: &oncall.Hours{Zone: rota.NewZone(time.UTC), Windows: always, Pause: true}},
	}}}})
	for lang, want := range map[string][]string{
		"en": {"2 people must answer", "calls again 30 m after", "one of them, in turn · only for critical, p1 · then wait 1 m", "only after more than 5 alerts within 10 m · only Mon–Fri 09:00–17:30, Sat, Sun 10:00–12:00 (UTC)", "waits for 00:00–24:00 (UTC)"},
		"ja": {"2 人の応答が必要", "順番に1人 · critical, p1 のみ", "月–金 09:00–17:30, 土, 日 10:00–12:00 のみ"},
	} {
		html := strings.ReplaceAll(h.main("/oncall", lang), "\u00a0", " ")
		for _, w := range want {
			if !strings.Contains(html, w) {
				t.Errorf("%s: %q is not on the page", lang, w)
			}
		}
	}
}
