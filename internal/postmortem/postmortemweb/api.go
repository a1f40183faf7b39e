package postmortemweb

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/postmortem"
)

// ReportPage is one page of reports, the newest incident first.
type ReportPage struct {
	Reports []postmortem.Report `json:"reports"`
	Next    string              `json:"next,omitempty" doc:"The value of after for the next page."`
}

// Proven is a report with the records that its sentences cite.
type Proven struct {
	Report  postmortem.Report `json:"report"`
	Records []event.Record    `json:"records"`
}

type listInput struct {
	After string `query:"after" doc:"The cursor of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"100"`
}

type oneInput struct {
	ID string `path:"id" doc:"Of a report or its incident, or the incident's number."`
}

type sectionInput struct {
	ID   string         `path:"id"`
	Key  postmortem.Key `path:"key" enum:"summary,impact,times,contributing,timeline,questions,lessons"`
	As   string         `query:"as"`
	Body struct {
		Text string `json:"text" doc:"A sentence a line; [#12] cites record 12; (question) or (inference) in front says what it is."`
		As   string `json:"as,omitempty" doc:"Who acts, where authentication is off."`
	}
}

type publishInput struct {
	ID   string `path:"id"`
	As   string `query:"as"`
	Body *Approval
}

// Approval names an approver.
type Approval struct {
	As string `json:"as,omitempty" doc:"The approver, where authentication is off; otherwise it is whoever calls."`
}

// API registers the room's operations.
func API(a *httpd.API, d Deps) {
	const tag = "postmortem"
	httpd.Get(a, "/api/v1/postmortems", httpd.Op{ID: "list-postmortems", Tag: tag, Summary: "Postmortems, the newest incident first"}, d.apiList)
	httpd.Get(a, "/api/v1/postmortems/{id}", httpd.Op{ID: "get-postmortem", Tag: tag, Summary: "A postmortem and the records it cites"}, func(ctx context.Context, in *oneInput) (Proven, error) {
		r, records, err := d.Writer.Report(ctx, in.ID)
		return proven(r, records), err
	})
	httpd.Put(a, "/api/v1/postmortems/{id}/sections/{key}", httpd.Op{ID: "edit-postmortem", Tag: tag, Summary: "Replace a section of a draft"}, func(ctx context.Context, in *sectionInput) (postmortem.Report, error) {
		return d.Writer.Edit(ctx, in.ID, in.Key, in.Body.Text, auth.Actor(ctx, cmp.Or(in.Body.As, in.As)))
	})
	httpd.Post(a, "/api/v1/postmortems/{id}/publish", httpd.Op{ID: "publish-postmortem", Tag: tag, Summary: "Make a postmortem final; the caller answers for it"}, func(ctx context.Context, in *publishInput) (postmortem.Report, error) {
		if in.Body != nil {
			in.As = cmp.Or(in.Body.As, in.As)
		}
		return d.Writer.Publish(ctx, in.ID, auth.Actor(ctx, in.As))
	})
	httpd.Post(a, "/api/v1/incidents/{id}/postmortem", httpd.Op{ID: "draft-postmortem", Tag: tag, Summary: "Draft the postmortem of an incident now; one that people have changed stays as it is"}, func(ctx context.Context, in *oneInput) (postmortem.Report, error) {
		return d.Writer.Draft(ctx, in.ID)
	})
}

func (d Deps) apiList(ctx context.Context, in *listInput) (ReportPage, error) {
	before, _ := strconv.Atoi(in.After) // what is no number is the first page
	list, next, err := d.list(ctx, before, in.Limit)
	return ReportPage{Reports: append([]postmortem.Report{}, list...), Next: next}, err
}

// list returns one page and the cursor of the next.
func (d Deps) list(ctx context.Context, before, limit int) ([]postmortem.Report, string, error) {
	list, err := d.Writer.Reports(ctx, postmortem.Query{Before: before, Limit: limit + 1})
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	list = list[:limit]
	return list, strconv.Itoa(list[limit-1].Number), nil
}

func proven(r postmortem.Report, records map[int64]event.Record) Proven {
	out := Proven{Report: r, Records: []event.Record{}}
	for _, seq := range slices.Sorted(maps.Keys(records)) {
		out.Records = append(out.Records, records[seq])
	}
	return out
}
