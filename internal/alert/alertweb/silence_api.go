package alertweb

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// SilenceList is the silences: active ones first, the next to end before the others.
type SilenceList struct {
	Silences []SilenceRow `json:"silences"`
}

// SilenceDetail is one silence and what it hides.
type SilenceDetail struct {
	SilenceRow
	Preview SilencePreview `json:"preview"`
}

// SilenceFields are what a silence is made of.
type SilenceFields struct {
	ID       string    `json:"id,omitempty" maxLength:"64" doc:"Changes that silence: in place where what it has hidden stays true, else it ends and another begins."`
	Matchers []string  `json:"matchers" minItems:"1" maxItems:"256" doc:"As Alertmanager writes them: service=\"shop\", region=~\"eu-.*\". All must hold."`
	StartsAt time.Time `json:"starts_at,omitzero" doc:"Nothing means now."`
	EndsAt   time.Time `json:"ends_at,omitzero" doc:"Give either this or seconds."`
	Seconds  int       `json:"seconds,omitempty" minimum:"1" maximum:"31536000" doc:"How long from its start."`
	Comment  string    `json:"comment,omitempty" maxLength:"2000" doc:"Why."`
	As       string    `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
}

type (
	silenceIn struct {
		ID string `path:"id" maxLength:"64"`
	}
	silencePreviewIn struct{ Body SilenceFields }
	silenceSetIn     struct {
		Body struct {
			SilenceFields
			Confirm bool `json:"confirm,omitempty" doc:"Set it in spite of the preview's warnings; without it they are answered with 409."`
		}
	}
	silenceActIn struct {
		ID   string `path:"id" maxLength:"64"`
		Body *struct {
			As      string `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
			Confirm bool   `json:"confirm,omitempty"`
		}
	}
)

// SilenceAPI registers the operations on silences.
func SilenceAPI(a *httpd.API, d Deps) {
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "alert", Summary: summary} }
	httpd.Get(a, "/api/v1/silences", op("list-silences", "List the silences and what each hides now"), func(ctx context.Context, in *struct {
		State string `query:"state" enum:"active,pending,expired"`
	},
	) (SilenceList, error) {
		all, err := d.silences(ctx)
		out := SilenceList{Silences: []SilenceRow{}}
		for _, s := range all {
			if in.State == "" || in.State == string(s.State) {
				out.Silences = append(out.Silences, s)
			}
		}
		return out, err
	})
	httpd.Get(a, "/api/v1/silences/{id}", op("get-silence", "A silence, and what it hides"), func(ctx context.Context, in *silenceIn) (SilenceDetail, error) {
		return d.silenceDetail(ctx, in.ID, auth.Actor(ctx, ""))
	})
	httpd.Post(a, "/api/v1/silences/preview", op("preview-silence", "Say what a silence would hide, and set none"), func(ctx context.Context, in *silencePreviewIn) (SilencePreview, error) {
		s, err := d.silenceOf(in.Body, auth.Actor(ctx, in.Body.As))
		if err != nil {
			return SilencePreview{}, err
		}
		return d.preview(ctx, s, s.CreatedBy)
	})
	set := op("set-silence", "Set a silence, or change one. 409 where its warnings want a confirmation")
	set.Status = http.StatusCreated
	httpd.Post(a, "/api/v1/silences", set, func(ctx context.Context, in *silenceSetIn) (SilenceDetail, error) {
		s, err := d.silenceOf(in.Body.SilenceFields, auth.Actor(ctx, in.Body.As))
		if err != nil {
			return SilenceDetail{}, err
		}
		id, _, err := d.setSilence(ctx, s, in.Body.Confirm)
		if err != nil {
			return SilenceDetail{}, err
		}
		return d.silenceDetail(ctx, id, s.CreatedBy)
	})
	httpd.Post(a, "/api/v1/silences/{id}/extend", op("extend-silence", "Let a silence last an hour longer"), func(ctx context.Context, in *silenceActIn) (SilenceDetail, error) {
		by := auth.Actor(ctx, in.as())
		id, _, err := d.extend(ctx, in.ID, by, in.Body != nil && in.Body.Confirm)
		if err != nil {
			return SilenceDetail{}, err
		}
		return d.silenceDetail(ctx, id, by)
	})
	httpd.Post(a, "/api/v1/silences/{id}/expire", op("expire-silence", "End a silence now"), func(ctx context.Context, in *silenceActIn) (SilenceDetail, error) {
		by := auth.Actor(ctx, in.as())
		if err := d.Routes.Live.Expire(ctx, in.ID, by); err != nil {
			return SilenceDetail{}, err
		}
		return d.silenceDetail(ctx, in.ID, by)
	})
}

func (in *silenceActIn) as() string {
	if in.Body == nil {
		return ""
	}
	return in.Body.As
}

func (d Deps) silenceOf(f SilenceFields, by string) (dispatch.Silence, error) {
	s := dispatch.Silence{ID: f.ID, StartsAt: f.StartsAt.UTC(), EndsAt: f.EndsAt.UTC(), CreatedBy: by, Comment: f.Comment}
	if f.StartsAt.IsZero() {
		s.StartsAt = d.Now()
		if old, ok := d.Routes.State.Silence(f.ID); ok && old.State(s.StartsAt) == dispatch.SilenceActive {
			s.StartsAt = old.StartsAt
		}
	}
	if f.Seconds > 0 {
		s.EndsAt = s.StartsAt.Add(time.Duration(f.Seconds) * time.Second)
	} else if f.EndsAt.IsZero() {
		return s, errs.New(errs.Invalid, "say how long: ends_at or seconds")
	}
	ms, err := am.ParseMatchers(strings.Join(f.Matchers, "\n"))
	s.Matchers = am.OfMatchers(ms)
	return s, err
}

func (d Deps) silenceDetail(ctx context.Context, id, who string) (SilenceDetail, error) {
	s, ok := d.Routes.State.Silence(id)
	if !ok {
		return SilenceDetail{}, errs.New(errs.NotFound, "silence %q does not exist", id)
	}
	all, err := d.silences(ctx)
	if err != nil {
		return SilenceDetail{}, err
	}
	out := SilenceDetail{SilenceRow: silenceRow(s, d.Now())}
	for _, row := range all {
		if row.ID == id {
			out.SilenceRow = row
		}
	}
	out.Preview, err = d.preview(ctx, s, who)
	return out, err
}

// extend lets a silence last an hour longer; one that is over is not extended:
// Conflict.
func (d Deps) extend(ctx context.Context, id, by string, confirmed bool) (string, SilencePreview, error) {
	s, ok := d.Routes.State.Silence(id)
	switch {
	case !ok:
		return "", SilencePreview{}, errs.New(errs.NotFound, "silence %q does not exist", id)
	case s.State(d.Now()) == dispatch.SilenceExpired:
		return "", SilencePreview{}, errs.New(errs.Conflict, "silence %s is over: renew it", id)
	}
	s.EndsAt, s.CreatedBy = s.EndsAt.Add(time.Hour), by
	return d.setSilence(ctx, s, confirmed)
}
