package remotestore

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// refusal is the error envelope of the Prometheus API.
type refusal struct{ class, text string }

func (r *refusal) Error() string { return r.text }

// kind is Invalid where another query would help, Unavailable where time might.
func (r *refusal) kind(status int) errs.Kind {
	switch r.class {
	case "bad_data", "execution":
		return errs.Invalid
	case "timeout", "canceled", "unavailable", "internal", "not_found":
		return errs.Unavailable
	}
	if status == http.StatusBadRequest || status == http.StatusUnprocessableEntity { // other servers use other names
		return errs.Invalid
	}
	return errs.Unavailable
}

type envelope struct {
	Status    string `json:"status"`
	ErrorType string `json:"errorType"`
	Error     string `json:"error"`
	Data      struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
}

type line struct {
	Metric     map[string]string `json:"metric"`
	Value      *pair             `json:"value"`
	Values     []pair            `json:"values"`
	Histogram  json.RawMessage   `json:"histogram"`
	Histograms json.RawMessage   `json:"histograms"`
}

// pair is [seconds, "value"].
type pair metrics.Point

// UnmarshalJSON implements json.Unmarshaler.
func (p *pair) UnmarshalJSON(b []byte) error {
	var raw [2]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	sec, err := strconv.ParseFloat(string(raw[0]), 64)
	if err != nil || math.IsNaN(sec) || math.Abs(sec) > 1e12 {
		return fmt.Errorf("time %.40s", raw[0])
	}
	var text string
	if err := json.Unmarshal(raw[1], &text); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("value %.40q", text)
	}
	*p = pair{T: time.UnixMilli(int64(math.Round(sec * 1000))).UTC(), V: v}
	return nil
}

func decode(body []byte) ([]metrics.Series, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, err
	}
	if e.Status != "success" {
		return nil, &refusal{e.ErrorType, e.Error}
	}
	switch e.Data.ResultType {
	case "scalar":
		var p pair
		if err := json.Unmarshal(e.Data.Result, &p); err != nil {
			return nil, err
		}
		return []metrics.Series{{Labels: map[string]string{}, Points: []metrics.Point{metrics.Point(p)}}}, nil
	case "vector", "matrix":
		return lines(e.Data.Result)
	case "string":
		return nil, errs.New(errs.Invalid, "the result is a string, not series")
	}
	return nil, fmt.Errorf("result type %.40q", e.Data.ResultType)
}

func lines(raw json.RawMessage) ([]metrics.Series, error) {
	var ls []line
	if err := json.Unmarshal(raw, &ls); err != nil {
		return nil, err
	}
	out := make([]metrics.Series, 0, len(ls))
	for _, l := range ls {
		if len(l.Histogram) > 0 || len(l.Histograms) > 0 {
			return nil, errs.New(errs.Invalid, "the result is a native histogram, which has no single value: use histogram_quantile, histogram_count or histogram_sum")
		}
		s := metrics.Series{Labels: l.Metric, Points: make([]metrics.Point, 0, len(l.Values)+1)}
		if s.Labels == nil {
			s.Labels = map[string]string{}
		}
		if l.Value != nil {
			s.Points = append(s.Points, metrics.Point(*l.Value))
		}
		for _, p := range l.Values {
			s.Points = append(s.Points, metrics.Point(p))
		}
		out = append(out, s)
	}
	return out, nil
}
