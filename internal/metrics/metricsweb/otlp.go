package metricsweb

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"

	otlppb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// otlp receives OTLP metrics over HTTP. What this store cannot hold is
// reported as a partial success, as the protocol wants; a success is on disk.
func (a *api) otlp(w http.ResponseWriter, r *http.Request) {
	asJSON, err := isJSON(r)
	if err != nil {
		a.otlpFailed(w, r, false, err)
		return
	}
	in, err := a.receive(w, r, asJSON)
	if err != nil {
		a.otlpFailed(w, r, asJSON, err)
		return
	}
	a.tell.writes.WithLabelValues("otlp", "200").Inc()
	w.Header().Set("Content-Type", contentType(asJSON))
	w.Write(exportResponse(asJSON, in.refused, in.why()))
}

func (a *api) receive(w http.ResponseWriter, r *http.Request, asJSON bool) (*intake, error) {
	body, err := a.readGzip(w, r)
	if err != nil {
		return nil, err
	}
	req, err := decodeOTLP(body, asJSON)
	if err != nil {
		return nil, refusal(http.StatusBadRequest, "the body is not an ExportMetricsServiceRequest: %s", err)
	}
	in, err := a.intake(r.Context())
	if err != nil {
		return nil, err
	}
	x := translation{in: in, describe: a.Store.Describe, hexIDs: asJSON}
	err = x.export(req)
	if err := in.end(r, err); err != nil {
		return nil, err
	}
	return in, nil
}

func isJSON(r *http.Request) (bool, error) {
	ct := r.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(ct)
	if err == nil {
		switch kind {
		case "application/x-protobuf":
			return false, nil
		case "application/json":
			return true, nil
		}
	}
	return false, refusal(http.StatusUnsupportedMediaType, "Content-Type %q: OTLP is application/x-protobuf or application/json", ct)
}

func contentType(asJSON bool) string {
	if asJSON {
		return "application/json"
	}
	return "application/x-protobuf"
}

func (a *api) readGzip(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var sent []byte
	if err := a.readBody(w, r, &sent); err != nil {
		return nil, err
	}
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
		return sent, nil
	case "gzip":
	default:
		return nil, refusal(http.StatusUnsupportedMediaType, "Content-Encoding %q: known is gzip", enc)
	}
	zr, err := gzip.NewReader(bytes.NewReader(sent))
	if err != nil {
		return nil, refusal(http.StatusBadRequest, "the body is not gzip: %s", err)
	}
	out, err := io.ReadAll(io.LimitReader(zr, int64(a.MaxDecoded)+1))
	if err != nil {
		return nil, refusal(http.StatusBadRequest, "the body is not gzip: %s", err)
	}
	if len(out) > a.MaxDecoded {
		return nil, refusal(http.StatusRequestEntityTooLarge, "more than %d bytes decompressed: send less at once", a.MaxDecoded)
	}
	return out, nil
}

// decodeOTLP decodes an ExportMetricsServiceRequest. MetricsData is the same
// message on the wire; its package comes without the gRPC stack.
func decodeOTLP(body []byte, asJSON bool) (*otlppb.MetricsData, error) {
	req := &otlppb.MetricsData{}
	if asJSON {
		return req, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, req)
	}
	return req, proto.Unmarshal(body, req)
}

// exportResponse encodes an ExportMetricsServiceResponse.
func exportResponse(asJSON bool, rejected int, why string) []byte {
	if asJSON {
		var out struct {
			Partial *partialSuccess `json:"partialSuccess,omitempty"`
		}
		if why != "" {
			out.Partial = &partialSuccess{strconv.Itoa(rejected), why}
		}
		b, err := json.Marshal(out)
		if err != nil { // two strings cannot fail
			panic(err)
		}
		return b
	}
	if why == "" {
		return nil
	}
	var p []byte
	p = protowire.AppendTag(p, 1, protowire.VarintType)
	p = protowire.AppendVarint(p, uint64(rejected))
	p = protowire.AppendTag(p, 2, protowire.BytesType)
	p = protowire.AppendString(p, why)
	b := protowire.AppendTag(nil, 1, protowire.BytesType)
	return protowire.AppendBytes(b, p)
}

type partialSuccess struct {
	Rejected string `json:"rejectedDataPoints"` // an int64, which JSON of protobuf quotes
	Message  string `json:"errorMessage"`
}

// otlpFailed answers a google.rpc.Status, as the protocol wants.
func (a *api) otlpFailed(w http.ResponseWriter, r *http.Request, asJSON bool, err error) {
	code, text := a.writeStatus(r, err)
	a.tell.writes.WithLabelValues("otlp", strconv.Itoa(code)).Inc()
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	w.Header().Set("Content-Type", contentType(asJSON))
	w.WriteHeader(code)
	w.Write(rpcStatus(asJSON, code, text))
}

func rpcStatus(asJSON bool, code int, text string) []byte {
	rpc := uint64(3) // INVALID_ARGUMENT
	if code == http.StatusServiceUnavailable {
		rpc = 14 // UNAVAILABLE
	}
	if asJSON {
		b, err := json.Marshal(map[string]any{"code": rpc, "message": text})
		if err != nil {
			panic(errors.Join(errors.New("a number and a string"), err))
		}
		return b
	}
	b := protowire.AppendTag(nil, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, rpc)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return protowire.AppendString(b, text)
}
