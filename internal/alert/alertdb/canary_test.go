package alertdb_test

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/canary"
	"github.com/hinoban/hinoban/internal/platform/bus"
)

func TestFaultsOfCanariesAreKept(t *testing.T) {
	each(t, func(t *testing.T, _ *alert.Inbox, s *alertdb.Store, _ *bus.Log) {
		put := func(f canary.Fault) {
			t.Helper()
			if err := s.PutCanary(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		first := canary.Fault{ID: "1", Canary: "shop", At: t0, Until: t0.Add(time.Minute)}
		put(first)
		put(canary.Fault{ID: "2", Canary: "shop", At: t0.Add(time.Hour)})
		put(canary.Fault{ID: "3", Canary: "cart", At: t0.Add(time.Hour)})
		first.Settled, first.Told = true, []canary.Told{{Receiver: "team/webhook[0]", Decided: t0, Handed: t0.Add(time.Second)}}
		put(first)
		got, err := s.Canaries(t.Context(), "shop", 10)
		if err != nil || len(got) != 2 || got[0].ID != "2" || !got[1].Settled || !got[1].Arrived().Equal(t0.Add(time.Second)) {
			t.Errorf("got %+v, %v", got, err)
		}
		open, err := s.OpenCanaries(t.Context())
		if err != nil || len(open) != 2 || open[0].ID != "2" {
			t.Errorf("open: %+v, %v", open, err)
		}
		if err := s.PruneCanaries(t.Context(), t0.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got, err = s.Canaries(t.Context(), "shop", 10); err != nil || len(got) != 1 {
			t.Errorf("got %+v, %v; want the old one gone", got, err)
		}
	})
}
