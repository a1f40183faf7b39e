package metricsweb

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/hinoban/hinoban/internal/metrics/promstore"
)

// federate answers the newest sample of each series that match[] selects, in
// the text format, for another Prometheus to scrape.
func (a *api) federate(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sets, err := a.matchers(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := exposition{byName: map[string]*bytes.Buffer{}, escape: strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)}
	err = a.Store.Latest(r.Context(), promstore.Selection{Match: sets, To: a.Now()}, out.add)
	if err != nil {
		a.Log.ErrorContext(r.Context(), "federation failed", "err", err)
		http.Error(w, "the metrics store cannot answer", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	for _, n := range slices.Sorted(maps.Keys(out.byName)) {
		w.Write([]byte("# TYPE " + n + " untyped\n"))
		w.Write(out.byName[n].Bytes())
	}
}

// exposition is the text format in the making.
type exposition struct {
	byName map[string]*bytes.Buffer
	escape *strings.Replacer // of label values
}

func (x exposition) add(ls labels.Labels, at time.Time, v float64) {
	name := model.EscapeName(ls.Get(model.MetricNameLabel), model.UnderscoreEscaping)
	b := x.byName[name]
	if b == nil {
		b = &bytes.Buffer{}
		x.byName[name] = b
	}
	b.WriteString(name)
	sep := byte('{')
	ls.Range(func(l labels.Label) {
		if l.Name == model.MetricNameLabel {
			return
		}
		b.WriteByte(sep)
		sep = ','
		b.WriteString(model.EscapeName(l.Name, model.UnderscoreEscaping))
		b.WriteString(`="`)
		b.WriteString(x.escape.Replace(l.Value))
		b.WriteByte('"')
	})
	if sep == ',' {
		b.WriteByte('}')
	}
	b.WriteByte(' ')
	b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
	b.WriteByte(' ')
	b.WriteString(strconv.FormatInt(at.UnixMilli(), 10))
	b.WriteByte('\n')
}
