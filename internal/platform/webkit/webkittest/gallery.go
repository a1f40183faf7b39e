// Package webkittest serves a gallery of webkit's components for tests: as
// golden HTML, and to a browser that takes pictures of it.
package webkittest

import (
	"context"
	"io"
	"log/slog"
	"math"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// Instant is the moment at which the gallery stands still.
func Instant() time.Time { return time.Date(2026, 11, 20, 2, 16, 40, 0, time.UTC) }

// Gallery is a small product with made-up rooms. Counter is shown on /live.
type Gallery struct {
	Kit     *webkit.Kit
	Hub     *webkit.Hub
	Counter atomic.Int64
	Handler http.Handler
}

// New returns a gallery. Close its Hub at the end.
func New() (*Gallery, error) {
	g := &Gallery{Hub: webkit.NewHub(webkit.HubOptions{})}
	kit, err := webkit.New(webkit.Options{
		Log: slog.New(slog.DiscardHandler),
		Nav: Nav(), Text: []webkit.Catalogue{navText()}, Now: Instant, Hub: g.Hub, Palette: true,
		Zone: time.FixedZone("Asia/Tokyo", 9*3600),
		Person: func(*http.Request) webkit.Person {
			return webkit.Person{ID: "aoi", Name: "Aoi Tanaka", Email: "aoi@example.org"}
		},
		OnCall: func(ctx context.Context) string {
			return say(ctx, "On call: Aoi until 09:00", "オンコール: Aoi(9:00まで)")
		},
	})
	if err != nil {
		return nil, err
	}
	g.Kit = kit
	g.Handler = g.mux()
	return g, nil
}

// Nav is the rail of the product.
func Nav() []webkit.NavItem {
	return []webkit.NavItem{
		{Key: "now", Href: "/", TextKey: "nav.now", Icon: "now", Hotkey: "n", Order: 1},
		{Key: "services", Href: "/services", TextKey: "nav.services", Icon: "services", Hotkey: "s", Order: 2},
		{Key: "slos", Href: "/slos", TextKey: "nav.slos", Icon: "slos", Hotkey: "o", Order: 3},
		{Key: "alerts", Href: "/alerts", TextKey: "nav.alerts", Icon: "alerts", Hotkey: "a", Order: 4},
		{Key: "oncall", Href: "/oncall", TextKey: "nav.oncall", Icon: "oncall", Hotkey: "c", Order: 5},
		{Key: "incidents", Href: "/incidents", TextKey: "nav.incidents", Icon: "incidents", Hotkey: "i", Order: 6},
		{Key: "postmortems", Href: "/postmortems", TextKey: "nav.postmortems", Icon: "postmortems", Hotkey: "p", Order: 7},
		{Key: "log", Href: "/log", TextKey: "nav.log", Icon: "log", Hotkey: "l", Order: 8},
	}
}

func navText() webkit.Catalogue {
	return webkit.Catalogue(`{
		"nav.now": {"en": "Now", "ja": "いま"}, "nav.services": {"en": "Services", "ja": "サービス"},
		"nav.slos": {"en": "SLOs", "ja": "SLO"}, "nav.alerts": {"en": "Alerts", "ja": "アラート"},
		"nav.oncall": {"en": "On-call", "ja": "オンコール"}, "nav.incidents": {"en": "Incidents", "ja": "インシデント"},
		"nav.postmortems": {"en": "Postmortems", "ja": "ポストモーテム"}, "nav.log": {"en": "Log", "ja": "ログ"}}`)
}

// say picks by language: a gallery needs no catalogue of its own.
func say(ctx context.Context, en, ja string) string {
	if webkit.Lang(ctx) == webkit.Japanese {
		return ja
	}
	return en
}

func (g *Gallery) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range g.Kit.Routes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	page := func(pattern string, fn func(*http.Request) webkit.Page) {
		mux.Handle("GET "+pattern, g.Kit.Page(func(r *http.Request) (webkit.Page, error) { return fn(r), nil }))
	}
	day := &webkit.Range{From: "now-24h", To: "now"}
	page("/{$}", func(r *http.Request) webkit.Page {
		return webkit.Page{Title: say(r.Context(), "Now", "いま"), Active: "now", Range: day, Live: []string{"alert"}, Body: nowPage()}
	})
	page("/slos", func(*http.Request) webkit.Page {
		return webkit.Page{Title: "SLO", Active: "slos", Body: slosPage()}
	})
	page("/slos/checkout", func(*http.Request) webkit.Page {
		return webkit.Page{
			Title: "checkout availability", Active: "slos", Range: &webkit.Range{From: "now-30d", To: "now"},
			Crumbs: []webkit.Crumb{{Text: "checkout", Href: "/services/checkout"}, {Text: "availability"}}, Body: sloPage(),
		}
	})
	page("/oncall", func(r *http.Request) webkit.Page {
		return webkit.Page{Title: say(r.Context(), "On-call", "オンコール"), Active: "oncall", Wide: true, Body: oncallPage()}
	})
	page("/incidents", func(r *http.Request) webkit.Page {
		return webkit.Page{Title: say(r.Context(), "Incidents", "インシデント"), Active: "incidents", Body: partsPage()}
	})
	page("/alerts", func(*http.Request) webkit.Page {
		return webkit.Page{Title: "Live", Active: "alerts", Live: []string{"counter"}, Body: livePage(g.Counter.Load())}
	})
	page("/panel", func(*http.Request) webkit.Page { return webkit.Page{Title: "Panel", Body: panelBody()} })
	mux.Handle("POST /ack", g.Kit.Post(func(r *http.Request) (webkit.Done, error) {
		g.Counter.Add(1)
		return webkit.Done{To: "/alerts", Flash: "Acknowledged by " + r.PostFormValue("who")}, nil
	}))
	mux.HandleFunc("GET /api/palette", palette)
	return mux
}

func palette(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `[{"group":"Services","title":"checkout","sub":"tier 1 · payments","href":"/services/checkout"},
		{"group":"Services","title":"checkout-worker","sub":"tier 2 · payments","href":"/services/checkout-worker"},
		{"group":"SLOs","title":"checkout availability","sub":"99.95 % · 38.2 % left","href":"/slos/checkout"},
		{"group":"People","title":"Aoi Tanaka","sub":"on call until 09:00","href":"/people/aoi"},
		{"group":"Commands","title":"Declare an incident","sub":"","href":"/incidents/new"}]`) // a test's own answer
}

func ago(d time.Duration) time.Time { return Instant().Add(-d) }

func bell(x float64) float64 { return math.Exp(-x * x) }

// wave is a made-up measurement with a gap and a hump.
func wave(n int, base, size, hump float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		x := float64(i) / float64(n)
		out[i] = base + size*math.Sin(x*19)*math.Cos(x*7) + hump*bell((x-0.86)*16)
		if x > 0.4 && x < 0.46 {
			out[i] = math.NaN()
		}
	}
	return out
}

func burndown(ctx context.Context) webkit.Chart {
	from, now := ago(22*24*time.Hour), Instant()
	to := from.Add(30 * 24 * time.Hour)
	var pts []webkit.Point
	left := 1.0
	for t := from; t.Before(now); t = t.Add(3 * time.Hour) {
		h := t.Sub(from).Hours()
		left -= 0.0020 + 0.0006*math.Sin(h/5)
		if h > 190 && h < 199 {
			left -= 0.068
		}
		if h > 522 {
			left -= 0.058
		}
		v := left
		if h > 300 && h < 318 {
			v = math.NaN()
		}
		pts = append(pts, webkit.Point{At: t, Value: v})
	}
	pts = append(pts, webkit.Point{At: now, Value: left})
	return webkit.Chart{
		Title: say(ctx, "Budget over the period", "期間中のエラーバジェット"), From: from, To: to, Height: 220,
		Series: []webkit.Series{{
			Text: say(ctx, "left", "残り"), Points: pts, Area: true,
			Projected: []webkit.Point{{At: now.Add(49 * time.Hour), Value: 0}},
		}},
		Max: 1, Format: webkit.Percent,
		Thresholds: []webkit.Threshold{{Value: 0.25, Text: say(ctx, "freeze below 25 %", "25%未満でリリース凍結"), State: webkit.Warning}},
		Moments: []webkit.Moment{
			{At: from.Add(190 * time.Hour), Until: from.Add(199 * time.Hour), State: webkit.Firing, Text: "INC-41", Href: "/incidents/41"},
			{At: from.Add(318 * time.Hour), State: webkit.Muted, Text: say(ctx, "deploy 2026.11.14", "デプロイ 2026.11.14"), Href: "/log#d1"},
			{At: from.Add(520 * time.Hour), State: webkit.Muted, Text: say(ctx, "deploy 2026.11.19", "デプロイ 2026.11.19"), Href: "/log#d2"},
			{At: from.Add(524 * time.Hour), State: webkit.Firing, Text: "INC-42", Href: "/incidents/42"},
		},
	}
}

func burns(ctx context.Context) webkit.Chart {
	from := ago(6 * time.Hour)
	var hour, six []webkit.Point
	for i := range 121 {
		t := from.Add(time.Duration(i) * 3 * time.Minute)
		x := float64(i) / 120
		hour = append(hour, webkit.Point{At: t, Value: 0.6 + 0.3*math.Sin(x*21) + 14*bell((x-1)*5)})
		six = append(six, webkit.Point{At: t, Value: 0.5 + 0.1*math.Sin(x*9) + 3.4*bell((x-1)*3.2)})
	}
	return webkit.Chart{
		Title: say(ctx, "Burn rate by window", "ウィンドウ別バーンレート"), From: from, To: Instant(), Log: true, Min: 0.1, Max: 100, Height: 220,
		Series: []webkit.Series{{Text: "1 h", Points: hour}, {Text: "6 h", Points: six}},
		Thresholds: []webkit.Threshold{
			{Value: 14.4, Text: say(ctx, "page 14.4×", "呼び出し 14.4×"), State: webkit.Firing},
			{Value: 6, Text: say(ctx, "page 6×", "呼び出し 6×"), State: webkit.Warning},
		},
	}
}

func week(ctx context.Context) webkit.Week {
	start := time.Date(2026, 11, 16, 0, 0, 0, 0, webkit.Zone(ctx))
	at := func(day, hour int) time.Time { return start.AddDate(0, 0, day).Add(time.Duration(hour) * time.Hour) }
	return webkit.Week{Label: say(ctx, "Week of 16 November", "11月16日の週"), Start: start, Rows: []webkit.WeekRow{
		{Text: "payments", Href: "/oncall/payments", Shifts: []webkit.Shift{
			{From: at(0, 0), To: at(1, 9), Who: "Ren"},
			{From: at(1, 9), To: at(3, 9), Who: "Mio", Tone: 1},
			{From: at(3, 9), To: at(5, 9), Who: "Aoi", Mine: true},
			{From: at(5, 9), To: at(5, 21), Gap: true},
			{From: at(5, 21), To: at(7, 0), Who: "Ren", Override: true, Href: "/oncall/payments/overrides/3"},
		}},
		{Text: say(ctx, "payments shadow", "payments シャドー"), Shifts: []webkit.Shift{
			{From: at(1, 9), To: at(3, 9), Who: "Haruto", Tone: 2}, {From: at(3, 9), To: at(5, 9), Who: "Yui", Tone: 3},
		}},
		{Text: "platform", Href: "/oncall/platform", Shifts: []webkit.Shift{
			{From: at(0, 0), To: at(4, 10), Who: "Sota"}, {From: at(4, 10), To: at(7, 0), Who: "Emma Lindqvist", Tone: 1},
		}},
	}}
}
