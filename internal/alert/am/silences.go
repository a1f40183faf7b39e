package am

import (
	"cmp"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// posted is a silence as the API takes it.
type posted struct {
	ID          string             `json:"id"`
	Matchers    []dispatch.Matcher `json:"matchers"`
	StartsAt    *time.Time         `json:"startsAt"`
	EndsAt      *time.Time         `json:"endsAt"`
	CreatedBy   *string            `json:"createdBy"`
	Comment     *string            `json:"comment"`
	Annotations map[string]string  `json:"annotations"`
}

// missing names the first field that a silence must have and p has not.
func (p posted) missing() string {
	switch {
	case p.StartsAt == nil:
		return "startsAt"
	case p.EndsAt == nil:
		return "endsAt"
	case p.CreatedBy == nil:
		return "createdBy"
	case p.Comment == nil:
		return "comment"
	case len(p.Matchers) == 0:
		return "matchers"
	}
	return ""
}

type silenceAnswer struct {
	dispatch.Silence
	Annotations map[string]string `json:"annotations"`
	Status      silenceStatus     `json:"status"`
}

type silenceStatus struct {
	State dispatch.SilenceState `json:"state"`
}

func (a *API) shown(s dispatch.Silence) silenceAnswer {
	yes := true
	ms := make([]dispatch.Matcher, len(s.Matchers))
	for i, m := range s.Matchers {
		if m.IsEqual == nil {
			m.IsEqual = &yes
		}
		ms[i] = m
	}
	s.Matchers = ms
	return silenceAnswer{Silence: s, Annotations: orEmpty(s.Annotations), Status: silenceStatus{s.State(a.Now())}}
}

func (a *API) silences(w http.ResponseWriter, r *http.Request) {
	ms, err := matchers(r, "filter")
	if err != nil {
		a.answer(w, http.StatusBadRequest, err.Error())
		return
	}
	shown := map[dispatch.SilenceState]bool{
		dispatch.SilenceActive: flag(r, "active"), dispatch.SilencePending: flag(r, "pending"), dispatch.SilenceExpired: flag(r, "expired"),
	}
	now := a.Now()
	out := []silenceAnswer{}
	for _, s := range a.State.Silences(now) {
		if shown[s.State(now)] && holds(s, ms) {
			out = append(out, a.shown(s))
		}
	}
	a.answer(w, http.StatusOK, out)
}

// holds reports whether each of ms is one of the silence's own matchers.
func holds(s dispatch.Silence, ms labels.Matchers) bool {
	for _, want := range ms {
		has := false
		for _, m := range s.Matchers {
			has = has || m.Name == want.Name && m.Type() == want.Type && m.Value == want.Value
		}
		if !has {
			return false
		}
	}
	return true
}

var uuid = regexp.MustCompile(`^(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$`)

// id is the silence asked for; Alertmanager answers 422 to what can be none.
func (a *API) id(w http.ResponseWriter, r *http.Request) (string, bool) {
	id := r.PathValue("id")
	if !uuid.MatchString(id) {
		a.answer(w, http.StatusUnprocessableEntity, problem{601, `silenceID in path must be of type uuid: "` + id + `"`})
		return "", false
	}
	return strings.ToLower(id), true
}

func (a *API) silence(w http.ResponseWriter, r *http.Request) {
	id, ok := a.id(w, r)
	if !ok {
		return
	}
	s, ok := a.State.Silence(id)
	if !ok {
		a.answer(w, http.StatusNotFound, nil)
		return
	}
	a.answer(w, http.StatusOK, a.shown(s))
}

func (a *API) deleteSilence(w http.ResponseWriter, r *http.Request) {
	id, ok := a.id(w, r)
	if !ok {
		return
	}
	s, _ := a.State.Silence(id)
	err := a.Live.Expire(r.Context(), id, a.by(r, s.CreatedBy))
	if errs.KindOf(err) == errs.Conflict {
		a.answer(w, http.StatusInternalServerError, err.Error()) // as Alertmanager answers it
		return
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, nil)
}

func (a *API) by(r *http.Request, name string) string {
	if a.Actor == nil {
		return name
	}
	return cmp.Or(a.Actor(r, name), name)
}

func (a *API) postSilence(w http.ResponseWriter, r *http.Request) {
	var in posted
	if !a.read(w, r, &in) {
		return
	}
	if field := in.missing(); field != "" {
		a.answer(w, http.StatusUnprocessableEntity, problem{602, field + " in body is required"})
		return
	}
	id, err := a.Live.SetSilence(r.Context(), dispatch.Silence{
		ID: in.ID, Matchers: in.Matchers, StartsAt: in.StartsAt.UTC(), EndsAt: in.EndsAt.UTC(), CreatedBy: a.by(r, *in.CreatedBy), Comment: *in.Comment, Annotations: in.Annotations,
	}, ValidName)
	if errs.KindOf(err) == errs.NotFound {
		a.answer(w, http.StatusNotFound, err.Error())
		return
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, map[string]string{"silenceID": id})
}
