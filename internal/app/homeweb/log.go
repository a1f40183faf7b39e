package homeweb

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

const (
	logRows    = 100
	stripMarks = 600 // records that the strip shows at most
	stripLanes = 10
)

// logFilter is what the address of the log says.
type logFilter struct {
	Text, Name, Service, Subject string
	After                        int64 // the cursor: records before it
}

// logView is the page of the log.
type logView struct {
	Head     webkit.Head
	Filter   logFilter
	Clear    string // "" where nothing is filtered
	Names    []webkit.Choice
	Services []webkit.Choice
	Rows     []recordView
	Next     string
	Strip    webkit.Strip
}

// recordView is one line of the log.
type recordView struct {
	Seq         string
	Href        string
	At          time.Time
	Name        string
	State       webkit.State
	Text        string
	Service     string
	ServiceHref string
	Subject     string
	SubjectHref string // "" where it has no page
	Actor       string
	Source      string
	Payload     string
	ID, Hash    string
	Recorded    time.Time
}

// subjectHref is the page of what a record is about, or "".
func subjectHref(subject string) string {
	room, id, ok := strings.Cut(subject, "/")
	if !ok || id == "" {
		return ""
	}
	folder, ok := map[string]string{
		"alert": "/alerts/", "page": "/pages/", "incident": "/incidents/", "slo": "/slos/", "postmortem": "/postmortems/",
	}[room]
	switch {
	case ok:
		return folder + url.PathEscape(id)
	case room == "person":
		return "/people#person-" + url.PathEscape(id)
	case room == "rota":
		return "/oncall"
	case room == "config":
		return "/config"
	}
	return ""
}

// recordState is the colour of news.
func recordState(name string) webkit.State {
	switch name {
	case "slo.burning", "alert.fired", "alert.raised", "oncall.page_opened", "oncall.exhausted", "oncall.delivery_failed", "incident.declared", "incident.reopened":
		return webkit.Firing
	case "config.refused", "auth.login_failed", "oncall.declined":
		return webkit.Warning
	case "slo.recovered", "alert.resolved", "alert.acked", "oncall.acked", "oncall.page_closed", "incident.mitigated", "incident.resolved":
		return webkit.OK
	}
	return webkit.Muted
}

func viewRecord(r event.Record) recordView {
	var pretty bytes.Buffer
	if json.Indent(&pretty, r.Payload, "", "  ") != nil {
		pretty.Reset()
		pretty.Write(r.Payload)
	}
	v := recordView{
		Seq: strconv.FormatInt(r.Seq, 10), At: r.At, Name: r.Name, State: recordState(r.Name), Text: recordText(r), Service: r.Service,
		Subject: shortSubject(r.Subject), SubjectHref: subjectHref(r.Subject), Actor: strings.TrimPrefix(r.Actor, "person/"), Source: r.Source, Payload: pretty.String(),
		ID: r.ID, Hash: r.Hash, Recorded: r.RecordedAt,
	}
	v.Href = "/log/" + v.Seq
	if r.Service != "" {
		v.ServiceHref = "/services/" + url.PathEscape(r.Service)
	}
	return v
}

// shortSubject cuts a long id: its tail tells it apart.
func shortSubject(s string) string {
	room, id, ok := strings.Cut(s, "/")
	if !ok || len(id) < 32 || strings.Count(id, "-") != 4 {
		return s
	}
	return room + "/…" + id[len(id)-6:]
}

func readLogFilter(q url.Values) logFilter {
	f := logFilter{Text: strings.TrimSpace(q.Get("q")), Name: q.Get("name"), Service: q.Get("service"), Subject: strings.TrimSpace(q.Get("subject"))}
	f.After, _ = strconv.ParseInt(q.Get("after"), 10, 64) // what is no number is the first page
	return f
}

func (f logFilter) query(from, to time.Time) event.Query {
	q := event.Query{Text: f.Text, From: from, To: to, Newest: true, Before: f.After}
	for _, x := range []struct {
		value string
		list  *[]string
	}{{f.Name, &q.Names}, {f.Service, &q.Services}, {f.Subject, &q.Subjects}} {
		if x.value != "" {
			*x.list = strings.Split(x.value, ",")
		}
	}
	return q
}

func (d Deps) logPage(r *http.Request) (webkit.Page, error) {
	ctx, f := r.Context(), readLogFilter(r.URL.Query())
	def := webkit.Range{From: "now-24h", To: "now"}
	if f.Subject != "" {
		def.From = "now-30d" // the story of one thing, not of a day
	}
	rng := webkit.ParseRange(r.URL.Query(), def)
	from, to := rng.Resolve(d.Now())
	q := f.query(from, to)
	if rng.To == "now" {
		q.To = time.Time{} // what another clock stamped a moment ahead is news too
	}
	q.Limit = stripMarks
	records, err := d.Events.Events(ctx, q)
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewLog(ctx, f, records, from, to)
	v.Services = d.serviceChoices(ctx)
	return webkit.Page{Title: webkit.T(ctx, "home.nav.log"), Active: "log", Wide: true, Live: []string{"log"}, Range: &rng, Body: logBody(v)}, nil
}

func viewLog(ctx context.Context, f logFilter, records []event.Record, from, to time.Time) logView {
	v := logView{Filter: f, Strip: logStrip(ctx, records, from, to)}
	v.Head = webkit.Head{Sentence: webkit.T(ctx, "home.log.head", len(records)), Detail: webkit.T(ctx, "home.log.text"), Actions: verifyButton()}
	if len(records) == stripMarks {
		v.Head.Sentence = webkit.T(ctx, "home.log.headmany", stripMarks)
	}
	if f != (logFilter{After: f.After}) {
		v.Clear = webkit.WithQuery(ctx, "q", "", "name", "", "service", "", "subject", "", "after", "")
	}
	names := map[string]bool{}
	for i, r := range records {
		names[r.Name] = true
		if i < logRows {
			v.Rows = append(v.Rows, viewRecord(r))
		}
	}
	if len(records) > logRows {
		v.Next = v.Rows[logRows-1].Seq
	}
	names[f.Name] = f.Name != ""
	v.Names = []webkit.Choice{{Text: webkit.T(ctx, "home.log.name")}}
	for n, on := range names {
		if on {
			v.Names = append(v.Names, webkit.Choice{Value: n, Text: n})
		}
	}
	slices.SortFunc(v.Names, func(a, b webkit.Choice) int { return strings.Compare(a.Value, b.Value) })
	return v
}

func (d Deps) serviceChoices(ctx context.Context) []webkit.Choice {
	out := []webkit.Choice{{Text: webkit.T(ctx, "home.log.service")}}
	for _, s := range d.Catalog.Services(ctx) {
		out = append(out, webkit.Choice{Value: s.ID, Text: s.Name})
	}
	return out
}

// logStrip is time across, service down. The services with the most news come
// first; the rest share a lane, and what belongs to none has its own.
func logStrip(ctx context.Context, records []event.Record, from, to time.Time) webkit.Strip {
	count := map[string]int{}
	for _, r := range records {
		count[r.Service]++
	}
	var services []string
	for s := range count {
		if s != "" {
			services = append(services, s)
		}
	}
	slices.SortFunc(services, func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	services = services[:min(len(services), stripLanes)]
	slices.Sort(services)
	s := webkit.Strip{Label: webkit.T(ctx, "home.log.strip"), From: from, To: to}
	place := map[string]int{}
	for _, id := range services {
		place[id] = len(s.Lanes)
		s.Lanes = append(s.Lanes, webkit.Lane{Text: id, Href: webkit.WithQuery(ctx, "service", id, "after", "")})
	}
	other := len(s.Lanes)
	s.Lanes = append(s.Lanes, webkit.Lane{Text: webkit.T(ctx, "home.log.other")})
	for _, r := range records {
		i, ok := place[r.Service]
		if !ok {
			i = other
		}
		s.Lanes[i].Moments = append(s.Lanes[i].Moments, webkit.Moment{At: r.At, State: recordState(r.Name), Text: r.Name + " " + recordText(r), Href: "/log/" + strconv.FormatInt(r.Seq, 10)})
	}
	return s
}

// clock writes an instant with its seconds: order is what a log is for.
func clock(ctx context.Context, t time.Time) string {
	l, n := t.In(webkit.Zone(ctx)), webkit.Now(ctx).In(webkit.Zone(ctx))
	if l.Year() == n.Year() && l.YearDay() == n.YearDay() {
		return l.Format("15:04:05")
	}
	return webkit.Stamp(ctx, t) + l.Format(":05")
}

// record returns one record of the log by its number.
func (d Deps) record(ctx context.Context, seq string) (event.Record, error) {
	n, err := strconv.ParseInt(seq, 10, 64)
	if err != nil {
		return event.Record{}, errs.New(errs.NotFound, "the log has no record %q", seq)
	}
	found, err := d.Events.Events(ctx, event.Query{Seqs: []int64{n}})
	if err != nil {
		return event.Record{}, err
	}
	if len(found) == 0 {
		return event.Record{}, errs.New(errs.NotFound, "the log has no record %d", n)
	}
	return found[0], nil
}

func (d Deps) recordPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	rec, err := d.record(ctx, r.PathValue("seq"))
	if err != nil {
		return webkit.Page{}, err
	}
	around, err := d.Events.Events(ctx, event.Query{Subjects: []string{rec.Subject}, From: rec.At.Add(-24 * time.Hour), To: rec.At.Add(24 * time.Hour), Limit: 50})
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewRecord(rec)
	var line []webkit.Entry
	for _, o := range around {
		e := webkit.Entry{ID: "r" + strconv.FormatInt(o.Seq, 10), At: o.At, Icon: "log", Source: o.Name, Text: recordText(o), Actor: strings.TrimPrefix(o.Actor, "person/"), Pinned: o.Seq == rec.Seq}
		e.Text = strings.TrimSpace(o.Name + " — " + e.Text)
		if o.Seq != rec.Seq {
			e.Href = "/log/" + strconv.FormatInt(o.Seq, 10)
		}
		if st := recordState(o.Name); st != webkit.Muted {
			e.State = st
		}
		line = append(line, e)
	}
	return webkit.Page{
		Title: webkit.T(ctx, "home.record", v.Seq), Active: "log", Body: recordBody(v, recordFacts(ctx, v, rec), line),
		Crumbs: []webkit.Crumb{{Text: v.Seq}},
	}, nil
}

func recordFacts(ctx context.Context, v recordView, r event.Record) []webkit.Pair {
	key := func(k string) string { return webkit.T(ctx, "home.record."+k) }
	return []webkit.Pair{
		{Key: key("at"), Body: webkit.Time(r.At)},
		{Key: key("recorded"), Body: webkit.Time(r.RecordedAt), Definition: key("recorded.def")},
		{Key: key("service"), Value: cmp.Or(v.Service, "—"), Href: v.ServiceHref},
		{Key: key("subject"), Value: r.Subject, Href: v.SubjectHref},
		{Key: key("actor"), Value: cmp.Or(r.Actor, "—")},
		{Key: key("source"), Value: cmp.Or(r.Source, "—")},
		{Key: key("id"), Value: r.ID},
		{Key: key("hash"), Value: r.Hash, Definition: key("hash.def"), Href: "/log/verify"},
	}
}

func (d Deps) verifyPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	rep, err := d.Events.Verify(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	h := webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "home.verify.ok", rep.Events), Detail: webkit.T(ctx, "home.verify.text")}
	pairs := []webkit.Pair{{Key: webkit.T(ctx, "home.verify.events"), Value: webkit.Number(ctx, rep.Events)}, {Key: webkit.T(ctx, "home.verify.hash"), Value: cmp.Or(rep.Head, "—"), Definition: webkit.T(ctx, "home.verify.hash.def")}}
	if !rep.Intact {
		h.State, h.Sentence = webkit.Firing, webkit.T(ctx, "home.verify.bad", rep.BadSeq)
		pairs = append(pairs, webkit.Pair{Key: webkit.T(ctx, "home.verify.problem"), Value: rep.Problem, Href: "/log/" + strconv.FormatInt(rep.BadSeq, 10)})
	}
	title := webkit.T(ctx, "home.verify")
	return webkit.Page{Title: title, Active: "log", Crumbs: []webkit.Crumb{{Text: title}}, Body: factsBody(h, pairs)}, nil
}
