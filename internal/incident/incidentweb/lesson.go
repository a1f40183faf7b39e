package incidentweb

import (
	"context"

	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// lessonYAML is what makes incidents declare themselves.
const lessonYAML = `apiVersion: hinoban/v1
kind: Service
metadata: {name: payment, displayName: Payment}
spec:
  team: shop
  tier: 1        # a page of its SLO declares an incident
  runbook: https://wiki.example.org/runbooks/payment`

func columns(ctx context.Context) []webkit.ColumnHead {
	t := func(key string) string { return webkit.T(ctx, "incident.column."+key) }
	return []webkit.ColumnHead{
		{Text: t("status")},
		{Text: t("severity"), Definition: webkit.T(ctx, "incident.sev.rule")},
		{Text: t("title")},
		{Text: t("service"), Wide: true},
		{Text: t("commander"), Wide: true},
		{Text: t("declared"), Number: true, Wide: true},
		{Text: t("took"), Number: true, Wide: true, Definition: t("took.def")},
	}
}
