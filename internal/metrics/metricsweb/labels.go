package metricsweb

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/metadata"
)

func (a *api) series(r *http.Request) (reply, error) {
	if len(r.Form["match[]"]) == 0 {
		return reply{}, &apiError{badData, errors.New("no match[] parameter provided")}
	}
	sel, limit, err := a.selection(r)
	if err != nil {
		return reply{}, err
	}
	all, err := a.Store.SeriesLabels(r.Context(), sel)
	if err != nil {
		return reply{}, err
	}
	all, warn := cut(all, limit)
	return reply{data: appendEach(nil, all, appendLabels), warnings: warn}, nil
}

func (a *api) labelNames(r *http.Request) (reply, error) {
	sel, limit, err := a.selection(r)
	if err != nil {
		return reply{}, err
	}
	all, err := a.Store.LabelNames(r.Context(), sel)
	if err != nil {
		return reply{}, err
	}
	all, warn := cut(all, limit)
	return reply{data: appendEach(nil, all, appendString), warnings: warn}, nil
}

func (a *api) labelValues(r *http.Request) (reply, error) {
	name := model.UnescapeName(r.PathValue("name"), model.ValueEncodingEscaping)
	if name == "" || !utf8.ValidString(name) {
		return reply{}, &apiError{badData, fmt.Errorf("invalid label name: %q", name)}
	}
	sel, limit, err := a.selection(r)
	if err != nil {
		return reply{}, err
	}
	all, err := a.Store.LabelValues(r.Context(), name, sel)
	if err != nil {
		return reply{}, err
	}
	all, warn := cut(all, limit)
	return reply{data: appendEach(nil, all, appendString), warnings: warn}, nil
}

func (a *api) metadata(r *http.Request) (reply, error) {
	limit, err := limitParam(r, "limit")
	if err != nil {
		return reply{}, err
	}
	perMetric, err := limitParam(r, "limit_per_metric")
	if err != nil {
		return reply{}, err
	}
	all := a.Store.Metadata()
	if only := r.FormValue("metric"); only != "" {
		all = map[string][]metadata.Metadata{only: all[only]}
		if len(all[only]) == 0 {
			delete(all, only)
		}
	}
	names := make([]string, 0, len(all))
	for n := range all {
		names = append(names, n)
	}
	slices.Sort(names)
	for i, n := range names {
		if limit > 0 && i >= limit {
			delete(all, n)
		} else if perMetric > 0 && len(all[n]) > perMetric {
			all[n] = all[n][:perMetric]
		}
	}
	return jsonReply(all)
}
