package app

import (
	"context"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
)

// What is open at the start is looked at until it could be, by whoever begins to
// lead again, and one alert that cannot be looked at holds up no other.
func TestWhatIsOpenIsLookedAtUntilItCouldBe(t *testing.T) {
	a := listening(t, t.TempDir())
	raise := func(service string) {
		t.Helper()
		_, err := a.inbox.Take(t.Context(), alert.Signal{ID: service, Firing: true, Source: "slo", Service: service, Rule: "r", Severity: alert.Page, Summary: "down", At: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
	}
	pages := func() int {
		t.Helper()
		all, err := a.pager.Pages(t.Context(), oncall.PageQuery{Open: true})
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	raise("api")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.pageReleased(ended); err == nil || pages() != 0 {
		t.Fatalf("a round that was cut short: %v, %d pages", err, pages())
	}
	a.held.note("gone", true)
	if err := a.pageReleased(t.Context()); err != nil || pages() != 1 {
		t.Fatalf("the next round: %v, %d pages", err, pages())
	}
	if ids, looked := a.held.list(); len(ids) != 0 || !looked {
		t.Errorf("still looked at: %v, looked %t", ids, looked)
	}
	raise("web")
	if err := a.pageReleased(t.Context()); err != nil || pages() != 1 {
		t.Fatalf("looked again though it was done: %v, %d pages", err, pages())
	}
	a.held.looking(false)
	if err := a.pageReleased(t.Context()); err != nil || pages() != 2 {
		t.Errorf("whoever begins to lead: %v, %d pages", err, pages())
	}
}
