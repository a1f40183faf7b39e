package alertweb

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

const (
	largeBody  = 256 << 10 // bytes; of larger ones few are read at once
	largeSlots = 6
	slotWait   = 10 * time.Second
)

// Registry is what the doors of sources ask: *ingest.Registry.
type Registry interface {
	Find(ctx context.Context, key string, kinds ...ingest.Kind) (ingest.Source, ingest.Keys, error)
	Receive(ctx context.Context, src ingest.Source, keys ingest.Keys, d ingest.Delivery) (ingest.Receipt, error)
}

// protocols are the doors that speak senders' own protocols.
type protocols struct {
	log   *slog.Logger
	now   func() time.Time
	reg   Registry
	slots chan struct{}
}

// SourceProtocols are the routes that senders post to. Each request brings the key
// of its source: in the path, in the protocol's own field, or as a bearer token.
func SourceProtocols(log *slog.Logger, now func() time.Time, reg Registry) []httpd.Route {
	p := &protocols{log: log, now: now, reg: reg, slots: make(chan struct{}, largeSlots)}
	route := func(pattern string, most int64, h http.HandlerFunc) httpd.Route {
		return httpd.Route{Pattern: pattern, Access: httpd.Keyed, MaxBody: most, Handler: h}
	}
	return []httpd.Route{
		route("POST /ingest/{kind}/{token}", ingest.MaxBody, p.deliver),
		route("POST /ingest/{kind}", ingest.MaxBody, p.deliver),
		route("POST /v2/enqueue", ingest.MaxPagerDuty, p.pagerDuty),
		route("GET /hb/{token}", largeBody, p.beat),
		route("POST /hb/{token}", largeBody, p.beat),
	}
}

// key is the key that r brings.
func key(r *http.Request) string {
	if k := r.PathValue("token"); k != "" {
		return k
	}
	if k := r.Header.Get("X-Amz-Firehose-Access-Key"); k != "" {
		return k
	}
	if k, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(k)
	}
	return ""
}

// tooLarge is a body that has more bytes than are taken.
var errTooLarge = errors.New("the body is too large")

// read reads a body, decompressed. Few large ones are in memory at once; the
// others wait for a while, and are then to be sent again.
func (p *protocols) read(r *http.Request, most int64) (body []byte, done func(), err error) {
	done = func() {}
	if r.ContentLength > largeBody || r.ContentLength < 0 || r.Header.Get("Content-Encoding") != "" {
		ctx, cancel := context.WithTimeout(r.Context(), slotWait)
		defer cancel()
		select {
		case p.slots <- struct{}{}:
			done = func() { <-p.slots }
		case <-ctx.Done():
			return nil, done, errs.New(errs.Unavailable, "too many large bodies at once: send it again")
		}
	}
	var from io.Reader = r.Body
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "gzip":
		if from, err = gzip.NewReader(r.Body); err != nil {
			return nil, done, errs.New(errs.Invalid, "the body is not gzip: %w", err)
		}
	default:
		return nil, done, errs.New(errs.Invalid, "Content-Encoding %q: known is gzip", enc)
	}
	body, err = io.ReadAll(io.LimitReader(from, most+1))
	if _, over := errors.AsType[*http.MaxBytesError](err); over || int64(len(body)) > most {
		return nil, done, fmt.Errorf("%w: at most %d bytes are taken", errTooLarge, most)
	}
	if err != nil {
		return nil, done, errs.New(errs.Invalid, "the body could not be read: %w", err)
	}
	return body, done, nil
}

// deliver takes what a sender of any kind but PagerDuty's posts.
func (p *protocols) deliver(w http.ResponseWriter, r *http.Request) {
	kind := ingest.Kind(r.PathValue("kind"))
	answer := p.answer
	if kind == ingest.CloudWatchStream {
		answer = p.answerFirehose
	}
	src, keys, err := p.reg.Find(r.Context(), key(r), kind)
	if err != nil {
		answer(w, r, nil, ingest.Receipt{}, err)
		return
	}
	body, done, err := p.read(r, ingest.MaxBody)
	defer done()
	if err != nil {
		answer(w, r, nil, ingest.Receipt{}, err)
		return
	}
	out, err := p.reg.Receive(r.Context(), src, keys, ingest.Delivery{Body: body, Header: r.Header.Get, At: p.now().UTC()})
	answer(w, r, body, out, err)
}

// received is what a sender is answered.
type received struct {
	Taken   int              `json:"taken"`
	Refused []ingest.Refusal `json:"refused,omitempty"`
	Notes   []string         `json:"notes,omitempty"`
}

// answer says what became of a delivery: 200 where something of it was taken, 422
// where nothing was, 503 where it has to be sent again.
func (p *protocols) answer(w http.ResponseWriter, r *http.Request, _ []byte, out ingest.Receipt, err error) {
	if err != nil {
		p.fail(w, r, err)
		return
	}
	status := http.StatusOK
	if out.Taken == 0 && len(out.Refused) > 0 {
		status = http.StatusUnprocessableEntity
	}
	writeJSON(w, status, received{Taken: out.Taken, Refused: out.Refused[:min(len(out.Refused), 100)], Notes: out.Notes})
}

func (p *protocols) fail(w http.ResponseWriter, r *http.Request, err error) {
	httpd.WriteProblem(w, httpd.Problem{Status: p.status(r, err), Detail: p.detail(err)})
}

// status is 503 for all that the sender cannot mend: it sends it again.
func (p *protocols) status(r *http.Request, err error) int {
	if errors.Is(err, errTooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	if errs.Permanent(err) {
		return httpd.Status(errs.KindOf(err))
	}
	p.log.ErrorContext(r.Context(), "delivery not taken", "path", r.Pattern, "err", err)
	return http.StatusServiceUnavailable
}

func (p *protocols) detail(err error) string {
	if errs.KindOf(err) == errs.Internal && !errors.Is(err, errTooLarge) {
		return "it could not be kept: send it again"
	}
	return err.Error()
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the sender may be gone; there is nobody left to tell
}

// answerFirehose answers as Firehose wants it: its request's id, a time, and what
// was wrong. Members that were refused are on the source's page: sending them
// again would not mend them.
func (p *protocols) answerFirehose(w http.ResponseWriter, r *http.Request, body []byte, _ ingest.Receipt, err error) {
	status, said := http.StatusOK, ""
	if err != nil {
		status, said = p.status(r, err), p.detail(err)
	}
	if errs.KindOf(err) == errs.NotFound && err != nil {
		status = http.StatusUnauthorized
	}
	writeJSON(w, status, struct {
		RequestID string `json:"requestId"`
		Timestamp int64  `json:"timestamp"`
		Error     string `json:"errorMessage,omitempty"`
	}{ingest.FirehoseID(ingest.Delivery{Body: body, Header: r.Header.Get}), p.now().UnixMilli(), said})
}

// pdAnswer is what PagerDuty's Events API v2 answers.
type pdAnswer struct {
	Status  string   `json:"status"`
	Message string   `json:"message"`
	Key     string   `json:"dedup_key,omitempty"`
	Errors  []string `json:"errors,omitempty"`
}

// pagerDuty takes an event of PagerDuty's Events API v2.
func (p *protocols) pagerDuty(w http.ResponseWriter, r *http.Request) {
	body, done, err := p.read(r, ingest.MaxPagerDuty)
	defer done()
	var out ingest.Receipt
	if err == nil {
		out, err = p.event(r, body)
	}
	if bad, ok := errors.AsType[*ingest.InvalidEventError](err); ok {
		pdInvalid(w, bad.Errors...)
		return
	}
	switch {
	case err == nil && out.Taken == 0 && len(out.Refused) > 0:
		pdInvalid(w, out.Refused[0].Reason)
	case err == nil:
		writeLine(w, http.StatusAccepted, pdAnswer{Status: "success", Message: "Event processed", Key: out.Key})
	case errs.KindOf(err) == errs.NotFound:
		pdInvalid(w, "Invalid routing key")
	case errs.Permanent(err):
		pdInvalid(w, err.Error())
	default:
		p.fail(w, r, err)
	}
}

func (p *protocols) event(r *http.Request, body []byte) (ingest.Receipt, error) {
	if !json.Valid(body) {
		return ingest.Receipt{}, &ingest.InvalidEventError{Errors: []string{"JSON cannot be parsed"}}
	}
	routing := ingest.RoutingKey(body)
	if routing == "" {
		return ingest.Receipt{}, &ingest.InvalidEventError{Errors: []string{"'routing_key' is missing or blank"}}
	}
	src, keys, err := p.reg.Find(r.Context(), routing, ingest.PagerDuty)
	if err != nil {
		return ingest.Receipt{}, err
	}
	return p.reg.Receive(r.Context(), src, keys, ingest.Delivery{Body: body, Header: r.Header.Get, At: p.now().UTC()})
}

func pdInvalid(w http.ResponseWriter, wrong ...string) {
	writeLine(w, http.StatusBadRequest, pdAnswer{Status: "invalid event", Message: "Event object is invalid", Errors: wrong})
}

// writeLine answers JSON without a line feed at its end, as PagerDuty does.
func writeLine(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // strings always encode
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(bytes.TrimRight(b.Bytes(), "\n")) // the sender may be gone
}

// beat is heard of a source: of kind heartbeat, or of any other whose sender can
// also say that it lives.
func (p *protocols) beat(w http.ResponseWriter, r *http.Request) {
	src, keys, err := p.reg.Find(r.Context(), r.PathValue("token"), ingest.Heartbeat)
	if err == nil {
		_, err = p.reg.Receive(r.Context(), src, keys, ingest.Delivery{At: p.now().UTC()})
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "OK\n") // the sender may be gone
}
