package incidentweb

import (
	"context"
	"strconv"

	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// IncidentPage is one page of incidents, newest first.
type IncidentPage struct {
	Incidents []incident.Incident `json:"incidents"`
	Next      string              `json:"next,omitempty" doc:"The value of after for the next page."`
}

// Entry is one record of a timeline, and what it means.
type Entry struct {
	event.Record
	Origin string `json:"origin" doc:"slo, alert, oncall, people or other"`
	Text   string `json:"text"`
}

// Room is an incident with its timeline and durations.
type Room struct {
	Incident incident.Incident  `json:"incident"`
	Measures []incident.Measure `json:"measures"`
	Timeline []Entry            `json:"timeline"`
}

// Declaring is what it takes to declare an incident.
type Declaring struct {
	Title    string `json:"title" minLength:"1" maxLength:"300"`
	Service  string `json:"service,omitempty" doc:"A service's id; empty where none is known."`
	Severity int    `json:"severity" minimum:"1" maximum:"4" doc:"1 is the worst. If unsure, the worse."`
	As       string `json:"as,omitempty" doc:"Who acts, where authentication is off."`
}

// Doing is the body of the other writes; each uses its own field.
type Doing struct {
	Text     string `json:"text,omitempty" doc:"Of a note."`
	How      string `json:"how,omitempty" doc:"What ended the harm."`
	Reason   string `json:"reason,omitempty" doc:"Why it is opened again."`
	Severity int    `json:"severity,omitempty" minimum:"0" maximum:"4"`
	Role     string `json:"role,omitempty" enum:"commander,scribe,liaison"`
	Person   string `json:"person,omitempty" doc:"Who has the role now; empty for nobody."`
	As       string `json:"as,omitempty" doc:"Who acts, where authentication is off."`
}

type listInput struct {
	Open     bool   `query:"open" doc:"Only those that are not resolved."`
	Service  string `query:"service"`
	Severity int    `query:"severity" minimum:"0" maximum:"4"`
	After    string `query:"after" doc:"The cursor of the page before."`
	Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"100"`
}

type oneInput struct {
	ID     string `path:"id" doc:"Its id or number."`
	Source string `query:"source" doc:"Origins to keep, separated by commas."`
	Lang   string `query:"lang" enum:"en,ja" default:"en" doc:"Of each entry's text."`
}

type doInput struct {
	ID   string `path:"id" doc:"Its id or number."`
	As   string `query:"as"`
	Body *Doing
}

type declareInput struct {
	As   string `query:"as"`
	Body Declaring
}

// actor is who acts, as the body or the query says where nobody is signed in.
func actor(ctx context.Context, body, query string) string {
	if body == "" {
		body = query
	}
	return auth.Actor(ctx, body)
}

// API registers the room's operations.
func API(a *httpd.API, d Deps) {
	const tag = "incident"
	httpd.Get(a, "/api/v1/incidents", httpd.Op{ID: "list-incidents", Tag: tag, Summary: "Incidents, newest first"}, d.apiList)
	httpd.Post(a, "/api/v1/incidents", httpd.Op{ID: "declare-incident", Tag: tag, Summary: "Declare an incident"}, func(ctx context.Context, in *declareInput) (incident.Incident, error) {
		b := in.Body
		return d.Desk.Declare(ctx, incident.Declaration{Title: b.Title, Service: b.Service, Severity: b.Severity, By: actor(ctx, b.As, in.As)})
	})
	httpd.Get(a, "/api/v1/incidents/{id}", httpd.Op{ID: "get-incident", Tag: tag, Summary: "An incident with its timeline"}, d.apiRoom)
	write := func(path, id, summary string, fn func(context.Context, *doInput, string) (incident.Incident, error)) {
		httpd.Post(a, "/api/v1/incidents/{id}/"+path, httpd.Op{ID: id, Tag: tag, Summary: summary}, func(ctx context.Context, in *doInput) (incident.Incident, error) {
			if in.Body == nil {
				in.Body = &Doing{}
			}
			return fn(ctx, in, actor(ctx, in.Body.As, in.As))
		})
	}
	write("notes", "note-incident", "Add a note to the timeline", func(ctx context.Context, in *doInput, by string) (incident.Incident, error) {
		return d.Desk.Note(ctx, in.ID, in.Body.Text, by)
	})
	write("mitigate", "mitigate-incident", "Say that users are no longer hurt", func(ctx context.Context, in *doInput, by string) (incident.Incident, error) {
		return d.Desk.Mitigate(ctx, in.ID, in.Body.How, by)
	})
	write("resolve", "resolve-incident", "End the work", func(ctx context.Context, in *doInput, by string) (incident.Incident, error) {
		return d.Desk.Resolve(ctx, in.ID, by)
	})
	write("reopen", "reopen-incident", "Take a mitigation or resolution back", func(ctx context.Context, in *doInput, by string) (incident.Incident, error) {
		return d.Desk.Reopen(ctx, in.ID, in.Body.Reason, by)
	})
	write("severity", "set-incident-severity", "Say how bad it is", func(ctx context.Context, in *doInput, by string) (incident.Incident, error) {
		return d.Desk.SetSeverity(ctx, in.ID, in.Body.Severity, by)
	})
	write("roles", "set-incident-role", "Give a role to a person, or to nobody", func(ctx context.Context, in *doInput, by string) (incident.Incident, error) {
		return d.Desk.SetRole(ctx, in.ID, incident.Role(in.Body.Role), in.Body.Person, by)
	})
}

func (d Deps) apiList(ctx context.Context, in *listInput) (IncidentPage, error) {
	before, _ := strconv.Atoi(in.After) // what is no number is the first page
	list, next, err := d.list(ctx, incident.Query{Open: in.Open, Service: in.Service, Severity: in.Severity, Before: before, Limit: in.Limit})
	return IncidentPage{Incidents: append([]incident.Incident{}, list...), Next: next}, err
}

// list returns one page and the cursor of the next.
func (d Deps) list(ctx context.Context, q incident.Query) ([]incident.Incident, string, error) {
	limit := q.Limit
	q.Limit++
	list, err := d.Desk.Incidents(ctx, q)
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	list = list[:limit]
	return list, strconv.Itoa(list[limit-1].Number), nil
}

func (d Deps) apiRoom(ctx context.Context, in *oneInput) (Room, error) {
	i, err := d.Desk.Incident(ctx, in.ID)
	if err != nil {
		return Room{}, err
	}
	records, err := d.Desk.Timeline(ctx, i)
	if err != nil {
		return Room{}, err
	}
	out := Room{Incident: i, Measures: append([]incident.Measure{}, incident.Measures(i, records)...), Timeline: []Entry{}}
	keep := origins(in.Source)
	for _, r := range records {
		e := Entry{Record: r, Origin: origin(r), Text: incident.Line(r, in.Lang, d.name(ctx))}
		if e.Text != "" && keep(e.Origin) {
			out.Timeline = append(out.Timeline, e)
		}
	}
	return out, nil
}
