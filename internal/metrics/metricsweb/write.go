package metricsweb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/golang/snappy"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// The messages of remote write 1.0 and 2.0, as Content-Type names them.
const (
	messageV1 = "prometheus.WriteRequest"
	messageV2 = "io.prometheus.write.v2.Request"
)

// remoteWrite is the protocol's name in our own metrics.
const remoteWrite = "remote_write"

// keep is the largest buffer that is kept for the next request.
const keep = 8 << 20

// buffer returns one that was used before: a busy sender would else make the
// collector work. What is decoded must not point into it.
func (a *api) buffer() *[]byte {
	if p, ok := a.buffers.Get().(*[]byte); ok {
		return p
	}
	return new([]byte)
}

func (a *api) putBack(p *[]byte) {
	if cap(*p) <= keep {
		a.buffers.Put(p)
	}
}

// httpError is a refusal with its status.
type httpError struct {
	code int
	text string
}

func (e *httpError) Error() string { return e.text }

func refusal(code int, format string, args ...any) error {
	return &httpError{code, fmt.Sprintf(format, args...)}
}

// write receives remote write. A success is on disk. What cannot be right is
// answered 400 after the rest was stored, so that the sender does not repeat
// it; what failed here 503, so that it does.
func (a *api) write(w http.ResponseWriter, r *http.Request) {
	message, err := messageOf(r)
	if err != nil {
		a.writeFailed(w, r, err)
		return
	}
	sent, decoded := a.buffer(), a.buffer()
	defer a.putBack(sent)
	defer a.putBack(decoded)
	if err := a.readSnappy(w, r, sent, decoded); err != nil {
		a.writeFailed(w, r, err)
		return
	}
	in, err := a.intake(r.Context())
	if err != nil {
		a.writeFailed(w, r, err)
		return
	}
	if message == messageV2 {
		err = a.readV2(in, *decoded)
	} else {
		err = a.readV1(in, *decoded)
	}
	if err = in.end(r, err); err != nil {
		a.writeFailed(w, r, err)
		return
	}
	if message == messageV2 {
		h := w.Header()
		h.Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(in.floats))
		h.Set("X-Prometheus-Remote-Write-Histograms-Written", strconv.Itoa(in.histograms))
		h.Set("X-Prometheus-Remote-Write-Exemplars-Written", strconv.Itoa(in.batch.Exemplars()))
	}
	if why := in.why(); why != "" {
		a.writeFailed(w, r, refusal(http.StatusBadRequest, "%s", why))
		return
	}
	a.tell.writes.WithLabelValues(remoteWrite, "204").Inc()
	w.WriteHeader(http.StatusNoContent)
}

// end commits the batch, or gives it up when err dooms the request.
func (in *intake) end(r *http.Request, err error) error {
	if err == nil {
		return in.batch.Commit(r.Context())
	}
	in.batch.Rollback()
	if errors.Is(err, errTooMany) {
		return refusal(http.StatusRequestEntityTooLarge, "more than %d samples in one request: send less at once", in.limit)
	}
	return err
}

// messageOf says which message the body holds.
func messageOf(r *http.Request) (string, error) {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "snappy" {
		return "", refusal(http.StatusUnsupportedMediaType, "Content-Encoding %q: remote write is snappy", enc)
	}
	ct := r.Header.Get("Content-Type")
	if ct == "" { // allowed by 1.0
		return messageV1, nil
	}
	kind, params, err := mime.ParseMediaType(ct)
	if err != nil || kind != "application/x-protobuf" {
		return "", refusal(http.StatusUnsupportedMediaType, "Content-Type %q: remote write is application/x-protobuf", ct)
	}
	switch p := params["proto"]; p {
	case "", messageV1:
		return messageV1, nil
	case messageV2:
		return messageV2, nil
	default:
		return "", refusal(http.StatusUnsupportedMediaType, "Content-Type proto=%q: known are %s and %s", p, messageV1, messageV2)
	}
}

// readSnappy reads the body into sent and decompresses it into decoded, whose
// size is checked before a byte of it is made.
func (a *api) readSnappy(w http.ResponseWriter, r *http.Request, sent, decoded *[]byte) error {
	if err := a.readBody(w, r, sent); err != nil {
		return err
	}
	n, err := snappy.DecodedLen(*sent)
	if err != nil {
		return refusal(http.StatusBadRequest, "the body is not snappy: %s", err)
	}
	if n > a.MaxDecoded {
		return refusal(http.StatusRequestEntityTooLarge, "%d bytes decompressed, the limit is %d: send less at once", n, a.MaxDecoded)
	}
	if *decoded, err = snappy.Decode((*decoded)[:cap(*decoded)], *sent); err != nil {
		return refusal(http.StatusBadRequest, "the body is not snappy: %s", err)
	}
	return nil
}

func (a *api) readBody(w http.ResponseWriter, r *http.Request, into *[]byte) error {
	buf := bytes.NewBuffer((*into)[:0])
	_, err := io.Copy(buf, http.MaxBytesReader(w, r.Body, a.MaxBody))
	*into = buf.Bytes()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refusal(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes: send less at once", a.MaxBody)
	}
	if err != nil {
		return refusal(http.StatusBadRequest, "the body ended early: %s", err)
	}
	return nil
}

// writeStatus returns the status and the text for the sender. What failed here
// is logged, and the sender learns only that it should try again.
func (a *api) writeStatus(r *http.Request, err error) (int, string) {
	if e, ok := errors.AsType[*httpError](err); ok {
		return e.code, e.text
	}
	if errs.KindOf(err) == errs.Invalid {
		return http.StatusBadRequest, err.Error()
	}
	a.Log.ErrorContext(r.Context(), "samples not stored", "path", r.URL.Path, "err", err)
	return http.StatusServiceUnavailable, "the metrics store cannot take samples now"
}

func (a *api) writeFailed(w http.ResponseWriter, r *http.Request, err error) {
	code, text := a.writeStatus(r, err)
	a.tell.writes.WithLabelValues(remoteWrite, strconv.Itoa(code)).Inc()
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	http.Error(w, text, code)
}
