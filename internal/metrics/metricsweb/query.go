package metricsweb

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/hinoban/hinoban/internal/metrics/promstore"
)

const maxNotes = 10 // warnings, and infos, of one answer

func (a *api) query(r *http.Request) (reply, error) {
	at, err := timeParam(r, "time", a.Now())
	if err != nil {
		return reply{}, err
	}
	return a.run(r, promstore.Query{To: at})
}

func (a *api) queryRange(r *http.Request) (reply, error) {
	var q promstore.Query
	var err error
	if q.From, err = timeParam(r, "start", time.Time{}); err != nil {
		return reply{}, err
	}
	if q.To, err = timeParam(r, "end", time.Time{}); err != nil {
		return reply{}, err
	}
	if q.From.IsZero() || q.To.IsZero() || r.FormValue("step") == "" {
		return reply{}, &apiError{badData, errors.New("start, end and step are needed")}
	}
	if q.Step, err = durationParam(r, "step"); err != nil {
		return reply{}, err
	}
	switch {
	case q.To.Before(q.From):
		return reply{}, invalidParam("end", errors.New("end timestamp must not be before start time"))
	case q.Step <= 0:
		return reply{}, invalidParam("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	case q.Step < time.Millisecond:
		return reply{}, invalidParam("step", errors.New("the step is below 1 ms"))
	case q.To.Sub(q.From)/q.Step > maxPoints:
		return reply{}, &apiError{badData, errors.New("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")}
	}
	return a.run(r, q)
}

// run executes q with the parameters that both kinds of query share.
func (a *api) run(r *http.Request, q promstore.Query) (reply, error) {
	q.Expr = r.FormValue("query")
	if _, err := a.parser.ParseExpr(q.Expr); err != nil {
		return reply{}, invalidParam("query", err)
	}
	limit, err := limitParam(r, "limit")
	if err != nil {
		return reply{}, err
	}
	if q.Lookback, err = durationParam(r, "lookback_delta"); err != nil {
		return reply{}, err
	}
	timeout, err := durationParam(r, "timeout")
	if err != nil {
		return reply{}, err
	}
	ctx := r.Context()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	var out reply
	err = a.Store.Exec(ctx, q, func(res *promql.Result) error {
		v, cutShort := truncate(res.Value, limit)
		out.data = appendResult(nil, v)
		out.warnings, out.infos = res.Warnings.AsStrings(q.Expr, maxNotes, maxNotes)
		if cutShort {
			out.warnings = append(out.warnings, "results truncated due to limit")
		}
		return nil
	})
	return out, err
}

func truncate(v parser.Value, limit int) (parser.Value, bool) {
	if limit == 0 {
		return v, false
	}
	switch x := v.(type) {
	case promql.Vector:
		if len(x) > limit {
			return x[:limit], true
		}
	case promql.Matrix:
		if len(x) > limit {
			return x[:limit], true
		}
	}
	return v, false
}

func (a *api) formatQuery(r *http.Request) (reply, error) {
	e, err := a.parser.ParseExpr(r.FormValue("query"))
	if err != nil {
		return reply{}, invalidParam("query", err)
	}
	return reply{data: appendString(nil, e.Pretty(0))}, nil
}

func (a *api) exemplars(r *http.Request) (reply, error) {
	from, err := timeParam(r, "start", minTime())
	if err != nil {
		return reply{}, err
	}
	to, err := timeParam(r, "end", maxTime())
	if err != nil {
		return reply{}, err
	}
	expr := r.FormValue("query")
	if _, err := a.parser.ParseExpr(expr); err != nil {
		return reply{}, invalidParam("query", err)
	}
	found, err := a.Store.Exemplars(r.Context(), expr, from, to)
	if err != nil {
		return reply{}, err
	}
	b := []byte{'['}
	for i, f := range found {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"seriesLabels":`...)
		b = appendLabels(b, f.SeriesLabels)
		b = append(b, `,"exemplars":`...)
		b = append(appendEach(b, f.Exemplars, appendExemplar), '}')
	}
	return reply{data: append(b, ']')}, nil
}
