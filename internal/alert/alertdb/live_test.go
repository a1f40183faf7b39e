package alertdb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

func eachLive(t *testing.T, fn func(t *testing.T, l *alertdb.Live, log *bus.Log)) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		log := bus.New(db, func() time.Time { return t0 }, id.New)
		fn(t, alertdb.NewLive(db, log, id.New, true), log)
	}, testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "alert", Files: alertdb.Migrations})
}

func liveAlert(n int, at time.Time) dispatch.Alert {
	return dispatch.Alert{
		Labels:      dispatch.NewSet(map[string]string{"alertname": "x", "n": fmt.Sprint(n), "日本": "\"'\\\n\t<script>"}),
		Annotations: dispatch.NewSet(map[string]string{"summary": strings.Repeat("長い", 500), "empty": ""}), GeneratorURL: "https://x.example/?a=b&c",
		StartsAt: t0, EndsAt: at.Add(time.Hour), UpdatedAt: at, Timeout: n%2 == 0, Ack: "aoi", Own: n%3 == 0,
	}
}

func TestWhatIsLiveComesBackAsItWasKept(t *testing.T) {
	eachLive(t, func(t *testing.T, l *alertdb.Live, log *bus.Log) {
		want := []dispatch.Alert{liveAlert(1, t0), liveAlert(2, t0)}
		if err := l.PutAlerts(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		younger := liveAlert(1, t0.Add(time.Minute))
		older := liveAlert(2, t0.Add(-time.Minute))
		if err := l.PutAlerts(t.Context(), []dispatch.Alert{younger, older}); err != nil {
			t.Fatal(err)
		}
		no := false
		sil := dispatch.Silence{ID: "s1", Matchers: []dispatch.Matcher{{Name: "a", Value: "b|c", IsRegex: true, IsEqual: &no}}, StartsAt: t0, EndsAt: t0.Add(time.Hour), UpdatedAt: t0, CreatedBy: "aoi", Comment: "deploy"}
		if err := l.PutSilences(t.Context(), "aoi", sil); err != nil {
			t.Fatal(err)
		}
		key := dispatch.ToldKey{Group: `{}:{alertname="x"}`, Receiver: "r", Integration: "webhook", Index: 3}
		told := dispatch.Told{Firing: []uint64{1<<64 - 1, 7}, Resolved: []uint64{8}, At: t0, Expires: t0.Add(time.Hour), Owed: []uint64{9}, Since: t0, Attempts: 2, Error: "503"}
		row := dispatch.Row{Key: key, Hash: 1<<63 + 5, Told: told, Notice: &dispatch.Notice{At: t0, Decided: t0.Add(-time.Second), Reason: "first notification", Attempts: 2, Alerts: []model.Fingerprint{1<<63 + 1, 4}}}
		if err := l.PutTold(t.Context(), []dispatch.Row{row}); err != nil {
			t.Fatal(err)
		}
		kept, err := l.Load(t.Context())
		if err != nil || len(kept.Alerts) != 2 || len(kept.Silences) != 1 || len(kept.Told) != 1 {
			t.Fatalf("%+v, %v", kept, err)
		}
		for _, a := range kept.Alerts {
			w := younger
			if a.Labels == want[1].Labels {
				w = want[1]
			}
			if !a.EndsAt.Equal(w.EndsAt) || !a.UpdatedAt.Equal(w.UpdatedAt) || !a.StartsAt.Equal(w.StartsAt) || a.Labels != w.Labels || a.Annotations != w.Annotations || a.GeneratorURL != w.GeneratorURL || a.Timeout != w.Timeout || a.Ack != w.Ack || a.Own != w.Own {
				t.Errorf("alert\n%+v, want\n%+v", a, w)
			}
		}
		if s := kept.Silences[0]; s.Text() != `{a!~"b|c"}` || s.Comment != "deploy" || !s.EndsAt.Equal(sil.EndsAt) {
			t.Errorf("silence %+v", s)
		}
		if got := kept.Told[1<<63+5]; got == nil || got.Firing[0] != 1<<64-1 || got.Owed[0] != 9 || got.Error != "503" || !got.Since.Equal(t0) {
			t.Errorf("told %+v", kept.Told)
		}
		rows, err := l.ToldRows(t.Context())
		if err != nil || len(rows) != 1 || rows[0].Key != key || rows[0].Hash != row.Hash {
			t.Errorf("rows %+v, %v", rows, err)
		}
		notices, err := l.Notices(t.Context(), 1<<63+1, t0.Add(-time.Hour), t0.Add(time.Hour))
		if err != nil || len(notices) != 1 || notices[0].Key != key || notices[0].Tries != 2 || !notices[0].Decided.Equal(t0.Add(-time.Second)) {
			t.Errorf("notices %+v, %v", notices, err)
		}
		events, err := log.Events(t.Context(), event.Query{Subjects: []string{"silence/s1"}})
		if err != nil || len(events) != 1 || events[0].Name != (alert.Silenced{}).EventName() || events[0].Actor != "person/aoi" {
			t.Errorf("events %+v, %v", events, err)
		}
	})
}

func TestPruneDropsOnlyWhatIsOver(t *testing.T) {
	eachLive(t, func(t *testing.T, l *alertdb.Live, _ *bus.Log) {
		over, on, endless := liveAlert(1, t0), liveAlert(2, t0), liveAlert(3, t0)
		over.EndsAt, on.EndsAt, endless.EndsAt = t0.Add(-2*time.Hour), t0.Add(time.Hour), time.Time{}
		if err := l.PutAlerts(t.Context(), []dispatch.Alert{over, on, endless}); err != nil {
			t.Fatal(err)
		}
		notice := &dispatch.Notice{At: t0.Add(-2 * time.Hour), Alerts: []model.Fingerprint{1}}
		if err := l.PutTold(t.Context(), []dispatch.Row{{Hash: 1, Told: dispatch.Told{Expires: t0.Add(-time.Hour)}, Notice: notice}, {Hash: 2, Told: dispatch.Told{Expires: t0.Add(time.Hour)}}}); err != nil {
			t.Fatal(err)
		}
		if err := l.Prune(t.Context(), t0.Add(-time.Hour), t0); err != nil {
			t.Fatal(err)
		}
		kept, err := l.Load(t.Context())
		if err != nil || len(kept.Alerts) != 2 || len(kept.Told) != 1 || kept.Told[2] == nil {
			t.Errorf("%+v, %v", kept, err)
		}
		if n, err := l.PruneNotices(t.Context(), t0); err != nil || n != 1 {
			t.Errorf("pruned %d notices, %v", n, err)
		}
		if left, err := l.Notices(t.Context(), 1, t0.Add(-24*time.Hour), t0); err != nil || len(left) != 0 {
			t.Errorf("left %+v, %v", left, err)
		}
	})
}
