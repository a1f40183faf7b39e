package sloweb

import (
	"encoding/json"
	"net/http"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/slo/change"
)

// PolicyProtocols are the routes that speak another product's protocol: change
// events of PagerDuty's Events API v2. A sender that can be given nothing but a
// URL brings its token as ?token=.
func PolicyProtocols(d Deps) []httpd.Route {
	w := open(d)
	return []httpd.Route{{Pattern: "POST /v2/change/enqueue", Access: httpd.Ingest, MaxBody: 512 << 10, Handler: http.HandlerFunc(w.pagerDutyChange)}}
}

func (w *door) pagerDutyChange(rw http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	var p change.PagerDuty
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		httpd.Fail(w.Log, rw, r, errs.New(errs.Invalid, "the body is no change event: %w", err))
		return
	}
	c, at, err := p.Recorded(w.Now().UTC(), func(s string) bool {
		_, err := w.Governed.Services.Service(ctx, s)
		return s != "" && err == nil
	})
	if err == nil {
		_, err = w.recordFact(ctx, c, at, "pagerduty")
	} else {
		err = errs.New(errs.Invalid, "%w", err)
	}
	if err != nil {
		httpd.Fail(w.Log, rw, r, err)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(http.StatusAccepted)
	rw.Write([]byte(`{"status":"success","message":"Change event processed"}` + "\n"))
}
