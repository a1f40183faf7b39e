package catalogweb

import (
	"context"

	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// columns are the heads of a table of services.
func columns(ctx context.Context, teams bool) []webkit.ColumnHead {
	out := []webkit.ColumnHead{
		{Text: webkit.T(ctx, "catalog.col.service")},
		{Text: webkit.T(ctx, "catalog.col.tier"), Number: true, Definition: webkit.T(ctx, "catalog.def.tier")},
	}
	if teams {
		out = append(out, webkit.ColumnHead{Text: webkit.T(ctx, "catalog.col.team"), Wide: true})
	}
	return append(
		out,
		webkit.ColumnHead{Text: webkit.T(ctx, "catalog.col.slo"), Definition: webkit.T(ctx, "catalog.def.slo")},
		webkit.ColumnHead{Text: webkit.T(ctx, "catalog.col.alerts"), Number: true},
		webkit.ColumnHead{Text: webkit.T(ctx, "catalog.col.oncall"), Wide: true},
	)
}

// example is what an empty page shows: the lines that make a first service.
func example() string {
	return `apiVersion: hinoban/v1
kind: Service
metadata: {name: checkout, displayName: Checkout}
spec:
  team: shop
  tier: 1
  dependsOn: [{service: payment, kind: hard}]
  runbook: https://wiki.shop.example/checkout
---
` + teamExample()
}

func teamExample() string {
	return `apiVersion: hinoban/v1
kind: Team
metadata: {name: shop, displayName: Shop}
spec: {members: [aoi, ren]}
`
}
