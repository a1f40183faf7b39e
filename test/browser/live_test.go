package browser

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A page that refetches itself keeps all that the reader has done to it.
func TestLiveRefreshKeepsTheReadersPlace(t *testing.T) {
	g := gallery(t)
	ctx, url := open(t), serve(t, g)
	look{Width: 1000, Scheme: "light", Lang: "en"}.set(ctx, t)
	do(ctx, t, chromedp.Navigate(url+"/alerts"), chromedp.WaitReady("html.js"))
	run(ctx, t, chromedp.Evaluate[bool](`(() => {
		window.errors = 0;
		addEventListener("securitypolicyviolation", () => window.errors++);
		addEventListener("error", () => window.errors++);
		document.querySelector("#more").open = true;
		document.querySelector("#area").value = "half a thought";
		const f = document.querySelector("#typed");
		f.focus({preventScroll: true});
		f.value = "typed";
		f.setSelectionRange(2, 4);
		scrollTo(0, 700);
		return true;
	})()`))
	for g.Hub.Subscribers() == 0 {
		if ctx.Err() != nil {
			t.Fatal("the page never listened")
		}
		runtime.Gosched()
	}
	g.Counter.Add(7)
	g.Hub.Publish("counter")
	run(ctx, t, chromedp.Poll[bool](`document.querySelector("#counter").textContent === "7"`))
	const state = `[
		document.activeElement.id, document.querySelector("#typed").value, document.activeElement.selectionStart, document.activeElement.selectionEnd,
		document.querySelector("#area").value, document.querySelector("#more").open, document.querySelector("#more p").textContent,
		Math.abs(scrollY - 700) < 60, window.errors].join("|")`
	want := "typed|typed|2|4|half a thought|true|Counted 7|true|0"
	if got := run(ctx, t, chromedp.Evaluate[string](state)); got != want {
		t.Errorf("after a refresh: got %s, want %s", got, want)
	}
}

func TestKeysAndForms(t *testing.T) {
	g := gallery(t)
	ctx, url := open(t), serve(t, g)
	look{Width: 1100, Scheme: "dark", Lang: "en"}.set(ctx, t)
	do(ctx, t, chromedp.Navigate(url+"/alerts"), chromedp.WaitReady("html.js"), chromedp.KeyEvent("a"))
	run(ctx, t, chromedp.Poll[bool](`document.querySelector(".notice")?.textContent.includes("Acknowledged by Aoi")`))
	if got := run(ctx, t, chromedp.Evaluate[string](`document.querySelector("#counter").textContent + location.pathname`)); got != "1/alerts" {
		t.Errorf("after a: got %s, want 1/alerts", got)
	}
	do(ctx, t, chromedp.KeyEvent("?"), chromedp.WaitVisible("#keys"))
	shoot(ctx, t, "keys")
	run(ctx, t, chromedp.Evaluate[bool](`document.querySelector("#keys").close() ?? true`))
	do(ctx, t, chromedp.KeyEvent("/"), chromedp.WaitVisible("#palette-0"), chromedp.KeyEvent("ch"))
	if got := run(ctx, t, chromedp.Evaluate[string](`document.querySelector(".palette input").value`)); !strings.HasSuffix(got, "ch") {
		t.Errorf("the palette holds %q, want what was typed", got)
	}
	shoot(ctx, t, "palette")
	run(ctx, t, chromedp.Evaluate[bool](`document.querySelector(".palette").close() ?? true`))
	do(ctx, t, chromedp.KeyEvent("gn"), chromedp.WaitReady("html.js #a1"), chromedp.KeyEvent("jj"))
	if got := run(ctx, t, chromedp.Evaluate[string](`document.activeElement.closest("tr").id`)); got != "a2" {
		t.Errorf("after j j: row %q, want a2", got)
	}
	shoot(ctx, t, "rows")
	run(ctx, t, chromedp.Evaluate[bool](`(document.querySelector(".me").open = true)`))
	shoot(ctx, t, "menu")
}

func TestPanelLoadsAfterThePage(t *testing.T) {
	ctx, url := open(t), serve(t, gallery(t))
	do(ctx, t, chromedp.Navigate(url+"/incidents"), chromedp.WaitVisible("#panel-text"))
	if got := run(ctx, t, chromedp.Title()); got != "Incidents · Hinoban" {
		t.Errorf("a panel changed the title to %q", got)
	}
}

// A browser has six connections to a server, and keeps pages for going back:
// those must not hold theirs.
func TestPagesKeptForBackHoldNoConnection(t *testing.T) {
	ctx, url := open(t), serve(t, gallery(t))
	for n := range 9 {
		do(ctx, t, chromedp.Navigate(fmt.Sprint(url, "/alerts?n=", n)), chromedp.WaitReady("html.js"))
		run(ctx, t, chromedp.Poll[bool](`document.querySelector("hb-live").source?.readyState === 1`))
	}
}
