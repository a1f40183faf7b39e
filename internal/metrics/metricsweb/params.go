package metricsweb

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/hinoban/hinoban/internal/metrics/promstore"
)

// The ends of time as Prometheus' clients write them.
func minTime() time.Time { return time.Unix(math.MinInt64/1000+62135596801, 0).UTC() }
func maxTime() time.Time { return time.Unix(math.MaxInt64/1000-62135596801, 999999999).UTC() }

func timeParam(r *http.Request, name string, missing time.Time) (time.Time, error) {
	s := r.FormValue(name)
	if s == "" {
		return missing, nil
	}
	t, err := parseTime(s)
	if err != nil {
		return time.Time{}, invalidParam(name, fmt.Errorf("Invalid time value for '%s': %w", name, err)) //nolint:staticcheck // Prometheus' words
	}
	return t, nil
}

func parseTime(s string) (time.Time, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if math.IsNaN(f) || math.Abs(f) > 9e12 {
			return clampTime(s, f)
		}
		sec, frac := math.Modf(f)
		return time.Unix(int64(sec), int64(math.Round(frac*1000))*int64(time.Millisecond)).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	switch s { // what time.Parse cannot read back
	case minTime().Format(time.RFC3339Nano):
		return minTime(), nil
	case maxTime().Format(time.RFC3339Nano):
		return maxTime(), nil
	}
	return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", s)
}

func clampTime(s string, f float64) (time.Time, error) {
	switch {
	case math.IsNaN(f):
		return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", s)
	case f < 0:
		return minTime(), nil
	}
	return maxTime(), nil
}

func parseDuration(s string) (time.Duration, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		ns := f * float64(time.Second)
		if math.IsNaN(ns) || math.Abs(ns) > math.MaxInt64 {
			return 0, fmt.Errorf("cannot parse %q to a valid duration. It overflows int64", s)
		}
		return time.Duration(ns), nil
	}
	if d, err := model.ParseDuration(s); err == nil {
		return time.Duration(d), nil
	}
	return 0, fmt.Errorf("cannot parse %q to a valid duration", s)
}

func durationParam(r *http.Request, name string) (time.Duration, error) {
	s := r.FormValue(name)
	if s == "" {
		return 0, nil
	}
	d, err := parseDuration(s)
	if err != nil {
		return 0, invalidParam(name, err)
	}
	return d, nil
}

func limitParam(r *http.Request, name string) (int, error) {
	s := r.FormValue(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, invalidParam(name, errors.New("limit must be a non-negative number"))
	}
	return n, nil
}

// selection reads match[], start, end and limit. One row more than the limit
// is asked for, to know whether there is more.
func (a *api) selection(r *http.Request) (promstore.Selection, int, error) {
	var sel promstore.Selection
	limit, err := limitParam(r, "limit")
	if err != nil {
		return sel, 0, err
	}
	if sel.From, err = timeParam(r, "start", minTime()); err != nil {
		return sel, 0, err
	}
	if sel.To, err = timeParam(r, "end", maxTime()); err != nil {
		return sel, 0, err
	}
	if sel.To.Before(sel.From) {
		return sel, 0, invalidParam("end", errors.New("end timestamp must not be before start time"))
	}
	if sel.Match, err = a.matchers(r); err != nil {
		return sel, 0, err
	}
	if limit > 0 {
		sel.Limit = limit + 1
	}
	return sel, limit, nil
}

func (a *api) matchers(r *http.Request) ([][]*labels.Matcher, error) {
	sets, err := a.parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		return nil, invalidParam("match[]", err)
	}
	if slices.ContainsFunc(sets, allEmpty) {
		return nil, invalidParam("match[]", errors.New("match[] must contain at least one non-empty matcher"))
	}
	return sets, nil
}

func allEmpty(set []*labels.Matcher) bool {
	for _, m := range set {
		if !m.Matches("") {
			return false
		}
	}
	return true
}

// cut shortens all to limit and says so.
func cut[T any](all []T, limit int) ([]T, []string) {
	if limit == 0 || len(all) <= limit {
		return all, nil
	}
	return all[:limit], []string{"results truncated due to limit"}
}
