package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// rss returns the anonymous memory of a process in MiB: what it really holds.
func (s *server) rss(field string) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				s.t.Fatal(err)
			}
			return kb / 1024
		}
	}
	return 0
}

// Every writing endpoint of the API, and every form, gets what nobody should
// send. Each answer is a 4xx, and memory stays where it was.
func TestHostileInput(t *testing.T) {
	s := launch(t, t.TempDir(), "--config", config(t, map[string]string{"team.yaml": people("http://127.0.0.1:1/")}))
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := s.api.Get(t.Context(), "/api/openapi.json", &doc); err != nil {
		t.Fatal(err)
	}
	bodies := map[string][]byte{
		"oversize":      bytes.Repeat([]byte(" "), 2<<20),
		"deep JSON":     []byte(strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)),
		"invalid UTF-8": []byte("{\"summary\":\"\xff\xfe\"}"),
		"no JSON":       []byte(`{"rule":`),
		"wrong type":    []byte(`[1,2,3]`),
		"NUL":           []byte("{\"rule\":\"a\\u0000b\",\"title\":\"\\u0000\",\"severity\":9,\"text\":\"\"}"),
	}
	calls := 0
	for path, methods := range doc.Paths {
		for method := range methods {
			target := s.url + strings.NewReplacer("{id}", "nope", "{key}", "nope", "{person}", "nope", "{device}", "nope").Replace(path)
			if method == "get" {
				calls += s.refuse(target+"?q=%ff%fe&limit=99999999", method, nil, "invalid UTF-8 in the query")
				continue
			}
			for name, body := range bodies {
				calls += s.refuse(target, method, body, name)
			}
		}
	}
	for _, form := range []string{"/alerts/nope/ack", "/pages/nope/ack", "/incidents", "/login"} {
		calls += s.refuse(s.url+form, "post", bodies["oversize"], "oversize form")
		calls += s.refuse(s.url+form, "post", []byte("as=%ff%00&title=\xff"), "invalid form")
	}
	if got := s.rss("RssAnon"); got > 300 {
		t.Errorf("after %d hostile requests the server holds %d MiB", calls, got)
	}
	if calls < 100 {
		t.Errorf("only %d requests were made", calls)
	}
	if h, err := s.ready(); err != nil || !h.Ready {
		t.Errorf("after it the server is %+v, %v", h, err)
	}
}

// refuse sends a request that must be answered with a 4xx; one.
func (s *server) refuse(url, method string, body []byte, what string) int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), strings.ToUpper(method), url, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if strings.Contains(what, "form") {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 1 // the connection was closed on an oversize body: refused
	}
	_ = res.Body.Close()
	if res.StatusCode < 400 || res.StatusCode > 499 {
		s.t.Errorf("%s %s with %s: got %d, want a 4xx", method, url, what, res.StatusCode)
	}
	return 1
}

// Senders of metrics that explode, in size or in labels, are told so.
func TestHostileMetrics(t *testing.T) {
	s := launch(t, t.TempDir())
	write := func(body []byte) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/prometheus/api/v1/write", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Encoding", "snappy")
		req.Header.Set("Content-Type", "application/x-protobuf")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	labels := []prompb.Label{{Name: "__name__", Value: "x"}}
	for i := range 500 {
		labels = append(labels, prompb.Label{Name: fmt.Sprintf("l%03d", i), Value: "v"})
	}
	exploding, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: labels, Samples: []prompb.Sample{{Value: 1, Timestamp: 1}}}}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"a label explosion": snappy.Encode(nil, exploding),
		"a bomb":            snappy.Encode(nil, make([]byte, 512<<20)),
		"no snappy":         []byte("hello"),
		"no protobuf":       snappy.Encode(nil, []byte("hello")),
	}
	for name, body := range tests {
		if code := write(body); code < 400 || code > 499 {
			t.Errorf("%s: got %d, want a 4xx", name, code)
		}
	}
	if got := s.rss("RssAnon"); got > 300 {
		t.Errorf("after it the server holds %d MiB", got)
	}
}
