package oncall

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

func TestTurnsWithOverrides(t *testing.T) {
	r := weekly("r", "aoi", "ren", "")
	day := func(d, h int) time.Time { return time.Date(2026, 11, d, h, 0, 0, 0, time.UTC) }
	over := func(id, who string, from, to time.Time, made int) Adjustment {
		return Adjustment{Kind: rota.Override, Of: rota.Everybody, ID: id, Rota: "r", Person: who, Start: from, End: to, Created: day(1, made)}
	}
	tests := []struct {
		name      string
		overrides []Adjustment
		want      string
	}{
		{"none", nil, "18–23 aoi, 23–30 ren, 30–2 "},
		{"inside a shift", []Adjustment{over("o", "mio", day(19, 9), day(20, 9), 1)}, "18–19 aoi, 19–20 mio, 20–23 aoi, 23–30 ren, 30–2 "},
		{"across a hand-over", []Adjustment{over("o", "mio", day(22, 9), day(24, 9), 1)}, "18–22 aoi, 22–24 mio, 24–30 ren, 30–2 "},
		{"fills a gap", []Adjustment{over("o", "mio", day(30, 9), day(30, 9).AddDate(0, 0, 9), 1)}, "18–23 aoi, 23–30 ren, 30–2 mio"},
		{"the later made wins", []Adjustment{over("a", "mio", day(19, 9), day(21, 9), 2), over("b", "yui", day(20, 9), day(22, 9), 1)}, "18–19 aoi, 19–21 mio, 21–22 yui, 22–23 aoi, 23–30 ren, 30–2 "},
		{"of another rota", []Adjustment{{Kind: rota.Override, Of: rota.Everybody, ID: "o", Rota: "other", Person: "mio", Start: day(19, 9), End: day(20, 9)}}, "18–23 aoi, 23–30 ren, 30–2 "},
	}
	for _, tt := range tests {
		var got []string
		for _, turn := range r.Turns(tt.overrides, day(18, 9), day(30, 9).AddDate(0, 0, 2)) {
			got = append(got, fmt.Sprintf("%d–%d %s", turn.Start.Day(), turn.End.Day(), turn.Person))
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, s, tt.want)
		}
	}
}

// Whatever the overrides: turns cover the range once, in order, without a
// hole, and each instant belongs to the newest override that covers it, else
// to the rotation.
func TestTurnsCoverWithoutHoles(t *testing.T) {
	zones := []string{"UTC", "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		r := weeklyIn("r", rota.NewZone(zone), rapid.IntRange(1, 3).Draw(t, "weeks"), rapid.IntRange(0, 23).Draw(t, "hour"), "aoi", "ren", "", "mio")
		hours := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Hour
		}
		from := t0.Add(hours("from", 3000))
		to := from.Add(time.Hour + hours("length", 1500))
		var overrides []Adjustment
		for i := range rapid.IntRange(0, 6).Draw(t, "overrides") {
			start := from.Add(hours("start", 1600) - 50*time.Hour)
			overrides = append(overrides, Adjustment{
				Kind: rota.Override, Of: rota.Everybody, ID: fmt.Sprint("o", i), Rota: rapid.SampledFrom([]string{"r", "r", "other"}).Draw(t, "rota"), Person: fmt.Sprint("p", i%3),
				Start: start, End: start.Add(time.Hour + hours("lasts", 400)), Created: t0.Add(hours("made", 5)),
			})
		}
		turns := r.Turns(overrides, from, to)
		next := from
		for i, turn := range turns {
			if !turn.Start.Equal(next) || !turn.Start.Before(turn.End) {
				t.Fatalf("turn %d is %s–%s, want it to begin at %s", i, turn.Start, turn.End, next)
			}
			next = turn.End
			for _, at := range []time.Time{turn.Start, turn.Start.Add(turn.End.Sub(turn.Start) / 2), turn.End.Add(-time.Nanosecond)} {
				if who, id := rightful(r, overrides, at); who != turn.Person || id != turn.Source.ID {
					t.Fatalf("at %s: got %q by %q, want %q by %q", at, turn.Person, turn.Source.ID, who, id)
				}
			}
		}
		if !next.Equal(to) {
			t.Fatalf("the turns end at %s, want %s", next, to)
		}
	})
}

func rightful(r Rota, overrides []Adjustment, at time.Time) (who, id string) {
	if slot := r.Current().Rotations[0].At(at).Slot; len(slot) > 0 {
		who, id = slot[0], "rotation"
	}
	var made time.Time
	for _, o := range overrides {
		if o.Rota != r.ID || o.Start.After(at) || !o.End.After(at) {
			continue
		}
		if made.IsZero() || o.Created.After(made) || (o.Created.Equal(made) && o.ID > id) {
			who, id, made = o.Person, o.ID, o.Created
		}
	}
	return who, id
}

// Until is when somebody else takes over, and nothing where nobody does.
func TestUntilIsKnownOrNotSaid(t *testing.T) {
	at := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)
	p := &Plan{Rotas: []Rota{weekly("two", "aoi", "ren"), weekly("one", "aoi")}}
	for _, tt := range []struct {
		name        string
		adjustments []Adjustment
		two, one    time.Time
	}{
		{"as planned", nil, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), time.Time{}},
		{"an override", []Adjustment{{Kind: rota.Override, Of: rota.Everybody, ID: "o", Rota: "one", Person: "ren", Start: at.Add(time.Hour), End: at.Add(2 * time.Hour)}}, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), at.Add(time.Hour)},
	} {
		now := p.At(tt.adjustments, at)
		if two, one := now[0].Until, now[1].Until; !two.Equal(tt.two) || !one.Equal(tt.one) {
			t.Errorf("%s: got %s and %s, want %s and %s", tt.name, two, one, tt.two, tt.one)
		}
	}
}

func TestPolicyFor(t *testing.T) {
	p := &Plan{Policies: []Policy{{ID: "default", Default: true}, {ID: "team", Teams: []string{"shop"}}, {ID: "service", Services: []string{"checkout"}}}}
	for _, tt := range []struct{ service, team, want string }{
		{"checkout", "shop", "service"}, {"cart", "shop", "team"}, {"cart", "", "default"}, {"other", "other", "default"},
	} {
		if got, ok := p.PolicyFor(tt.service, tt.team); !ok || got.ID != tt.want {
			t.Errorf("%s of %q: got %q, want %q", tt.service, tt.team, got.ID, tt.want)
		}
	}
	if _, ok := (&Plan{}).PolicyFor("a", "b"); ok {
		t.Error("an empty plan has a policy")
	}
}
