package alertweb

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// Sources is what the pages of sources ask: *ingest.Registry.
type Sources interface {
	Sources(ctx context.Context) ([]ingest.Source, error)
	Source(ctx context.Context, name string) (ingest.Source, ingest.Keys, error)
	Payloads(ctx context.Context, name string) ([]ingest.Payload, error)
	Create(ctx context.Context, s ingest.Source, secret, by string) (ingest.Source, ingest.Keys, error)
	Edit(ctx context.Context, name string, e ingest.Edit, by string) (ingest.Source, error)
	Rotate(ctx context.Context, name, by string) (ingest.Source, error)
	Pause(ctx context.Context, name, by string) (ingest.Source, error)
	Resume(ctx context.Context, name, by string) (ingest.Source, error)
	Delete(ctx context.Context, name, by string) error
	Try(ctx context.Context, src ingest.Source, m ingest.Mapping, body []byte) (ingest.Batch, error)
}

// SourceDeps are what the pages of sources need. The API does without Kit.
type SourceDeps struct {
	Kit      *webkit.Kit
	Log      *slog.Logger
	Now      func() time.Time
	Registry Sources
	Catalog  Catalog
	BaseURL  string // where senders reach us
}

// SourceRow is a source and how it stands.
type SourceRow struct {
	Source ingest.Source `json:"source"`
	State  ingest.State  `json:"state" enum:"waiting,heard,silent,paused"`
	DueAt  time.Time     `json:"due_at,omitzero" doc:"When it is silent if it is not heard before."`
}

// SourceList is all sources, by name.
type SourceList struct {
	Sources []SourceRow `json:"sources"`
}

// SourceDetail is one source, with what to paste at its sender and what it sent last.
type SourceDetail struct {
	SourceRow

	URL      string          `json:"url,omitempty" doc:"Where its sender posts. Only for those who may change it: it tells the key."`
	Key      string          `json:"key,omitempty"`
	Snippets []Snippet       `json:"snippets,omitempty"`
	Payloads []SourcePayload `json:"payloads"`
}

// SourcePayload is a delivery and what became of it.
type SourcePayload struct {
	ingest.Payload

	Body string `json:"body" doc:"At most 64 KiB of it, without keys."`
}

// SourceTrial is what a mapping makes of a payload. Nothing is taken.
type SourceTrial struct {
	Signals []TriedSignal    `json:"signals"`
	Refused []ingest.Refusal `json:"refused"`
}

// TriedSignal is a signal that a mapping would make.
type TriedSignal struct {
	Path     string            `json:"path,omitempty"`
	Firing   bool              `json:"firing"`
	Rule     string            `json:"rule"`
	Service  string            `json:"service,omitempty"`
	Key      string            `json:"key,omitempty"`
	Severity alert.Severity    `json:"severity"`
	Summary  string            `json:"summary"`
	Labels   map[string]string `json:"labels,omitempty"`
	URL      string            `json:"url,omitempty"`
}

type (
	sourceIn struct {
		Name string `path:"name" maxLength:"64"`
	}
	// SourceFields are what may be set of a source.
	SourceFields struct {
		Service  string         `json:"service,omitempty" maxLength:"200" doc:"The service of what says none."`
		Severity string         `json:"severity,omitempty" enum:"page,ticket,info" default:"ticket" doc:"The severity of what says none."`
		Every    string         `json:"every,omitempty" maxLength:"20" doc:"The longest time between two deliveries, as in 5m: longer is an alert. Empty: it is not expected."`
		Silence  string         `json:"silence,omitempty" enum:"page,ticket,info" default:"ticket" doc:"The severity of falling silent."`
		Secret   string         `json:"secret,omitempty" maxLength:"500" doc:"With which the sender signs (sentry: the client secret). It is not shown again."`
		Mapping  ingest.Mapping `json:"mapping,omitzero" doc:"Of kind generic: an expression for each field; an empty one is the default."`
	}
	sourceCreateIn struct {
		Body struct {
			Name string `json:"name" minLength:"1" maxLength:"48"`
			Kind string `json:"kind" enum:"alertmanager,grafana,pagerduty,opsgenie,datadog,cloudwatch-sns,cloudwatch-stream,sentry,mackerel,incidentio,generic,heartbeat"`
			SourceFields
			As string `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
		}
	}
	sourceEditIn struct {
		Name string `path:"name" maxLength:"64"`
		Body struct {
			SourceFields
			As string `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
		}
	}
	sourceActIn struct {
		Name string `path:"name" maxLength:"64"`
		Body *alertActor
	}
	sourceDeleteIn struct {
		Name string `path:"name" maxLength:"64"`
		As   string `query:"as" maxLength:"64"`
	}
	sourceTryIn struct {
		Name string `path:"name" maxLength:"64"`
		Body struct {
			Mapping ingest.Mapping `json:"mapping"`
			Payload string         `json:"payload,omitempty" maxLength:"1048576" doc:"JSON as text. Empty: the last one that was kept."`
		}
	}
	sourceGone struct {
		Deleted string `json:"deleted"`
	}
)

// SourceAPI registers the operations on sources.
func SourceAPI(a *httpd.API, d SourceDeps) {
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "alert", Summary: summary} }
	httpd.Get(a, "/api/v1/sources", op("list-sources", "List the sources of alerts and how they stand"), func(ctx context.Context, _ *struct{}) (SourceList, error) {
		all, err := d.Registry.Sources(ctx)
		out := SourceList{Sources: []SourceRow{}}
		for _, s := range all {
			out.Sources = append(out.Sources, sourceRow(s))
		}
		return out, err
	})
	httpd.Get(a, "/api/v1/sources/{name}", op("get-source", "A source, what to paste at its sender, and what it sent last"), func(ctx context.Context, in *sourceIn) (SourceDetail, error) {
		return d.detail(ctx, in.Name)
	})
	create := op("create-source", "Make a source; the answer has its key and what to paste")
	create.Status = http.StatusCreated
	httpd.Post(a, "/api/v1/sources", create, d.apiCreate)
	httpd.Put(a, "/api/v1/sources/{name}", op("edit-source", "Change a source; what is left out is the default, but for the secret"), d.apiEdit)
	httpd.Delete(a, "/api/v1/sources/{name}", op("delete-source", "Remove a source; its alerts stay"), func(ctx context.Context, in *sourceDeleteIn) (sourceGone, error) {
		return sourceGone{in.Name}, d.Registry.Delete(ctx, in.Name, auth.Actor(ctx, in.As))
	})
	httpd.Post(a, "/api/v1/sources/{name}/try", op("try-mapping", "Read a payload through a mapping and take nothing"), d.apiTry)
	act := func(verb, summary string, do func(context.Context, string, string) (ingest.Source, error)) {
		httpd.Post(a, "/api/v1/sources/{name}/"+verb, op(verb+"-source", summary), func(ctx context.Context, in *sourceActIn) (SourceDetail, error) {
			if _, err := do(ctx, in.Name, auth.Actor(ctx, in.Body.as())); err != nil {
				return SourceDetail{}, err
			}
			return d.detail(ctx, in.Name)
		})
	}
	act("rotate", "Give a source a new key; the old one is not taken any more", d.Registry.Rotate)
	act("pause", "Answer what a source sends, and take none of it", d.Registry.Pause)
	act("resume", "Take what a source sends again", d.Registry.Resume)
}

func sourceRow(s ingest.Source) SourceRow {
	return SourceRow{Source: s, State: s.State(), DueAt: s.DueAt(time.Time{})}
}

func (d SourceDeps) detail(ctx context.Context, name string) (SourceDetail, error) {
	s, keys, err := d.Registry.Source(ctx, name)
	if err != nil {
		return SourceDetail{}, err
	}
	kept, err := d.Registry.Payloads(ctx, name)
	out := SourceDetail{SourceRow: sourceRow(s), Payloads: []SourcePayload{}}
	for _, p := range kept {
		out.Payloads = append(out.Payloads, SourcePayload{Payload: p, Body: strings.ToValidUTF8(string(p.Body), "\uFFFD")})
	}
	if auth.MayAct(ctx) {
		out.URL, out.Key, out.Snippets = sourceURL(d.BaseURL, s.Kind, keys.Key), keys.Key, snippets(d.BaseURL, s.Kind, keys.Key)
	}
	return out, err
}

func (f SourceFields) edit() (ingest.Edit, error) {
	e := ingest.Edit{Service: f.Service, Severity: alert.Severity(f.Severity), Silence: alert.Severity(f.Silence), Mapping: f.Mapping, Secret: f.Secret}
	if e.Severity == "" {
		e.Severity = alert.Ticket
	}
	if e.Silence == "" {
		e.Silence = alert.Ticket
	}
	if f.Every == "" || f.Every == "0" {
		return e, nil
	}
	if err := e.Every.UnmarshalText([]byte(f.Every)); err != nil {
		return e, errs.New(errs.Invalid, "every: %w", err)
	}
	return e, nil
}

func (d SourceDeps) apiCreate(ctx context.Context, in *sourceCreateIn) (SourceDetail, error) {
	e, err := in.Body.edit()
	if err != nil {
		return SourceDetail{}, err
	}
	s := ingest.Source{Name: in.Body.Name, Kind: ingest.Kind(in.Body.Kind), Service: e.Service, Severity: e.Severity, Every: e.Every, Silence: e.Silence, Mapping: e.Mapping}
	if _, _, err := d.Registry.Create(ctx, s, e.Secret, auth.Actor(ctx, in.Body.As)); err != nil {
		return SourceDetail{}, err
	}
	return d.detail(ctx, s.Name)
}

func (d SourceDeps) apiEdit(ctx context.Context, in *sourceEditIn) (SourceDetail, error) {
	e, err := in.Body.edit()
	if err != nil {
		return SourceDetail{}, err
	}
	if _, err := d.Registry.Edit(ctx, in.Name, e, auth.Actor(ctx, in.Body.As)); err != nil {
		return SourceDetail{}, err
	}
	return d.detail(ctx, in.Name)
}

func (d SourceDeps) apiTry(ctx context.Context, in *sourceTryIn) (SourceTrial, error) {
	s, _, err := d.Registry.Source(ctx, in.Name)
	if err != nil {
		return SourceTrial{}, err
	}
	body := []byte(in.Body.Payload)
	if len(body) == 0 {
		kept, err := d.Registry.Payloads(ctx, in.Name)
		if err != nil {
			return SourceTrial{}, err
		}
		if len(kept) == 0 {
			return SourceTrial{}, errs.New(errs.Conflict, "nothing was sent yet: give a payload")
		}
		body = kept[0].Body
	}
	return d.try(ctx, s, in.Body.Mapping, body)
}

func (d SourceDeps) try(ctx context.Context, s ingest.Source, m ingest.Mapping, body []byte) (SourceTrial, error) {
	b, err := d.Registry.Try(ctx, s, m, body)
	out := SourceTrial{Signals: []TriedSignal{}, Refused: listed(b.Refused)}
	for i, g := range b.Signals {
		out.Signals = append(out.Signals, TriedSignal{Path: b.Paths[i], Firing: g.Firing, Rule: g.Rule, Service: g.Service, Key: g.Key, Severity: g.Severity, Summary: g.Summary, Labels: g.Labels, URL: g.URL})
	}
	return out, err
}
