package oncallweb

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

type fairnessIn struct {
	Rota string `query:"rota" required:"true" maxLength:"200"`
	Back string `query:"back" maxLength:"10" doc:"How far back, and ahead: 13w, 90d. Nothing means 13w; at most 52w."`
}

func (d Deps) fairnessAPI(a *httpd.API) {
	httpd.Get(a, "/api/v1/oncall/fairness", httpd.Op{ID: "get-fairness", Tag: "oncall", Summary: "How a rota shares out its load, and what would be fairer"}, d.apiFairness)
}

func (d Deps) apiFairness(ctx context.Context, in *fairnessIn) (oncall.Fairness, error) {
	back, ok := parseBack(in.Back)
	if !ok {
		return oncall.Fairness{}, errs.New(errs.Invalid, "back: write 13w or 90d, at most 52w")
	}
	now := d.Now().UTC()
	f, err := d.Pager.Fairness(ctx, in.Rota, now.Add(-back), now, now.Add(back))
	f.Past, f.Next, f.Both, f.Moves = listed(f.Past), listed(f.Next), listed(f.Both), listed(f.Moves)
	return f, err
}

const quarter = 13 * 7 * 24 * time.Hour
