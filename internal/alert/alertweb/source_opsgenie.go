package alertweb

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// Desk is what Opsgenie's API asks besides: *ingest.Registry.
type Desk interface {
	Registry
	Lookup(ctx context.Context, src ingest.Source, by ingest.By, of string) (alert.Alert, error)
	Listed(ctx context.Context, src ingest.Source, q alert.Query) ([]alert.Alert, error)
	Payloads(ctx context.Context, name string) ([]ingest.Payload, error)
}

// opsgenie speaks Opsgenie's alert API.
type opsgenie struct {
	*protocols
	desk  Desk
	newID func() string
}

// OpsgenieProtocol are the routes of Opsgenie's alert API. Requests bring the key
// of their source as "Authorization: GenieKey KEY".
func OpsgenieProtocol(log *slog.Logger, now func() time.Time, newID func() string, desk Desk) []httpd.Route {
	o := &opsgenie{protocols: &protocols{log: log, now: now, reg: desk, slots: make(chan struct{}, largeSlots)}, desk: desk, newID: newID}
	route := func(pattern string, h func(http.ResponseWriter, *http.Request, ogCall)) httpd.Route {
		return httpd.Route{Pattern: pattern, Access: httpd.Keyed, MaxBody: 2 * ingest.MaxOpsgenie, Handler: o.called(h)}
	}
	return []httpd.Route{
		route("POST /v2/alerts", o.act),
		route("GET /v2/alerts", o.list),
		route("GET /v2/alerts/{identifier}", o.one),
		route("DELETE /v2/alerts/{identifier}", o.act),
		route("POST /v2/alerts/{identifier}/{verb}", o.act),
		route("PUT /v2/alerts/{identifier}/{verb}", o.act),
		route("GET /v2/alerts/requests/{id}", o.request),
		route("GET /v2/heartbeats/{name}/ping", o.beat),
		route("POST /v2/heartbeats/{name}/ping", o.beat),
		route("PUT /v2/heartbeats/{name}/ping", o.beat),
		route("PATCH /v2/heartbeats/{name}/ping", o.beat),
	}
}

// ogCall is one request whose key is known.
type ogCall struct {
	src   ingest.Source
	keys  ingest.Keys
	began time.Time
}

// ogAnswer is the form of all answers of Opsgenie's API.
type ogAnswer struct {
	Result    string            `json:"result,omitempty"`
	Data      any               `json:"data,omitempty"`
	Message   string            `json:"message,omitempty"`
	Errors    map[string]string `json:"errors,omitempty"`
	Took      float64           `json:"took"`
	RequestID string            `json:"requestId"`
}

// called finds the source of the key before anything is read.
func (o *opsgenie) called(h func(http.ResponseWriter, *http.Request, ogCall)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := ogCall{began: o.now()}
		k, ok := strings.CutPrefix(r.Header.Get("Authorization"), "GenieKey ")
		if !ok {
			o.say(w, c, http.StatusUnauthorized, ogAnswer{Message: "Authorization header is missing: GenieKey and the key of a source are expected"})
			return
		}
		var err error
		c.src, c.keys, err = o.desk.Find(r.Context(), strings.TrimSpace(k), ingest.Opsgenie, ingest.Heartbeat)
		switch {
		case errs.KindOf(err) == errs.NotFound && err != nil:
			o.say(w, c, http.StatusForbidden, ogAnswer{Message: "Could not authenticate: the key is that of no source"})
		case err != nil:
			o.refuse(w, r, c, err)
		default:
			h(w, r, c)
		}
	})
}

func (o *opsgenie) say(w http.ResponseWriter, c ogCall, status int, a ogAnswer) {
	a.Took = float64(o.now().Sub(c.began).Milliseconds()) / 1000
	if a.RequestID == "" {
		a.RequestID = o.newID()
	}
	w.Header().Set("X-Request-Id", a.RequestID)
	writeJSON(w, status, a)
}

// refuse answers an error in Opsgenie's form.
func (o *opsgenie) refuse(w http.ResponseWriter, r *http.Request, c ogCall, err error) {
	status, a := o.status(r, err), ogAnswer{Message: o.detail(err)}
	if bad, ok := errors.AsType[*ingest.NotProcessableError](err); ok {
		a.Message, a.Errors = "Request body is not processable. Please check the errors.", bad.Fields
	}
	o.say(w, c, status, a)
}

// asked is what the address of a request says.
func asked(r *http.Request) (ingest.Ask, error) {
	ask := ingest.Ask{Verb: r.PathValue("verb"), By: ingest.By(r.URL.Query().Get("identifierType")), Of: r.PathValue("identifier")}
	if r.Method == http.MethodDelete {
		ask.Verb = "close" // nothing is deleted here: the log has it
	}
	if ask.Of == "" {
		return ingest.Ask{}, nil
	}
	if ask.By == "" {
		ask.By = ingest.ByID
	}
	if !slices.Contains([]ingest.By{ingest.ByID, ingest.ByAlias, ingest.ByTiny}, ask.By) {
		return ask, notProcessable("identifierType", "must be one of id, alias, tiny")
	}
	return ask, nil
}

// act takes what changes something: creating, closing and the rest.
func (o *opsgenie) act(w http.ResponseWriter, r *http.Request, c ogCall) {
	ask, err := asked(r)
	if err == nil && c.src.Kind != ingest.Opsgenie {
		err = errs.New(errs.Denied, "the key is that of a heartbeat")
	}
	if err != nil {
		o.refuse(w, r, c, err)
		return
	}
	body, done, err := o.read(r, ingest.MaxOpsgenie)
	defer done()
	var out ingest.Receipt
	if err == nil {
		out, err = o.desk.Receive(r.Context(), c.src, c.keys, ingest.Delivery{Body: body, Header: r.Header.Get, At: o.now().UTC(), Ask: ask})
	}
	if err == nil && out.Taken == 0 && len(out.Refused) > 0 {
		err = errs.New(errs.Invalid, "%s", out.Refused[0].Reason)
	}
	if err != nil {
		o.refuse(w, r, c, err)
		return
	}
	o.say(w, c, http.StatusAccepted, ogAnswer{Result: "Request will be processed", RequestID: out.ID})
}

// request says what became of a request: it was processed before it was answered.
func (o *opsgenie) request(w http.ResponseWriter, r *http.Request, c ogCall) {
	kept, err := o.desk.Payloads(r.Context(), c.src.Name)
	if err != nil {
		o.refuse(w, r, c, err)
		return
	}
	i := slices.IndexFunc(kept, func(p ingest.Payload) bool { return p.ID == r.PathValue("id") })
	if i < 0 {
		o.refuse(w, r, c, errs.New(errs.NotFound, "Request not found: the last %d of a source are kept", ingest.KeptPayloads))
		return
	}
	o.say(w, c, http.StatusOK, ogAnswer{Data: viewRequest(kept[i], c.src)})
}

// ogRequest is what became of a request, as Opsgenie says it.
type ogRequest struct {
	Success       bool   `json:"success"`
	IsSuccess     bool   `json:"isSuccess"`
	Action        string `json:"action"`
	ProcessedAt   string `json:"processedAt"`
	IntegrationID string `json:"integrationId"`
	Status        string `json:"status"`
	AlertID       string `json:"alertId"`
	Alias         string `json:"alias"`
}

func viewRequest(p ingest.Payload, src ingest.Source) ogRequest {
	v := ogRequest{ProcessedAt: stamp(p.At), IntegrationID: src.Name, Success: p.Taken > 0, Status: "Processed"}
	if len(p.Notes) > 0 { // the parser's first says what was asked, and of what
		action, rest, _ := strings.Cut(p.Notes[0], " ")
		by, of, ok := strings.Cut(rest, "=")
		if ok && action != "" {
			v.Action = strings.ToUpper(action[:1]) + action[1:]
		}
		if ok && by == string(ingest.ByAlias) {
			v.Alias = of
		}
		if !v.Success {
			v.Status = p.Notes[len(p.Notes)-1]
		}
	}
	if len(p.Refused) > 0 {
		v.Success, v.Status = false, p.Refused[0].Reason
	}
	if len(p.Alerts) > 0 {
		v.AlertID = p.Alerts[0]
	}
	v.IsSuccess = v.Success
	return v
}

func (o *opsgenie) one(w http.ResponseWriter, r *http.Request, c ogCall) {
	ask, err := asked(r)
	if err != nil {
		o.refuse(w, r, c, err)
		return
	}
	a, err := o.desk.Lookup(r.Context(), c.src, ask.By, ask.Of)
	if err != nil {
		o.refuse(w, r, c, err)
		return
	}
	o.say(w, c, http.StatusOK, ogAnswer{Data: viewOpsgenie(a, c.src)})
}

// list lists the alerts of the source. Of Opsgenie's query language it knows
// status, priority and text.
func (o *opsgenie) list(w http.ResponseWriter, r *http.Request, c ogCall) {
	l, err := readOpsgenieList(r.URL.Query().Get("query"), r.URL.Query().Get("limit"), r.URL.Query().Get("offset"))
	if err != nil {
		o.refuse(w, r, c, err)
		return
	}
	all, err := o.desk.Listed(r.Context(), c.src, l.query)
	if err != nil {
		o.refuse(w, r, c, err)
		return
	}
	out := []ogAlertView{}
	for _, a := range all[min(l.offset, len(all)):] {
		out = append(out, viewOpsgenie(a, c.src))
	}
	o.say(w, c, http.StatusOK, ogAnswer{Data: out})
}

type ogList struct {
	query  alert.Query
	offset int
}

const maxOpsgenieList = 100

func readOpsgenieList(query, limit, offset string) (l ogList, err error) {
	n := 20
	if limit != "" {
		if n, err = strconv.Atoi(limit); err != nil || n < 1 || n > maxOpsgenieList {
			return l, notProcessable("limit", "a number from 1 to 100 is expected")
		}
	}
	if offset != "" {
		if l.offset, err = strconv.Atoi(offset); err != nil || l.offset < 0 || l.offset+n > 500 {
			return l, notProcessable("offset", "offset and limit reach 500 alerts")
		}
	}
	l.query, err = readOpsgenieQuery(query)
	l.query.Limit = l.offset + n
	return l, err
}

func notProcessable(field, why string) error {
	return errs.New(errs.Invalid, "%w", &ingest.NotProcessableError{Fields: map[string]string{field: why}})
}

func readOpsgenieQuery(query string) (q alert.Query, err error) {
	for word := range strings.FieldsSeq(query) {
		field, value, ok := strings.Cut(strings.Replace(word, "=", ":", 1), ":")
		if !ok {
			q.Text = strings.TrimSpace(q.Text + " " + word)
			continue
		}
		switch field + ":" + strings.ToLower(strings.Trim(value, `"'`)) {
		case "status:open":
			q.Unresolved = true
		case "status:closed":
			q.State = alert.Resolved
		case "status:acked", "acknowledged:true":
			q.State = alert.Held
		default:
			return q, notProcessable("query", "known are status:open, status:closed, status:acked, and words of the message")
		}
	}
	return q, nil
}

// ogAlertView is an alert as Opsgenie shows it.
type ogAlertView struct {
	ID             string            `json:"id"`
	TinyID         string            `json:"tinyId"`
	Alias          string            `json:"alias"`
	Message        string            `json:"message"`
	Description    string            `json:"description,omitempty"`
	Status         string            `json:"status"`
	Acknowledged   bool              `json:"acknowledged"`
	IsSeen         bool              `json:"isSeen"`
	Snoozed        bool              `json:"snoozed"`
	Tags           []string          `json:"tags"`
	Count          int               `json:"count"`
	Priority       string            `json:"priority"`
	Source         string            `json:"source"`
	Owner          string            `json:"owner"`
	Entity         string            `json:"entity,omitempty"`
	CreatedAt      string            `json:"createdAt"`
	UpdatedAt      string            `json:"updatedAt"`
	LastOccurredAt string            `json:"lastOccurredAt"`
	Details        map[string]string `json:"details"`
	Integration    map[string]string `json:"integration"`
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func viewOpsgenie(a alert.Alert, src ingest.Source) ogAlertView {
	v := ogAlertView{
		ID: a.ID, TinyID: ingest.TinyID(a.ID), Alias: a.Annotations["alias"], Message: a.Summary, Description: a.Annotations["description"],
		Status: "open", Acknowledged: a.State() == alert.Held, IsSeen: a.State() != alert.Open, Tags: []string{}, Count: a.Count, Priority: a.Labels["og_priority"],
		Source: a.Labels["og_source"], Owner: a.AckedBy, Entity: a.Labels["og_entity"], CreatedAt: stamp(a.OpenedAt), LastOccurredAt: stamp(a.LastAt),
		Details: map[string]string{}, Integration: map[string]string{"id": src.Name, "name": src.Name, "type": "API"},
	}
	last := a.LastAt
	for _, t := range []time.Time{a.AckedAt, a.ResolvedAt} {
		if t.After(last) {
			last = t
		}
	}
	v.UpdatedAt = stamp(last)
	if a.State() == alert.Resolved {
		v.Status = "closed"
	}
	if v.Priority == "" {
		v.Priority = map[alert.Severity]string{alert.Page: "P1", alert.Ticket: "P3", alert.Info: "P5"}[a.Severity]
	}
	for k, text := range a.Annotations {
		switch k {
		case "alias", "description", "actions", "responders", "visible_to", "note":
		case "tags":
			v.Tags = strings.Split(text, ",")
		default:
			v.Details[k] = text
		}
	}
	return v
}

// beat is a heartbeat: of the source whose key it brings, which has the name of
// the heartbeat.
func (o *opsgenie) beat(w http.ResponseWriter, r *http.Request, c ogCall) {
	if name := ingest.HeartbeatName(r.PathValue("name")); name != c.src.Name {
		o.say(w, c, http.StatusNotFound, ogAnswer{Message: "Heartbeat is not found: the key is that of the source " + c.src.Name + ", and the heartbeat's name " + name})
		return
	}
	if _, err := o.desk.Receive(r.Context(), c.src, c.keys, ingest.Delivery{At: o.now().UTC(), Ask: ingest.Ask{Verb: ingest.Ping}}); err != nil {
		o.refuse(w, r, c, err)
		return
	}
	o.say(w, c, http.StatusAccepted, ogAnswer{Result: "PONG - Heartbeat received"})
}
