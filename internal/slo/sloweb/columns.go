package sloweb

import (
	"context"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// columns are the heads of a table of objectives.
func columns(ctx context.Context) []webkit.ColumnHead {
	burn := webkit.T(ctx, "slo.def.burn")
	return []webkit.ColumnHead{
		{Text: "SLO", Sort: "name"},
		{Text: webkit.T(ctx, "slo.col.left"), Sort: "left", Definition: webkit.T(ctx, "slo.def.left")},
		{Text: webkit.T(ctx, "slo.col.burn", span(ctx, time.Hour)), Sort: "burn1h", Number: true, Definition: burn},
		{Text: span(ctx, 6*time.Hour), Sort: "burn6h", Number: true, Wide: true},
		{Text: span(ctx, 72*time.Hour), Sort: "burn3d", Number: true, Wide: true},
		{Text: webkit.T(ctx, "slo.col.spark"), Wide: true},
		{Text: webkit.T(ctx, "slo.col.state"), Wide: true},
	}
}

// shortColumns are the heads of the same table where there is less room.
func shortColumns(ctx context.Context) []webkit.ColumnHead {
	all := columns(ctx)
	return append(all[:3:3], all[5])
}

func columnCount(ctx context.Context) string { return strconv.Itoa(len(columns(ctx))) }

// example is what an empty page shows: ten lines that make a first objective.
func example() string {
	return `apiVersion: openslo/v1
kind: SLO
metadata: {name: checkout-availability, displayName: Orders are taken}
spec:
  service: checkout
  indicator: {spec: {ratioMetric: {counter: true,
    bad:   {metricSource: {spec: {query: 'sum(http_requests_total{service="checkout",code=~"5.."})'}}},
    total: {metricSource: {spec: {query: 'sum(http_requests_total{service="checkout"})'}}}}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{targetPercent: 99.9}]
`
}

// rateColumns are the heads of the table of an entry's pairs.
func rateColumns(ctx context.Context, shares []string) []webkit.ColumnHead {
	out := []webkit.ColumnHead{
		{Text: webkit.T(ctx, "slo.rates.pair")}, {Text: webkit.T(ctx, "slo.rates.share"), Number: true, Definition: webkit.T(ctx, "slo.def.kb")}, {Text: webkit.T(ctx, "slo.rates.reach")},
	}
	for i, s := range shares {
		c := webkit.ColumnHead{Text: webkit.T(ctx, "slo.rates.at", s), Number: true}
		if i == 0 {
			c.Definition = webkit.T(ctx, "slo.def.cell")
		}
		out = append(out, c)
	}
	return out
}
