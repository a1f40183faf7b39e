package importer

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// dice make exports as people write them.
type dice struct{ *rand.Rand }

func (d dice) of(list ...string) string { return list[d.IntN(len(list))] }

func (d dice) zone() string {
	return d.of("Asia/Tokyo", "UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Chicago", "America/Los_Angeles", "Australia/Sydney", "Asia/Kolkata", "America/Sao_Paulo", "Australia/Lord_Howe", "America/Santiago")
}

// clock is seldom in the night, as clocks of hand-overs are.
func (d dice) clock() (hour, minute int) {
	if d.IntN(8) == 0 {
		return d.IntN(24), 30 * d.IntN(2)
	}
	return 4 + d.IntN(19), 30 * d.IntN(2)
}

func (d dice) start(zone string) time.Time {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	h, m := d.clock()
	return time.Date(2025, time.Month(1+d.IntN(12)), 1+d.IntN(28), h, m, 0, 0, loc)
}

func (d dice) users(n int) (out []string) {
	for _, i := range d.Perm(6)[:n] {
		out = append(out, fmt.Sprintf("U%d", i))
	}
	return out
}

type object = map[string]any

func generated(product string, d dice) object {
	switch product {
	case "pagerduty":
		return d.pagerDuty()
	case "opsgenie":
		return d.opsgenie()
	case "grafana":
		return d.grafana()
	}
	return d.goAlert()
}

func (d dice) pagerDuty() object {
	zone := d.zone()
	var layers []object
	for range 1 + d.IntN(3) {
		var users, restrictions []object
		for _, u := range d.users(1 + d.IntN(4)) {
			users = append(users, object{"user": object{"id": u}})
		}
		for range d.IntN(3) {
			h, m := d.clock()
			v := object{"type": "daily_restriction", "start_time_of_day": fmt.Sprintf("%02d:%02d:00", h, m), "duration_seconds": 1800 * (1 + d.IntN(30))}
			if d.IntN(2) == 0 {
				v["type"], v["start_day_of_week"], v["duration_seconds"] = "weekly_restriction", 1+d.IntN(7), 1800*(1+d.IntN(250))
			}
			restrictions = append(restrictions, v)
		}
		seconds := []int{86400, 604800, 2 * 604800, 3 * 86400, 12 * 3600, 5 * 3600, 5400}[min(6, d.IntN(9))]
		start := d.start(zone)
		layers = append(layers, object{"name": "L", "start": start, "rotation_virtual_start": start, "rotation_turn_length_seconds": seconds, "users": users, "restrictions": restrictions})
	}
	s := object{"id": "S", "name": "Primary", "time_zone": zone, "schedule_layers": layers}
	if d.IntN(2) == 0 {
		at := time.Date(2026, 10, 20, 7, 0, 0, 0, time.UTC)
		s["overrides"] = []object{{"start": at, "end": at.Add(50 * time.Hour), "user": object{"id": "U1"}}, {"start": at.Add(40 * time.Hour), "end": at.Add(60 * time.Hour), "user": object{"id": "U2"}}}
	}
	return object{"schedules": []object{s}}
}

func (d dice) opsgenie() object {
	zone := d.zone()
	var rotations []object
	days := []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	for i := range 1 + d.IntN(3) {
		var people []object
		for _, u := range d.users(1 + d.IntN(4)) {
			people = append(people, object{"type": "user", "username": u + "@example.com"})
		}
		if d.IntN(5) == 0 {
			people = append(people, object{"type": "none"})
		}
		v := object{"name": fmt.Sprint("R", i), "startDate": d.start(zone), "type": d.of("daily", "weekly", "weekly", "hourly"), "length": 1 + d.IntN(3), "participants": people}
		if v["type"] == "hourly" {
			v["length"] = []int{8, 12, 7}[d.IntN(3)]
		}
		hours := func() object {
			a, b := d.clock()
			e, f := d.clock()
			return object{"startHour": a, "startMin": b, "endHour": e, "endMin": f}
		}
		switch d.IntN(4) {
		case 0:
			v["timeRestriction"] = object{"type": "time-of-day", "restriction": hours()}
		case 1:
			var list []object
			for range 1 + d.IntN(2) {
				h := hours()
				h["startDay"], h["endDay"] = d.of(days...), d.of(days...)
				list = append(list, h)
			}
			v["timeRestriction"] = object{"type": "weekday-and-time-of-day", "restrictions": list}
		}
		if d.IntN(10) == 0 {
			v["endDate"] = time.Date(2026, 11, 11, 0, 0, 0, 0, time.UTC)
		}
		rotations = append(rotations, v)
	}
	return object{"data": object{"id": "S", "name": "Primary", "timezone": zone, "rotations": rotations}}
}

func (d dice) grafana() object {
	zone := d.zone()
	var shifts []object
	var ids []string
	for i := range 1 + d.IntN(3) {
		start := d.start(zone)
		if zone != "UTC" && d.IntN(2) == 0 {
			zone = "UTC" // what the web page makes
		}
		var groups [][]string
		for _, u := range d.users(1 + d.IntN(4)) {
			groups = append(groups, []string{u})
		}
		if d.IntN(4) == 0 {
			groups[0] = append(groups[0], "U9")
		}
		v := object{"id": fmt.Sprint("O", i), "name": fmt.Sprint("shift ", i), "type": "rolling_users", "level": d.IntN(3), "start": start.Format("2006-01-02T15:04:05"), "rolling_users": groups, "interval": 1 + d.IntN(2), "frequency": d.of("daily", "weekly", "weekly", "hourly", "monthly")}
		switch v["frequency"] {
		case "daily":
			v["duration"] = []int{86400, 8 * 3600, 12 * 3600}[d.IntN(3)]
		case "hourly":
			v["duration"] = v["interval"].(int) * 3600
		default:
			v["duration"] = []int{604800, 8 * 3600, 5 * 86400}[d.IntN(3)]
			if d.IntN(2) == 0 {
				v["by_day"], v["duration"], v["week_start"] = []string{"MO", "TU", "FR"}[:1+d.IntN(3)], 3600*(4+d.IntN(20)), d.of("MO", "SU")
			}
		}
		if d.IntN(3) == 0 {
			v["type"], v["users"] = "recurrent_event", groups[0]
		}
		shifts, ids = append(shifts, v), append(ids, v["id"].(string))
	}
	return object{"results": append(shifts, object{"id": "S", "name": "Primary", "type": "web", "time_zone": zone, "shifts": ids})}
}

func (d dice) goAlert() object {
	zone := d.zone()
	var rotations, targets []object
	for i := range 1 + d.IntN(3) {
		id := fmt.Sprint("R", i)
		users := d.users(1 + d.IntN(4))
		z := zone
		if d.IntN(5) == 0 {
			z = d.zone()
		}
		start := d.start(z)
		v := object{"id": id, "name": id, "type": d.of("daily", "weekly", "weekly", "hourly", "monthly"), "shiftLength": 1 + d.IntN(3), "start": start, "timeZone": z, "userIDs": users}
		if v["type"] == "hourly" {
			v["shiftLength"] = []int{8, 12, 7}[d.IntN(3)]
		}
		if v["type"] == "daily" && d.IntN(2) == 0 {
			// The next hand-over is a multiple of the length away.
			loc, _ := time.LoadLocation(z)
			n := v["shiftLength"].(int)
			v["activeUserIndex"] = d.IntN(len(users))
			v["nextHandoffTimes"] = []time.Time{wallDays(start, loc, n*(700/n))}
		}
		rotations = append(rotations, v)
		var rules []object
		for range 1 + d.IntN(2) {
			a, b := d.clock()
			e, f := d.clock()
			rule := object{"start": fmt.Sprintf("%02d:%02d", a, b), "end": fmt.Sprintf("%02d:%02d", e, f), "weekdayFilter": []bool{d.IntN(2) == 0, true, true, d.IntN(2) == 0, true, true, d.IntN(2) == 0}}
			if d.IntN(2) == 0 {
				rule = object{"start": "00:00", "end": "00:00", "weekdayFilter": []bool{true, true, true, true, true, true, true}}
			}
			rules = append(rules, rule)
		}
		targets = append(targets, object{"target": object{"id": id, "type": "rotation"}, "rules": rules})
	}
	at := time.Date(2026, 10, 21, 7, 0, 0, 0, time.UTC)
	s := object{"id": "S", "name": "Primary", "timeZone": zone, "targets": targets}
	if d.IntN(3) == 0 {
		s["temporarySchedules"] = []object{{"start": at, "end": at.Add(48 * time.Hour), "shifts": []object{{"userID": "U1", "start": at, "end": at.Add(9 * time.Hour)}}}}
	}
	overrides := []object{
		{"start": at.Add(90 * time.Hour), "end": at.Add(120 * time.Hour), "addUserID": "U1", "removeUserID": "U2", "target": object{"id": "S"}},
		{"start": at.Add(130 * time.Hour), "end": at.Add(150 * time.Hour), "addUserID": "U3", "target": object{"id": "S"}},
		{"start": at.Add(160 * time.Hour), "end": at.Add(250 * time.Hour), "removeUserID": "U4", "target": object{"id": "S"}},
	}
	return object{"data": object{"rotations": object{"nodes": rotations}, "schedules": object{"nodes": []object{s}}, "userOverrides": object{"nodes": overrides}}}
}

// Over ninety days with changes of the clocks in them, the rotas say what the
// products say, or a note says why not.
func TestNinetyDaysAreTheSame(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 9, 25, 0, 0, 0, 0, time.UTC)
	for _, product := range []string{"pagerduty", "opsgenie", "grafana", "goalert"} {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			clean, noted, differ := 0, 0, 0
			for seed := range uint64(250) {
				text, err := json.Marshal(generated(product, dice{rand.New(rand.NewPCG(seed, 7))}))
				if err != nil {
					t.Fatal(err)
				}
				r, err := Read(product, []File{{"export.json", text}}, Options{Now: from})
				if err != nil {
					t.Fatal(err)
				}
				if len(r.Rotas) != 1 {
					t.Fatalf("got %d rotas, want 1: %s", len(r.Rotas), text)
				}
				differences := Diff(r, from, 90)
				explained := false
				nights := true
				for _, n := range r.Notes {
					explained = explained || n.Rota == r.Rotas[0].Name
					nights = nights && (n.Rota == "" || n.Nights)
				}
				if nights && slices.ContainsFunc(differences, func(v Difference) bool { return !nearChange(r.Rotas[0], v) }) {
					explained = false // the notes speak of nights in which clocks change
				}
				switch {
				case len(differences) > 0 && !explained:
					t.Fatalf("seed %d: %d differences and no note\n%+v\n%s\n%s\n%+v", seed, len(differences), differences[:min(4, len(differences))], text, Render(r)["rotas.yaml"], r.Notes)
				case len(differences) > 0:
					differ++
				case explained:
					noted++
				default:
					clean++
				}
			}
			t.Logf("%d the same without a note, %d the same with one, %d differ as noted", clean, noted, differ)
			if clean < 100 {
				t.Errorf("only %d of 250 schedules need no note", clean)
			}
		})
	}
}

// nearChange reports whether a difference lies within two days of a change of
// the clocks of one of the rota's zones.
func nearChange(r Rota, v Difference) (out bool) {
	zones := []string{r.TimeZone}
	for _, t := range r.Rotations {
		zones = append(zones, t.TimeZone)
	}
	for _, name := range zones {
		loc, err := time.LoadLocation(name)
		if err != nil {
			continue
		}
		transitions(loc, func(_, after int64) {
			at := time.Unix(after, 0)
			out = out || (v.Start.After(at.Add(-48*time.Hour)) && v.End.Before(at.Add(48*time.Hour)))
		})
	}
	return out
}

// The comparison finds faults: a rota that is changed by hand differs.
func TestDiffFindsFaults(t *testing.T) {
	from := time.Date(2026, 9, 25, 0, 0, 0, 0, time.UTC)
	text := `{"schedules":[{"id":"S","name":"Primary","time_zone":"Europe/Berlin","schedule_layers":[{"start":"2026-01-05T09:00:00+01:00","rotation_virtual_start":"2026-01-05T09:00:00+01:00","rotation_turn_length_seconds":604800,"users":[{"user":{"id":"A"}},{"user":{"id":"B"}}]}]}]}`
	r, err := PagerDuty([]File{{"x", []byte(text)}}, Options{Now: from})
	if err != nil {
		t.Fatal(err)
	}
	if got := Diff(r, from, 90); len(got) != 0 {
		t.Fatalf("got %+v, want nothing", got)
	}
	r.Rotas[0].Rotations[0].Start = "2026-01-05 09:01"
	got := Diff(r, from, 90)
	if len(got) != 13 || got[0].End.Sub(got[0].Start) != time.Minute {
		t.Errorf("got %+v, want a minute each week", got)
	}
}
