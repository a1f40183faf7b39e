package sloweb

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/budget"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/period"
)

// meters says of every objective that it is counted so.
type meters struct {
	about  meter.About
	silent time.Duration
}

func (m meters) About(string) (meter.About, bool) { return m.about, true }

func (m meters) Silent(slo.Objective, time.Time, time.Time) (time.Duration, error) {
	return m.silent, nil
}

// varied are objectives of the kinds that are shown in a way of their own.
func varied(t testing.TB) *fakes {
	eu, us := objective(t, "api-eu", "api", "99.9"), objective(t, "api-us", "api", "99.9")
	eu.Parent, eu.Group, eu.Name = "api", `region="eu"`, `API region="eu"`
	us.Parent, us.Group, us.Name = "api", `region="us"`, `API region="us"`

	minutes := objective(t, "minutes", "shop", "99")
	minutes.Method, minutes.NoData, minutes.Slice = slo.RatioTimeslices, slo.NoDataBad, slo.Slice{Length: time.Minute}
	sliced := stand(minutes, 0.001, 0.002)
	for w, c := range sliced.Status.Counts {
		c.Good, c.Total, c.Unit = c.Good*meter.Scale/100, c.Total*meter.Scale/100, meter.Scale
		sliced.Status.Counts[w] = c
	}
	sliced.Status = slo.Judge(minutes, sliced.Status.Counts, t0)

	month := objective(t, "month", "shop", "99.9")
	month.Calendar = &period.Calendar{Start: time.Date(2025, 12, 31, 15, 0, 0, 0, time.UTC), Every: 1, Unit: "M", Zone: "Asia/Tokyo"}

	few := objective(t, "few", "shop", "99")
	few.Pairs = []slo.Pair{
		{Severity: alert.Page, Rate: 2, Long: time.Hour, Short: 5 * time.Minute, Gate: budget.Gate{Confidence: 0.99}},
		{Severity: alert.Page, Rate: 3, Long: time.Hour, Short: 5 * time.Minute, For: 10 * time.Minute},
	}
	few.Budgets = []slo.BudgetAlert{{Severity: alert.Ticket, Watch: slo.WatchRemaining, Share: 0.5}}
	few.Absent = slo.Absent{After: time.Hour, Severity: alert.Ticket}
	held := stand(few, 0, 0.009)
	for _, w := range []time.Duration{5 * time.Minute, time.Hour} {
		held.Status.Counts[w] = slo.Count{Good: 48, Total: 50, Known: true, At: t0}
	}
	held.Status = slo.Judge(few, held.Status.Counts, t0)
	held.Status.Pairs[1].Burning, held.Status.Pairs[1].Pending, held.Status.Health = false, true, slo.Healthy

	part, whole := objective(t, "part", "shop", "99.9"), objective(t, "whole", "shop", "99.9")
	part.PartOf = "whole"
	whole.SLI, whole.Composite = slo.SLI{}, &slo.Composite{Method: "weighted", Parts: []slo.Component{{Objective: "part", Weight: 1}, {Objective: "month", Weight: 2}}}
	return &fakes{all: []slo.Standing{stand(eu, 0.02, 0.0004), stand(us, 0, 0), held, sliced, stand(month, 0.0001, 0.0005), stand(part, 0, 0.002), stand(whole, 0, 0.0005)}}
}

func says(t *testing.T, page, what string, texts ...string) {
	t.Helper()
	page = strings.ReplaceAll(page, "\u00a0", " ")
	for _, s := range texts {
		if !strings.Contains(page, s) {
			t.Errorf("%s does not say %q", what, s)
		}
	}
}

func TestListShowsInstancesAndNoParts(t *testing.T) {
	h, _ := serve(t, varied(t))
	page := get(t, h, "/slos", "en", http.StatusOK)
	says(t, page, "the list", `href="/slos/api"`, `region=&#34;eu&#34;`, "month", "1 of 6 SLOs is in danger")
	if strings.Contains(page, `"/slos/part"`) {
		t.Error("a part of a composite is in the list")
	}
	for _, lang := range []string{"en", "ja"} {
		own := get(t, h, "/slos/api", lang, http.StatusOK)
		if strings.Count(own, "data-row") != 2 {
			t.Errorf("the page of a grouped objective shows %d rows, want its 2 instances", strings.Count(own, "data-row"))
		}
	}
	get(t, h, "/slos/part", "en", http.StatusNotFound)
	says(t, get(t, h, "/slos/whole", "en", http.StatusOK), "a composite", "Made of", "Part", `href="/slos/month"`)
	var out Page
	decode(t, get(t, h, "/api/v1/slos?parent=api", "en", http.StatusOK), &out)
	if len(out.SLOs) != 2 || out.SLOs[0].Group != `region="eu"` {
		t.Errorf("instances: %+v", out.SLOs)
	}
}

func TestUnitsAreDividedOut(t *testing.T) {
	h, _ := serve(t, varied(t))
	// 30 days have 43,200 minutes; 0.2 % of them were bad.
	says(t, get(t, h, "/slos/minutes", "en", http.StatusOK), "an objective of slices", "86.4 of 43,200 slices were bad", "432 of 43,200 slices", "345 slices")
	var one Detail
	decode(t, get(t, h, "/api/v1/slos/minutes", "en", http.StatusOK), &one)
	if one.Period.Unit != meter.Scale || one.Period.Total != 43200*meter.Scale {
		t.Errorf("API: %+v", one.Period)
	}
}

func TestCalendarSaysHowItGoes(t *testing.T) {
	h, _ := serve(t, varied(t))
	// t0 is 19.46 days into a November of 30 days in Tokyo; half is spent.
	says(t, get(t, h, "/slos/month", "en", http.StatusOK), "a calendar", "50 % of the budget is spent at 64.9 % of the time: 0.8× the pace", "99.9 % each month, in Asia/Tokyo", "Budget of this month")
	says(t, get(t, h, "/slos/month", "ja", http.StatusOK), "a calendar", "経過64.9%の時点でバジェットの50%を消費", "1か月ごと(Asia/Tokyo)に99.9%")
}

func TestWhatHoldsAPairBack(t *testing.T) {
	h, _ := serve(t, varied(t))
	says(t, get(t, h, "/slos/few", "en", http.StatusOK), "a pair at its rate", "2 of 50 failed; p=0.3, not paged", "at its rate, for less than 10 m", "50 % of the budget or less is left", "no data for 1 h")
	says(t, get(t, h, "/slos/few", "ja", http.StatusOK), "a pair at its rate", "50件中2件が失敗、p=0.3 のため呼び出しません")
}

func TestHowItIsCounted(t *testing.T) {
	f := varied(t)
	_, kit := serve(t, f)
	w := open(Deps{Kit: kit, Now: func() time.Time { return t0 }, SLOs: f, History: f, Events: f, Counting: meters{meter.About{Asked: "a topk", Capped: 3, Last: t0, Live: true}, 2 * time.Hour}})
	for lang, want := range map[string][]string{
		"en": {"one query a minute", "a topk", "3 groups", "2 h, 0.3 % of the period; counts as bad"},
		"ja": {"毎分1回の問い合わせ", "3グループ", "2時間(期間の0.3%)。「不良」とみなす"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Accept-Language", lang)
		ctx := kit.Context(r)
		var got []string
		for _, p := range w.viewCounting(ctx, f.all[3].Objective, t0) {
			got = append(got, p.Value)
		}
		says(t, strings.Join(got, "\n"), "how it is counted", want...)
	}
}

func TestWhatIf(t *testing.T) {
	h, _ := serve(t, shop(t))
	// 0.0004 of 4,320,000 were bad: 60 % is left of 99.9, all of 99.95 but 20 %.
	says(t, get(t, h, "/slos/answers/what-if?target=99.95", "en", http.StatusOK), "the what-if", "with 99.95 %", "21 m 36 s", "2,160", "20 %", "14.4× over 1 h and 5 m")
	says(t, get(t, h, "/slos/answers/what-if?nines=2.3", "en", http.StatusOK), "the slider", `value="99.5"`)
	says(t, get(t, h, "/slos/answers/what-if?target=80", "en", http.StatusOK), "a low target", "can never fire")
	for _, bad := range []string{"100", "x", "99,9", "-1"} {
		says(t, get(t, h, "/slos/answers/what-if?target="+bad, "en", http.StatusOK), bad, "is not a target")
	}
	get(t, h, "/slos/nope/what-if?target=99", "en", http.StatusNotFound)
	var out WhatIf
	decode(t, get(t, h, "/api/v1/slos/answers/what-if?target=99.95", "en", http.StatusOK), &out)
	if math.Abs(out.Remaining-0.2) > 1e-9 || out.Seconds < 1295.9 || out.Seconds > 1296.1 || len(out.Days) != 31 || len(out.Pairs) != 4 || !out.Pairs[0].Reachable || len(out.Promise) != 20 {
		t.Errorf("API: %+v", out)
	}
	get(t, h, "/api/v1/slos/answers/what-if?target=100", "en", http.StatusUnprocessableEntity)
}

func TestSlider(t *testing.T) {
	for nines, want := range map[float64]string{0.3: "50", 1: "90", 2: "99", 2.3: "99.5", 3: "99.9", 3.3: "99.95", 4: "99.99", 5: "99.999", 7: "99.99999"} {
		got := slidTo(nines)
		target, err := slo.ParseTarget(got, true)
		if err != nil || (math.Abs(-math.Log10(target.Budget())-nines) > 0.02) {
			t.Errorf("%g nines: got %s, want %s (%v)", nines, got, want, err)
		}
		if got != want {
			t.Errorf("%g nines: got %s, want %s", nines, got, want)
		}
	}
}

// The what-if answers in less than 50 ms: here in a fraction of that.
func BenchmarkWhatIf(b *testing.B) {
	f := shop(b)
	_, kit := serve(b, f)
	w := open(Deps{Kit: kit, Now: func() time.Time { return t0 }, SLOs: f, History: f, Events: f})
	ctx := kit.Context(httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	for b.Loop() {
		v := w.whatIf(ctx, f.all[0], url.Values{"target": {"99.95"}})
		if err := whatIfResult(v).Render(ctx, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
