package bus_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/store"
	"github.com/hinoban/hinoban/internal/platform/testkit"
)

type numbered struct {
	N int `json:"n"`
}

func (numbered) EventName() string { return "test.numbered" }

// Side by side, each subject stays in its order; where a stop cuts the handing over
// short, what was not taken comes again, and nothing is passed over.
func TestAbreastKeepsTheOrderOfASubject(t *testing.T) {
	db := testkit.Open(t, filepath.Join(t.TempDir(), "test.db"), testkit.Tables{Room: "bus", Files: bus.Migrations})
	log := bus.New(db, time.Now, id.New)
	var facts []event.Fact
	for i := range 60 {
		facts = append(facts, event.Fact{Event: numbered{N: i}, Subject: fmt.Sprint("s/", i%7), At: time.Now()})
	}
	if err := db.Write(t.Context(), func(tx store.Tx) error { return log.Publish(t.Context(), tx, facts...) }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	first := true
	var mu sync.Mutex
	once := func() bool {
		mu.Lock()
		defer mu.Unlock()
		was := first
		first = false
		return was
	}
	seen := map[string][]int{}
	sub := log.Subscriber(slog.New(slog.DiscardHandler), "x", bus.On(func(ctx context.Context, r event.Record, e numbered) error {
		if e.N == 20 && once() {
			stop()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(seen[r.Subject], e.N) {
			seen[r.Subject] = append(seen[r.Subject], e.N)
		}
		return nil
	})).Abreast(8)
	if _, err := sub.Step(ctx); err == nil {
		t.Fatal("the stop was no failure")
	}
	for n := -1; n != 0; {
		var err error
		if n, err = sub.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	total := 0
	for subject, ns := range seen {
		total += len(ns)
		if !slices.IsSorted(ns) {
			t.Errorf("%s: %v is out of order", subject, ns)
		}
	}
	if total != 60 {
		t.Errorf("%d of 60 were delivered", total)
	}
}
