package postmortemweb

import (
	"context"

	"github.com/hinoban/hinoban/internal/platform/webkit"
)

func columns(ctx context.Context) []webkit.ColumnHead {
	t := func(key string) string { return webkit.T(ctx, "postmortem.column."+key) }
	return []webkit.ColumnHead{
		{Text: t("status")},
		{Text: t("title")},
		{Text: t("incident"), Wide: true},
		{Text: t("service"), Wide: true},
		{Text: t("cited"), Number: true, Wide: true, Definition: t("cited.def")},
		{Text: t("approver"), Wide: true},
		{Text: t("at"), Number: true, Wide: true, Definition: t("at.def")},
	}
}
