package sloweb

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/ledger"
	"github.com/hinoban/hinoban/internal/slo/review"
)

// ReviewAPI registers the operations on ledgers, reviews and reports.
func ReviewAPI(a *httpd.API, d Deps) {
	w := open(d)
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "review", Summary: summary} }
	httpd.Get(a, "/api/v1/slos/{id}/ledger", op("get-slo-ledger", "What spent the budget of an objective; every bad event has one cause"), w.ledger)
	httpd.Get(a, "/api/v1/slos/reviews", op("list-slo-reviews", "Which services are to be reviewed, and the newest reviews"), w.reviews)
	httpd.Get(a, "/api/v1/slos/reviews/of/{id}", op("get-slo-agenda", "The agenda of a service's review, filled from data"), func(ctx context.Context, in *idIn) (review.Agenda, error) {
		return w.Governed.Reviews.Agenda(ctx, in.ID)
	})
	httpd.Post(a, "/api/v1/slos/reviews/of/{id}", op("hold-slo-review", "Keep what was decided; the caller signs it"), w.hold)
	httpd.Get(a, "/api/v1/slos/reviews/held/{id}", op("get-slo-review", "A review that was held, with its agenda"), func(ctx context.Context, in *idIn) (review.Record, error) {
		return w.Governed.Reviews.Store.Review(ctx, in.ID)
	})
	httpd.Get(a, "/api/v1/slos/report", op("get-slo-report", "What all objectives did in a period"), func(ctx context.Context, in *reportIn) (review.Report, error) {
		return w.report(ctx, in.Period, in.Zone, in.Service)
	})
}

func (w *door) ledger(ctx context.Context, in *pastIn) (ledger.Ledger, error) {
	s, err := w.find(in.ID)
	if err != nil {
		return ledger.Ledger{}, err
	}
	to, from := in.To, in.From
	if to.IsZero() {
		to = w.Now().UTC()
	}
	if from.IsZero() {
		from = to.Add(-s.Objective.Window)
	}
	if to.Sub(from) < 10*time.Minute || to.Sub(from) > 400*24*time.Hour {
		return ledger.Ledger{}, errs.New(errs.Invalid, "from must be before to, by ten minutes at least and 400 days at most")
	}
	return w.Governed.Ledger.Ledger(ctx, s.Objective, from, to)
}

// SLOReviews is which services are to be reviewed, and what was held.
type SLOReviews struct {
	Services []review.Standing `json:"services"`
	Held     []review.Record   `json:"held" doc:"The newest first, without their agendas."`
}

type reviewsIn struct {
	Service string `query:"service" maxLength:"63"`
	Limit   int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (w *door) reviews(ctx context.Context, in *reviewsIn) (SLOReviews, error) {
	all, err := w.Governed.Reviews.Standings(ctx)
	if err != nil {
		return SLOReviews{}, err
	}
	held, err := w.Governed.Reviews.Store.Reviews(ctx, in.Service, in.Limit)
	return SLOReviews{append([]review.Standing{}, all...), append([]review.Record{}, held...)}, err
}

type holdReviewIn struct {
	ID   string `path:"id"`
	Body struct {
		Decision string `json:"decision" enum:"keep,tighten,loosen,change_sli,invest"`
		Notes    string `json:"notes,omitempty" maxLength:"10000"`
		As       string `json:"as,omitempty" maxLength:"64" doc:"The person who signs, where authentication is off."`
	}
}

func (w *door) hold(ctx context.Context, in *holdReviewIn) (review.Record, error) {
	return w.Governed.Reviews.Hold(ctx, in.ID, in.Body.Decision, in.Body.Notes, auth.Actor(ctx, in.Body.As), "api")
}

type reportIn struct {
	Period  string `query:"period" maxLength:"10" doc:"2026, 2026-Q4, 2026-11 or 2026-W47; this month where it is not given."`
	Zone    string `query:"zone" default:"UTC" maxLength:"64"`
	Service string `query:"service" maxLength:"63"`
}

// spent is what spent the budget of an objective's window, for its page.
func (w *door) spent(ctx context.Context, o slo.Objective) ([]spendView, error) {
	if w.Governed.Ledger == nil {
		return nil, nil
	}
	now := w.Now().UTC()
	// A ledger is of whole slots: the one that is going on belongs to it, or what
	// spends the budget at this moment would be missing.
	from := periodOf(o, now).Start
	step := ledger.Step(now.Sub(from))
	l, err := w.Governed.Ledger.Ledger(ctx, o, from.Add(step-1), now.Add(step-1))
	return viewSpend(ctx, l.Entries, l.Unit), err
}
