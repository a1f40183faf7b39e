package browser

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/chromedp"

	"github.com/hinoban/hinoban/client"
	"github.com/hinoban/hinoban/internal/oncall/oncallweb"
)

// The worker shows what a push service delivers, and a tap on a button posts to
// the action's address with no page open.
func TestPushIsShownAndAnsweredWithoutAPage(t *testing.T) {
	app, err := os.ReadFile("../../internal/platform/webkit/static/app.js")
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan string, 4)
	mux := http.NewServeMux()
	for _, r := range oncallweb.PushRoutes() {
		mux.Handle(r.Pattern, r.Handler)
	}
	mux.HandleFunc("GET /app.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		w.Write(app)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<!doctype html><html lang="ja" class="js" data-zone="UTC"><meta charset="utf-8"><title>p</title><p id="e"></p><hb-push></hb-push><script src="/app.js"></script></html>`))
	})
	mux.HandleFunc("POST /p/ack", func(_ http.ResponseWriter, r *http.Request) { answered <- r.URL.RawQuery + " " + r.FormValue("via") })
	srv := httptest.NewServer(mux)
	defer srv.Close()

	ctx := open(t)
	found := make(chan serviceworker.RegistrationID, 16)
	if err := chromedp.Listen(ctx, func(ev any) {
		if e, ok := ev.(*serviceworker.EventWorkerRegistrationUpdated); ok {
			for _, r := range e.Registrations {
				if strings.HasPrefix(r.ScopeURL, srv.URL) {
					select {
					case found <- r.RegistrationID:
					default:
					}
				}
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	do(ctx, t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, browser.SetPermission, browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: "notifications", UserVisibleOnly: true}, Setting: browser.PermissionSettingGranted, Origin: srv.URL})
		return err
	}))
	do(ctx, t, chromedp.Navigate(srv.URL+"/"), chromedp.WaitReady("#e"))
	if got := run(ctx, t, chromedp.Evaluate[string](`(async () => {
		const said = () => document.querySelector("hb-push").textContent
		for (let i = 0; i < 200 && said() === ""; i++) await new Promise((ok) => setTimeout(ok, 100))
		return said()
	})()`, chromedp.EvalAwaitPromise)); got != "このブラウザには呼び出しが表示されません。ここに通知する" {
		t.Errorf("before: it says %q", got)
	}
	do(ctx, t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, serviceworker.Enable, cdp.Empty{})
		return err
	}))
	run(ctx, t, chromedp.Evaluate[bool](`navigator.serviceWorker.register("/push-sw.js", {scope: "/"}).then(() => navigator.serviceWorker.ready).then(() => true)`, chromedp.EvalAwaitPromise))
	var id serviceworker.RegistrationID
	select {
	case id = <-found:
	case <-time.After(20 * time.Second):
		t.Fatal("no worker was registered")
	}
	do(ctx, t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, serviceworker.DeliverPushMessage, serviceworker.DeliverPushMessageParams{
			Origin: srv.URL, RegistrationID: id,
			Data: `{"id":"m1","kind":"page","title":"決済が停止","body":"burn","lang":"ja","url":"/pages/1","actions":[{"id":"ack","text":"対応する","url":"` + srv.URL + `/p/ack?t=1"}]}`,
		})
		return err
	}))
	const shown = `navigator.serviceWorker.ready.then(async (r) => {
		for (let i = 0; i < 100; i++) {
			const all = await r.getNotifications();
			if (all.length) return all.map((n) => [n.tag, n.title, n.body, n.requireInteraction, n.actions.map((a) => a.title)].join("|")).join();
			await new Promise((ok) => setTimeout(ok, 50));
		}
		return "none";
	})`
	if got := run(ctx, t, chromedp.Evaluate[string](shown, chromedp.EvalAwaitPromise)); got != "m1|決済が停止|burn|true|対応する" {
		t.Errorf("shown: %q", got)
	}
	// No tool taps a notification, so the worker's own code is run with a tap.
	run(ctx, t, chromedp.Evaluate[bool](`fetch("/push-sw.js").then((r) => r.text()).then(async (src) => {
		const on = {};
		const self = {
			addEventListener: (name, fn) => (on[name] = fn), location, skipWaiting() {}, clients: {},
			registration: { showNotification: (title, o) => (window.said = title + "|" + o.body) },
		};
		new Function("self", src)(self);
		const data = { id: "m1", kind: "page", title: "決済が停止", lang: "ja", actions: [{ id: "ack", text: "対応する", url: location.origin + "/p/ack?t=1" }] };
		let done;
		on.notificationclick({ action: "0", notification: { data, close() {} }, waitUntil: (p) => (done = p) });
		await done;
		return true;
	})`, chromedp.EvalAwaitPromise))
	select {
	case got := <-answered:
		if got != "t=1 webpush" {
			t.Errorf("posted %q", got)
		}
	default:
		t.Error("a tap posted nothing")
	}
	if got := run(ctx, t, chromedp.Evaluate[string](`window.said`)); got != "✓ 対応する|送信しました: 決済が停止" {
		t.Errorf("after the tap: %q", got)
	}
}

// What the browser itself knows is no part of what the server says: a page that
// fetches itself again leaves it.
func TestWhetherPagesReachThisBrowserOutlivesARefresh(t *testing.T) {
	ctx := open(t)
	url := shop(t, "en")
	page := record(t, url, "oncall.page_opened")
	look{Width: 1280, Scheme: "light", Lang: "en"}.set(ctx, t) // in a zone that the server learns of by a refresh
	const said = `document.querySelector("hb-push").textContent`
	do(ctx, t, chromedp.Navigate(url+"/me?as=aoi"), chromedp.WaitReady("html.js hb-push"))
	run(ctx, t, chromedp.Poll[bool](said+`.startsWith("This browser shows you no pages.")`))
	run(ctx, t, chromedp.Evaluate[bool](`(() => {
		window.refreshed = 0;
		document.addEventListener("hinoban:refreshed", () => window.refreshed++);
		return true;
	})()`))
	if err := client.New(url, "").Post(t.Context(), "/api/v1/pages/"+strings.TrimPrefix(page.Subject, "page/")+"/ack", map[string]string{"as": "aoi"}, nil); err != nil {
		t.Fatal(err)
	}
	run(ctx, t, chromedp.Poll[bool](`window.refreshed > 0`))
	if got := run(ctx, t, chromedp.Evaluate[string](said)); !strings.HasPrefix(got, "This browser shows you no pages.") {
		t.Errorf("after a refresh it says %q", got)
	}
}
