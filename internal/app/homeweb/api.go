package homeweb

import (
	"context"

	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// Now is what needs somebody, and who is on call.
type Now struct {
	Items  []Item   `json:"items" doc:"The most urgent first."`
	OnCall []OnCall `json:"on_call"`
}

type (
	nothing struct{}
	bySeq   struct {
		Seq string `path:"seq"`
	}
)

// API registers the operations.
func API(a *httpd.API, d Deps) {
	httpd.Get(a, "/api/v1/now", httpd.Op{ID: "get-now", Tag: "now", Summary: "What needs a human, the most urgent first"}, func(ctx context.Context, _ *nothing) (Now, error) {
		f, err := d.gather(ctx)
		if err != nil {
			return Now{}, err
		}
		people, err := d.onCall(ctx)
		return Now{Items: append([]Item{}, items(f)...), OnCall: people}, err
	})
	httpd.Get(a, "/api/v1/log/{seq}", httpd.Op{ID: "get-log-record", Tag: "log", Summary: "One record of the log"}, func(ctx context.Context, in *bySeq) (event.Record, error) {
		return d.record(ctx, in.Seq)
	})
	httpd.Get(a, "/api/v1/config", httpd.Op{ID: "get-config", Tag: "config", Summary: "The documents in use"}, func(context.Context, *nothing) (Config, error) {
		return d.Config(), nil
	})
	httpd.Get(a, "/api/v1/health", httpd.Op{ID: "get-health", Tag: "now", Summary: "The server's own health"}, func(ctx context.Context, _ *nothing) (httpd.Health, error) {
		return d.Health(ctx), nil
	})
}
