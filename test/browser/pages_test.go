package browser

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	neturl "net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/hinoban/hinoban/client"
	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/app/demo"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// shop runs the demo for the length of a test and returns its address. Payment
// fails soon after the start.
func shop(t *testing.T, lang string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	d, err := demo.Open(ctx, slog.New(slog.DiscardHandler), demo.Options{Listen: freeAddr(t), Lang: lang, FaultAfter: 2 * time.Second, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return d.URL()
}

// record waits for the first record called name and returns it.
func record(t *testing.T, url, name string) event.Record {
	t.Helper()
	api := client.New(url, "")
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(100 * time.Second); time.Now().Before(end); <-tick.C {
		var page app.LogPage
		if err := api.Get(t.Context(), "/api/v1/log", &page, "name", name, "limit", "1"); err == nil && len(page.Records) > 0 {
			return page.Records[0]
		}
	}
	t.Fatalf("%s was not seen in the log", name)
	return event.Record{}
}

// Every page, while something is wrong, in each look: nothing wider than the
// window, no error in the console, contrast kept. HINOBAN_SHOTS keeps the
// pictures.
func TestPagesOfTheDemo(t *testing.T) {
	ctx := open(t)
	url := shop(t, "en")
	fired := record(t, url, "alert.fired")
	page := record(t, url, "oncall.page_opened")
	record(t, url, "incident.declared")
	record(t, url, "oncall.delivered")
	paths := map[string]string{
		"now": "/", "services": "/services", "service": "/services/payment", "slos": "/slos", "slo": "/slos/payment-availability",
		"alerts": "/alerts", "alert": "/" + strings.Replace(fired.Subject, "alert", "alerts", 1), "oncall": "/oncall",
		"page": "/" + strings.Replace(page.Subject, "page", "pages", 1), "inbox": "/inbox/ren", "me": "/me", "incidents": "/incidents", "incident": "/incidents/1",
		"declare": "/incidents/new", "log": "/log", "config": "/config", "health": "/health", "demo": "/demo", "owners": "/owners?path=shop/payment/main.go",
		"postmortems": "/postmortems",
		"slo-month":   "/slos/storefront-month", "slo-minutes": "/slos/checkout-minutes?target=99.95", "slo-catalogue": "/slos/checkout-availability", "slos-left": "/slos?sort=left", "slos-none": "/slos?q=nothing",
		"rates": "/burn-rates", "rates-seed": "/burn-rates?entry=elastic/elastic-7d", "rates-try": "/burn-rates/try?slo=payment-availability&days=28", "rates-try-wrong": "/burn-rates/try?slo=none",
		"gate": "/gate", "gate-try": "/gate?service=checkout&class=feature", "reviews": "/slos/reviews", "review": "/slos/reviews/of/payment", "report": "/slos/report", "report-quarter": "/slos/report?period=" + quarter() + "&zone=Asia/Tokyo",
	}
	maps.Copy(paths, map[string]string{
		"alerts-filtered": "/alerts?group=rule&severity=page", "silences": "/silences", "silence-new": "/silences/new?alert=" + strings.TrimPrefix(fired.Subject, "alert/"),
		"routes": "/routes", "routes-path": "/routes?labels=" + neturl.QueryEscape("alertname=FullDisk\nservice=payment\nseverity=info"),
		"sources": "/sources", "source-new": "/sources/new", "source-form": "/sources/new?kind=generic",
		"rules": "/rules", "rule": "/rules/payments-fail", "proposals": "/rules/proposals", "weekly": "/alerts/weekly", "canaries": "/canaries",
		"oncall-change": "/oncall/change?kind=temporary", "oncall-simulate": "/oncall/simulate?service=payment", "deliveries": "/oncall/deliveries", "fairness": "/oncall/fairness", "me-own": "/me?as=aoi", "source-opsgenie": "/sources/new?kind=opsgenie",
	})
	shots(ctx, t, url, paths)

	// Somebody answers; the fault ends; the report is written.
	if err := client.New(url, "").Post(t.Context(), "/api/v1/pages/"+strings.TrimPrefix(page.Subject, "page/")+"/ack", map[string]string{"as": "ren"}, nil); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("HINOBAN_SHOTS") == "" {
		return // the rest takes two minutes and is for the pictures
	}
	record(t, url, "postmortem.drafted")
	shots(ctx, t, url, map[string]string{"postmortem": "/postmortems/1", "postmortems": "/postmortems", "incident-resolved": "/incidents/1"})
}

// quarter is the one that has begun.
func quarter() string {
	now := time.Now().UTC()
	return fmt.Sprintf("%d-Q%d", now.Year(), (int(now.Month())+2)/3)
}

func shots(ctx context.Context, t *testing.T, url string, paths map[string]string) {
	t.Helper()
	for _, l := range []look{{"light-en", 1280, "light", "en"}, {"dark-ja", 1280, "dark", "ja"}, {"phone-light-ja", 360, "light", "ja"}, {"phone-dark-en", 360, "dark", "en"}} {
		l.set(ctx, t)
		for name, path := range paths {
			do(ctx, t, chromedp.Navigate(url+path), chromedp.WaitReady("main"), chromedp.Sleep(400*time.Millisecond))
			shoot(ctx, t, name+"-"+l.Name)
			if over := run(ctx, t, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`)); over > 0 {
				t.Errorf("%s, %s: %d px wider than the window", path, l.Name, over)
			}
			if bad := run(ctx, t, chromedp.Evaluate[string](contrast)); bad != "" {
				t.Errorf("%s, %s: contrast: %s", path, l.Name, bad)
			}
			if title := run(ctx, t, chromedp.Title()); title == "" || strings.HasPrefix(title, "404") || strings.HasPrefix(title, "500") {
				t.Errorf("%s: title %q", path, title)
			}
		}
	}
}

// Reading and acknowledging work without JavaScript.
func TestAcknowledgeWithoutJavaScript(t *testing.T) {
	ctx := open(t)
	url := shop(t, "en")
	page := record(t, url, "oncall.page_opened")
	record(t, url, "oncall.delivered")
	do(ctx, t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	do(ctx, t, chromedp.EmulateViewport(360, 740), chromedp.Navigate(url+"/"+strings.Replace(page.Subject, "page", "pages", 1)),
		chromedp.Click(`form[action$="/ack"] button`))
	if acked := record(t, url, "oncall.acked"); acked.Subject != page.Subject {
		t.Errorf("got %s acked, want %s", acked.Subject, page.Subject)
	}
}

// The what-if follows the field and the slider, keeps the address in step, and the
// two follow each other.
func TestWhatIfRedrawsAtOnce(t *testing.T) {
	ctx := open(t)
	url := shop(t, "en")
	look{Width: 1280, Scheme: "light", Lang: "en"}.set(ctx, t)
	do(ctx, t, chromedp.Navigate(url+"/slos/payment-availability"), chromedp.WaitReady("html.js #f-target"))
	run(ctx, t, chromedp.Evaluate[bool](`(() => {
		const f = document.querySelector("#f-target");
		f.value = "99.95";
		f.dispatchEvent(new Event("input", {bubbles: true}));
		return true;
	})()`))
	run(ctx, t, chromedp.Poll[bool](`document.querySelector("#what-if-result").textContent.includes("with 99.95")`))
	run(ctx, t, chromedp.Poll[bool](`document.querySelector("#f-nines").value === "3.3" && location.search === "?target=99.95"`))
	run(ctx, t, chromedp.Evaluate[bool](`(() => {
		const f = document.querySelector("#f-nines");
		f.value = "2";
		f.dispatchEvent(new Event("input", {bubbles: true}));
		return true;
	})()`))
	run(ctx, t, chromedp.Poll[bool](`document.querySelector("#f-target").value === "99" && location.search === "?target=99"`))
	run(ctx, t, chromedp.Evaluate[bool](`(() => {
		const f = document.querySelector("#f-target");
		f.value = "nonsense";
		f.dispatchEvent(new Event("input", {bubbles: true}));
		return true;
	})()`))
	run(ctx, t, chromedp.Poll[bool](`document.querySelector("#what-if-result").textContent.includes("is not a target")`))
}

// Without JavaScript the what-if is a form.
func TestWhatIfWithoutJavaScript(t *testing.T) {
	ctx := open(t)
	url := shop(t, "en")
	do(ctx, t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	do(ctx, t, chromedp.Navigate(url+"/slos/payment-availability"), chromedp.SetValue("#f-target", "99.99"), chromedp.Click(`#what-if form button`), chromedp.WaitReady(`#f-target[value="99.99"]`))
	text := run(ctx, t, chromedp.Text("#what-if-result"))
	if !strings.Contains(text, "99.99") {
		t.Errorf("the form was sent and the page says %.200q", text)
	}
}

// First paint at a fourth of the CPU's speed is a figure, not a test: it is
// printed for the manual.
func TestFirstPaint(t *testing.T) {
	if os.Getenv("HINOBAN_FIGURES") == "" {
		t.Skip("a figure: make figures")
	}
	ctx := open(t)
	url := shop(t, "en")
	record(t, url, "alert.fired")
	do(ctx, t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 4})
		return err
	}))
	for _, path := range []string{"/", "/slos", "/slos/payment-availability", "/alerts", "/incidents/1"} {
		var all []float64
		for range 7 {
			do(ctx, t, chromedp.Navigate(url+path), chromedp.WaitReady("main"), chromedp.Sleep(300*time.Millisecond))
			all = append(all, run(ctx, t, chromedp.Evaluate[float64](`(performance.getEntriesByName('first-contentful-paint')[0]||{startTime:-1}).startTime`)))
		}
		fmt.Printf("FIGURE first contentful paint at 4x slowdown, %s: %.0f ms (7 runs: %.0f)\n", path, median(all), all)
	}
}
