package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

type plain struct{}

func (plain) Seal(text, _ string) (string, error)   { return text, nil }
func (plain) Unseal(text, _ string) (string, error) { return text, nil }

// desk is a registry with a database and a clock of its own.
type desk struct {
	*ingest.Registry
	t       *testing.T
	now     time.Time
	inbox   *alert.Inbox
	fetched []string
	web     map[string][]byte
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, now: t0, web: map[string][]byte{}}
	db := testkit.Open(t, filepath.Join(t.TempDir(), "test.db"), testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "alert", Files: alertdb.Migrations})
	n := 0
	newID := func() string { n++; return fmt.Sprintf("id%05d", n) }
	clock := func() time.Time { return d.now }
	store := alertdb.New(db, bus.New(db, clock, newID), newID)
	d.inbox = alert.NewInbox(store, clock)
	d.Registry = ingest.NewRegistry(ingest.Options{
		Store: store, Inbox: d.inbox, Sealer: plain{}, Now: clock, Started: t0.Add(-time.Hour), NewID: newID, NewKey: func() string { n++; return fmt.Sprintf("%032d", n) },
		Fetch: func(_ context.Context, url string) ([]byte, error) {
			d.fetched = append(d.fetched, url)
			if b, ok := d.web[url]; ok {
				return b, nil
			}
			return nil, errors.New("nobody answers")
		},
	})
	return d
}

func (d *desk) create(s ingest.Source) (ingest.Source, ingest.Keys) {
	d.t.Helper()
	s, keys, err := d.Create(d.t.Context(), s, "", "aoi")
	if err != nil {
		d.t.Fatal(err)
	}
	return s, keys
}

func (d *desk) send(name string, body []byte) (ingest.Receipt, error) {
	d.t.Helper()
	s, keys, err := d.Source(d.t.Context(), name)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.Receive(d.t.Context(), s, keys, ingest.Delivery{Body: body, At: d.now})
}

func (d *desk) open(source string) []alert.Alert {
	d.t.Helper()
	got, err := d.inbox.Alerts(d.t.Context(), alert.Query{Source: source, Unresolved: true})
	if err != nil {
		d.t.Fatal(err)
	}
	return got
}

// An alarm is believed once its certificate was fetched and its signature checked;
// the certificate is fetched once.
func TestAnAlarmIsBelievedWhenItsSignatureIs(t *testing.T) {
	d, a := newDesk(t), newAWS(t)
	d.create(ingest.Source{Name: "cw", Kind: ingest.CloudWatchSNS})
	alarm := snsBody(t, a, "Notification", string(recorded(t, "cloudwatch-alarm.json")), "2")
	if _, err := d.send("cw", alarm); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("no certificate to be had: got %v, want Unavailable, so that it is sent again", err)
	}
	d.web[certURL], d.web[subscribe] = a.cert, []byte("<ok/>")
	if _, err := d.send("cw", newAWSBody(t, alarm)); errs.KindOf(err) != errs.Denied || len(d.open("cw")) != 0 {
		t.Errorf("a forged one: got %v, want Denied", err)
	}
	d.fetched = nil
	for range 2 {
		if out, err := d.send("cw", alarm); err != nil || out.Taken != 1 || len(d.open("cw")) != 1 {
			t.Fatalf("got %+v, %v", out, err)
		}
	}
	if len(d.fetched) != 1 {
		t.Errorf("fetched %v, want the certificate once", d.fetched)
	}
	out, err := d.send("cw", snsBody(t, a, "SubscriptionConfirmation", "You have chosen", "1"))
	if err != nil || d.fetched[len(d.fetched)-1] != subscribe || !strings.Contains(strings.Join(out.Notes, " "), "confirmed") {
		t.Errorf("confirmation: got %+v, %v, fetched %v", out, err, d.fetched)
	}
	s, _, err := d.Source(t.Context(), "cw")
	if err != nil || s.Refused != 1 || s.Accepted != 2 {
		t.Errorf("got %d taken, %d refused, %v", s.Accepted, s.Refused, err)
	}
}

// newAWSBody is an alarm whose words were changed after it was signed.
func newAWSBody(t *testing.T, body []byte) []byte {
	t.Helper()
	return []byte(strings.Replace(string(body), "More than 10", "More than 99", 1))
}

func TestSilence(t *testing.T) {
	d := newDesk(t)
	d.create(ingest.Source{Name: "backup", Kind: ingest.Heartbeat, Every: ingest.Duration(time.Hour), Silence: alert.Page, Service: "db"})
	d.create(ingest.Source{Name: "am", Kind: ingest.Alertmanager, Every: ingest.Duration(2 * time.Hour)})
	step := func(after time.Duration, want ...string) {
		t.Helper()
		d.now = t0.Add(after)
		for range 2 {
			if err := d.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, a := range d.open("heartbeat") {
			got = append([]string{a.Rule + " " + string(a.Severity)}, got...)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("after %s: got %v, want %v", after, got, want)
		}
	}
	step(59 * time.Minute)
	step(time.Hour, "backup page")
	step(2*time.Hour, "backup page", "am ticket")
	if _, err := d.send("am", recorded(t, "alertmanager.json")); err != nil {
		t.Fatal(err)
	}
	step(2*time.Hour+time.Second, "backup page")
	if _, err := d.send("backup", nil); err != nil {
		t.Fatal(err)
	}
	if got := d.open("heartbeat"); len(got) != 0 {
		t.Errorf("heard: got %+v, want it over at once", got)
	}
	step(3*time.Hour+2*time.Second, "backup page")
	if _, err := d.Pause(t.Context(), "backup", "aoi"); err != nil {
		t.Fatal(err)
	}
	step(5*time.Hour, "am ticket") // silent since 4:00; what is paused is not expected
	if _, err := d.Resume(t.Context(), "backup", "aoi"); err != nil {
		t.Fatal(err)
	}
	step(5*time.Hour+59*time.Minute, "am ticket")
	if _, err := d.Edit(t.Context(), "am", ingest.Edit{Severity: alert.Ticket, Service: "elsewhere"}, "aoi"); err != nil {
		t.Fatal(err)
	}
	step(7*time.Hour, "backup page")
	if err := d.Delete(t.Context(), "backup", "aoi"); err != nil {
		t.Fatal(err)
	}
	step(9 * time.Hour)
}

func TestASourceIsChanged(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	_, keys := d.create(ingest.Source{Name: "json", Kind: ingest.Generic})
	if _, err := d.Rotate(ctx, "json", "aoi"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Find(ctx, keys.Key); errs.KindOf(err) != errs.NotFound {
		t.Errorf("the old key: got %v, want NotFound", err)
	}
	_, keys, err := d.Source(ctx, "json")
	if err != nil {
		t.Fatal(err)
	}
	if s, _, err := d.Find(ctx, keys.Key, ingest.Generic); err != nil || s.Name != "json" {
		t.Errorf("the new key: got %+v, %v", s, err)
	}
	if _, err := d.Pause(ctx, "json", "aoi"); err != nil {
		t.Fatal(err)
	}
	if out, err := d.send("json", []byte(`{"rule":"x"}`)); err != nil || out.Taken != 0 || len(d.open("json")) != 0 {
		t.Errorf("paused: got %+v, %v", out, err)
	}
	for _, bad := range []ingest.Source{
		{Name: "Json", Kind: ingest.Generic},
		{Name: "slo", Kind: ingest.Generic},
		{Name: "json", Kind: ingest.Generic},
		{Name: "x", Kind: "fax"},
		{Name: "x", Kind: ingest.Heartbeat},
		{Name: "x", Kind: ingest.Generic, Every: ingest.Duration(time.Second)},
		{Name: "x", Kind: ingest.Generic, Severity: "loud"},
		{Name: "x", Kind: ingest.Generic, Mapping: ingest.Mapping{Rule: "("}},
	} {
		if _, _, err := d.Create(ctx, bad, "", "aoi"); err == nil || !errs.Permanent(err) {
			t.Errorf("%+v: got %v, want it refused", bad, err)
		}
	}
	b, err := d.Try(ctx, ingest.Source{Name: "json", Severity: alert.Ticket}, ingest.Mapping{Rule: `it.a`}, []byte(`{"a":"b"}`))
	if err != nil || len(b.Signals) != 1 || b.Signals[0].Rule != "b" {
		t.Errorf("try: got %+v, %v", b, err)
	}
}
