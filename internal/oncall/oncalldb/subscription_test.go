package oncalldb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/platform/notify/webpush"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

func TestSubscriptionsOfBrowsers(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db *store.DB) {
		ctx, s := t.Context(), oncalldb.NewSubscriptions(db)
		sub := func(n int) webpush.Subscription {
			return webpush.Subscription{Endpoint: fmt.Sprintf("https://push.example/%d", n), P256DH: []byte{4, 0, byte(n)}, Auth: []byte("sixteen bytes ok")}
		}
		put := func(person string, n int) string {
			t.Helper()
			id, err := s.Subscribe(ctx, person, "Phone", sub(n), t0.Add(time.Duration(n)*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		of := func(person string) []webpush.Subscription {
			t.Helper()
			out, err := s.ByPerson(ctx, person)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		put("aoi", 1)
		id := put("aoi", 2)
		put("aoi", 2) // again
		if diff := cmp.Diff([]webpush.Subscription{sub(2), sub(1)}, of("aoi")); diff != "" {
			t.Error(diff)
		}
		if ok, err := s.Unsubscribe(ctx, "ren", id); ok || err != nil {
			t.Errorf("another's: %t, %v", ok, err)
		}
		put("ren", 2) // the same browser, another person
		if a, r := len(of("aoi")), len(of("ren")); a != 1 || r != 1 {
			t.Errorf("aoi has %d and ren %d, want 1 each", a, r)
		}
		if ok, err := s.Unsubscribe(ctx, "ren", id); !ok || err != nil || len(of("ren")) != 0 {
			t.Errorf("unsubscribe: %t, %v", ok, err)
		}
		if err := s.Remove(ctx, sub(1).Endpoint); err != nil || len(of("aoi")) != 0 {
			t.Errorf("remove: %v", err)
		}
		for n := range 25 {
			put("aoi", n)
		}
		if got := of("aoi"); len(got) != 20 || got[0].Endpoint != sub(24).Endpoint {
			t.Errorf("got %d, want the newest 20", len(got))
		}
	}, testkit.Tables{Room: "oncall", Files: oncalldb.Migrations})
}
