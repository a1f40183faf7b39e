package demo

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/hinoban/hinoban/client"
)

// tested is the trouble of the past that was a load test: it does not count.
func tested() trouble { return past()[5] }

// writeCorrection writes the correction of the load test, once: where the demo goes
// on from an earlier run, the history does too.
func writeCorrection(file string, now time.Time) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	t := tested()
	text := fmt.Sprintf(`# A load test that was agreed: its errors are counted, but not against the budget.
apiVersion: hinoban/v1
kind: BudgetCorrection
metadata: {name: load-test}
spec:
  services: [%s]
  start: %q
  duration: 1h
  timeZone: UTC
  category: load_test
  reason: Load test before the sale, agreed with the shop.
`, t.service, now.UTC().Add(-t.ago-5*time.Minute).Format("2006-01-02T15:04"))
	return os.WriteFile(file, []byte(text), 0o600)
}

// change is what is sent to the server when something is deployed.
type change struct {
	Service string    `json:"service"`
	Kind    string    `json:"kind"`
	Summary string    `json:"summary"`
	Actor   string    `json:"actor"`
	At      time.Time `json:"at,omitzero"`
}

// remember records what was deployed before some of the past's troubles, where the
// history is new.
func (d *Demo) remember(ctx context.Context) {
	if !d.fresh || !d.ready(ctx) {
		return
	}
	for _, t := range []struct {
		trouble
		summary string
	}{{past()[1], "payment v2.3.0: new card check"}, {past()[4], "checkout v118: faster basket"}} {
		d.record(ctx, change{Service: t.service, Kind: "deploy", Summary: t.summary, Actor: "ci", At: time.Now().Add(-t.ago - 3*time.Minute)})
	}
}

// deploy says that payment was changed, just before it begins to fail.
func (d *Demo) deploy(ctx context.Context) {
	d.record(ctx, change{Service: broken, Kind: "deploy", Summary: "payment v2.4.1: retries to the bank", Actor: "ci"})
}

func (d *Demo) record(ctx context.Context, c change) {
	if err := client.New(d.URL(), "").Post(ctx, "/api/v1/changes", c, nil); err != nil && ctx.Err() == nil {
		d.log.WarnContext(ctx, "change not recorded", "service", c.Service, "err", err)
	}
}
