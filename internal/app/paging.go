package app

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
)

// pagingRule is the alert of paging on itself.
const pagingRule = "paging-burns"

// pagingWatch is what the server last saw of its own paging.
type pagingWatch struct {
	messages *prometheus.GaugeVec
	burning  []string // channels
	looked   bool
}

func (a *App) openPagingWatch() {
	a.paging.messages = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "hinoban_oncall_messages", Help: "Messages of the last 30 days by channel and outcome: in_time, late, failed, overdue.",
	}, []string{"channel", "outcome"})
	a.telemetry.Registry.MustRegister(a.paging.messages)
}

// watchPaging measures paging by its own ledger, and raises an alert where its
// budget burns: through every device that does work.
func (a *App) watchPaging(ctx context.Context) error {
	h, err := a.pager.Health(ctx, a.paging.burning...)
	if err != nil {
		return err
	}
	for _, c := range h.Month {
		for outcome, n := range map[string]int{"in_time": c.InTime, "late": c.Taken - c.InTime, "failed": c.Failed, "overdue": c.Overdue} {
			a.paging.messages.WithLabelValues(c.Channel, outcome).Set(float64(n))
		}
	}
	burning := len(h.Burning) > 0
	if was := len(a.paging.burning) > 0; burning == was && a.paging.looked {
		a.paging.burning = h.Burning
		return nil
	}
	// Said at each change, and once after a start: to say again what is known is no
	// news to the inbox.
	now := a.now()
	_, err = a.inbox.Take(ctx, alert.Signal{
		ID: fmt.Sprintf("paging-%t-%d", burning, now.UnixNano()), Firing: burning, Source: "oncall", Service: oncall.Itself, Rule: pagingRule, Severity: alert.Page,
		Summary: h.Sentence, At: now, Expr: fmt.Sprintf("messages with their provider within %s at the first attempt ≥ %.1f %%", oncall.InTime, 100*oncall.PagingTarget), Evidence: pagingEvidence(h),
	})
	if err != nil {
		return err
	}
	a.paging.burning, a.paging.looked = h.Burning, true
	return nil
}

func pagingEvidence(h oncall.Health) (out []alert.Evidence) {
	for _, w := range []struct {
		name string
		list []oncall.ChannelHealth
	}{{"last hour", h.Hour}, {"last 5 minutes", h.Minutes}} {
		for _, c := range w.list {
			out = append(out, alert.Evidence{Name: c.Channel + ", " + w.name, Value: fmt.Sprintf("%d in time, %d late, %d failed, %d waiting", c.InTime, c.Taken-c.InTime, c.Failed, c.Overdue)})
		}
	}
	return out[:min(len(out), 20)]
}
