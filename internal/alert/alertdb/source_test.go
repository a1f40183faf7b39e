package alertdb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

func source() ingest.Source {
	return ingest.Source{
		Name: "shop", Kind: ingest.Generic, Service: "checkout", Severity: alert.Page, Every: ingest.Duration(5 * time.Minute), Silence: alert.Ticket,
		Mapping: ingest.Mapping{Rule: `it.rule`}, CreatedAt: t0, CreatedBy: "aoi", WatchedAt: t0,
	}
}

func TestASourceComesBackAsItWasKept(t *testing.T) {
	each(t, func(t *testing.T, _ *alert.Inbox, s *alertdb.Store, log *bus.Log) {
		ctx := t.Context()
		want, keys := source(), ingest.Sealed{KeyHash: "h", Key: "hb1:k", Secret: "hb1:s"}
		fact := []event.Fact{{Event: ingest.SourceChanged{Source: "shop", What: "created"}, At: t0, Subject: ingest.Subject("shop"), Actor: "person/aoi", Source: "alert"}}
		if err := s.CreateSource(ctx, want, keys, fact); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateSource(ctx, want, keys, nil); errs.KindOf(err) != errs.Conflict {
			t.Errorf("twice: got %v, want Conflict", err)
		}
		got, k, err := s.SourceByKey(ctx, "h")
		if err != nil || got != want || k != keys {
			t.Errorf("got %+v, %+v, %v", got, k, err)
		}
		got, err = s.UpdateSource(ctx, "shop", func(s *ingest.Source, k *ingest.Sealed) ([]event.Fact, error) {
			s.SilentAt, k.KeyHash = t0.Add(time.Minute), "h2"
			return nil, nil
		})
		if err != nil || !got.SilentAt.Equal(t0.Add(time.Minute)) {
			t.Errorf("got %+v, %v", got, err)
		}
		if _, _, err := s.SourceByKey(ctx, "h"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("the old key: got %v, want NotFound", err)
		}
		if all, err := s.Sources(ctx); err != nil || len(all) != 1 {
			t.Errorf("got %d, %v", len(all), err)
		}
		if err := s.DeleteSource(ctx, "shop", nil); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteSource(ctx, "shop", nil); errs.KindOf(err) != errs.NotFound {
			t.Errorf("twice: got %v, want NotFound", err)
		}
		if rs, err := log.Events(ctx, event.Query{Names: []string{"alert.source_changed"}}); err != nil || len(rs) != 1 {
			t.Errorf("log: %d, %v", len(rs), err)
		}
	})
}

// The last twenty deliveries are kept, and all are counted.
func TestPayloadsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, _ *alert.Inbox, s *alertdb.Store, _ *bus.Log) {
		ctx := t.Context()
		if err := s.CreateSource(ctx, source(), ingest.Sealed{KeyHash: "h"}, nil); err != nil {
			t.Fatal(err)
		}
		for i := range 25 {
			p := ingest.Payload{
				ID: fmt.Sprintf("p%02d", i), Source: "shop", At: t0.Add(time.Duration(i) * time.Second), Body: []byte("\xff\x00{}"), Size: 4, Taken: 2, Lost: 1,
				Refused: []ingest.Refusal{{Path: "alerts[1]", Reason: "no"}}, Notes: []string{"n"}, Alerts: []string{"a1"},
			}
			if err := s.Keep(ctx, p, i != 24, ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Keep(ctx, ingest.Payload{Source: "shop", At: t0}, true, "req-1"); err != nil {
			t.Fatal(err)
		}
		kept, err := s.Payloads(ctx, "shop")
		if err != nil || len(kept) != 20 || kept[0].ID != "p24" || string(kept[0].Body) != "\xff\x00{}" || kept[0].Refused[0].Path != "alerts[1]" || kept[0].Alerts[0] != "a1" {
			t.Fatalf("got %d, %+v, %v", len(kept), kept[0], err)
		}
		got, _, err := s.Source(ctx, "shop")
		if err != nil || got.Accepted != 50 || got.Refused != 25 || !got.HeardAt.Equal(t0.Add(23*time.Second)) {
			t.Errorf("got %+v, %v", got, err)
		}
		had, err := s.Had(ctx, "shop", "req-1")
		if other, _ := s.Had(ctx, "shop", "req-2"); err != nil || !had || other {
			t.Errorf("had: %v, %v, %v", had, other, err)
		}
	})
}

// A key keeps service and rule for as long as its alert is open.
func TestAKeyFindsWhatItOpened(t *testing.T) {
	each(t, func(t *testing.T, in *alert.Inbox, s *alertdb.Store, _ *bus.Log) {
		ctx := t.Context()
		n := 0
		say := func(firing bool, service, rule string) alert.Alert {
			t.Helper()
			n++
			sig := alert.Signal{ID: fmt.Sprint("k", n), Firing: firing, Source: "pd", Key: "disk", Service: service, Rule: rule, Severity: alert.Page, At: t0.Add(time.Duration(n) * time.Second)}
			got, err := s.Pin(ctx, []alert.Signal{sig})
			if err != nil {
				t.Fatal(err)
			}
			taken, err := in.TakeAll(ctx, got)
			if err != nil || taken[0].Err != nil {
				t.Fatal(err, taken)
			}
			return taken[0].Alert
		}
		if a := say(false, "", "event"); a.ID != "" {
			t.Errorf("the end of nothing opened %+v", a)
		}
		first := say(true, "mysql", "disk")
		if again := say(true, "other", "memory"); again.ID != first.ID || again.Count != 2 {
			t.Errorf("the same key: got %+v, want it folded into %s", again, first.ID)
		}
		if over := say(false, "", "event"); over.ID != first.ID || over.State() != alert.Resolved {
			t.Errorf("the end: got %+v", over)
		}
		if next := say(true, "other", "memory"); next.ID == first.ID || next.Service != "other" {
			t.Errorf("the next: got %+v", next)
		}
	})
}

func TestAPayloadIsKeptWithoutKeys(t *testing.T) {
	each(t, func(t *testing.T, in *alert.Inbox, s *alertdb.Store, _ *bus.Log) {
		ids := 0
		r := ingest.NewRegistry(ingest.Options{
			Store: s, Inbox: in, Sealer: plain{}, Now: func() time.Time { return t0 }, Started: t0.Add(-time.Hour),
			NewID: func() string { ids++; return fmt.Sprint("p", ids) }, NewKey: func() string { return strings.Repeat("k", 32) },
		})
		if _, _, err := r.Create(t.Context(), ingest.Source{Name: "pd", Kind: ingest.PagerDuty}, "", "aoi"); err != nil {
			t.Fatal(err)
		}
		src, keys, err := r.Find(t.Context(), strings.Repeat("k", 32), ingest.PagerDuty)
		if err != nil {
			t.Fatal(err)
		}
		body := `{"routing_key":"` + keys.Key + `","event_action":"trigger","payload":{"summary":"x\u0000y","source":"s","severity":"info"},"pad":"` + strings.Repeat("p", 100<<10) + `"}`
		if out, err := r.Receive(t.Context(), src, keys, ingest.Delivery{Body: []byte(body), At: t0}); err != nil || out.Taken != 1 {
			t.Fatalf("got %+v, %v", out, err)
		}
		kept, err := r.Payloads(t.Context(), "pd")
		if err != nil || len(kept) != 1 || len(kept[0].Body) != ingest.MaxKept || strings.Contains(string(kept[0].Body), keys.Key) || kept[0].Size != len(body) {
			t.Errorf("got %d of %d bytes, %v", len(kept[0].Body), kept[0].Size, err)
		}
	})
}

// plain seals nothing.
type plain struct{}

func (plain) Seal(text, _ string) (string, error)   { return text, nil }
func (plain) Unseal(text, _ string) (string, error) { return text, nil }
