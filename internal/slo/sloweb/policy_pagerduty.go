package sloweb

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/slo/change"
)

// PolicyProtocols are the routes that speak another product's protocol: change
// events of PagerDuty's Events API v2. A sender brings the key of a source as its
// routing key, or a token, as ?token= where it can be given nothing but a URL.
func PolicyProtocols(d Deps) []httpd.Route {
	w := open(d)
	return []httpd.Route{{Pattern: "POST /v2/change/enqueue", Access: httpd.Keyed, MaxBody: 512 << 10, Handler: http.HandlerFunc(w.pagerDutyChange)}}
}

// pdAnswer is what PagerDuty's API answers.
type pdAnswer struct {
	Status  string   `json:"status"`
	Message string   `json:"message"`
	Errors  []string `json:"errors,omitempty"`
}

func (w *door) pagerDutyChange(rw http.ResponseWriter, r *http.Request) {
	status, out := http.StatusAccepted, pdAnswer{Status: "success", Message: "Change event processed"}
	err := w.takeChange(r)
	if err != nil && !errs.Permanent(err) {
		httpd.Fail(w.Log, rw, r, err)
		return
	}
	if err != nil {
		status, out = http.StatusBadRequest, pdAnswer{"invalid event", "Change event object is invalid", []string{err.Error()}}
	}
	b, err := json.Marshal(out)
	if err != nil {
		httpd.Fail(w.Log, rw, r, err)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	rw.Write(b)
}

func (w *door) takeChange(r *http.Request) error {
	ctx := r.Context()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return errs.New(errs.Invalid, "the body could not be read: %w", err)
	}
	var p change.PagerDuty
	if !utf8.Valid(body) || bytes.Contains(body, []byte(`\u0000`)) {
		return errs.New(errs.Invalid, "the body is no text: UTF-8 without NUL is expected")
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return errs.New(errs.Invalid, "the body is no change event: %w", err)
	}
	actor, service, err := w.changedBy(ctx, p.RoutingKey)
	if err != nil {
		return err
	}
	c, at, err := p.Recorded(w.Now().UTC(), func(s string) bool {
		_, err := w.Governed.Services.Service(ctx, s)
		return s != "" && err == nil
	})
	if err != nil {
		return errs.New(errs.Invalid, "%w", err)
	}
	if c.Service == "" {
		c.Service = service
	}
	_, err = w.recordBy(ctx, c, at, actor, "pagerduty")
	return err
}

// changedBy is who sends a change: the source whose key it is, or whoever may send
// to machines' routes.
func (w *door) changedBy(ctx context.Context, key string) (actor, service string, err error) {
	if w.Governed.Sender != nil {
		if name, service, ok := w.Governed.Sender(ctx, key); ok {
			return "source/" + name, service, nil
		}
	}
	if !auth.From(ctx).May(httpd.Ingest) {
		return "", "", errs.New(errs.Denied, "Invalid routing key")
	}
	return "person/" + auth.Actor(ctx, ""), "", nil
}
