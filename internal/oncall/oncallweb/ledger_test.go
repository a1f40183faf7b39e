package oncallweb

import (
	"strings"
	"testing"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

func TestViewHealth(t *testing.T) {
	h := oncall.Health{
		Target: 0.999, Good: 1098, Total: 1112, Burning: []string{"sms"},
		Month: []oncall.ChannelHealth{{Channel: "mail", Taken: 1000, InTime: 1000}, {Channel: "ntfy", Taken: 99, InTime: 97, Failed: 1}, {Channel: "sms", Taken: 1, InTime: 1, Failed: 8, Overdue: 3}},
	}
	rows, target := viewHealth(t.Context(), h)
	want := []healthRow{
		{Channel: "mail", Share: "100%", InTime: 1000, State: webkit.OK},
		{Channel: "ntfy", Share: "97%", InTime: 97, Late: 2, Failed: 1, State: webkit.Warning},
		{Channel: "sms", Share: "8.3%", InTime: 1, Failed: 8, Waiting: 3, State: webkit.Firing},
	}
	for i, r := range rows {
		r.Word, r.Share = "", strings.ReplaceAll(strings.ReplaceAll(r.Share, " ", ""), "\u00a0", "")
		if r != want[i] {
			t.Errorf("got %+v, want %+v", r, want[i])
		}
	}
	if len(rows) != 3 || target == "" {
		t.Errorf("got %d rows, %q", len(rows), target)
	}
}
