package browser

import (
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hinoban/hinoban/internal/platform/webkit/webkittest"
)

func gallery(t *testing.T) *webkittest.Gallery {
	t.Helper()
	g, err := webkittest.New()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// serve serves the gallery; its streams end before the server does.
func serve(t *testing.T, g *webkittest.Gallery) string {
	t.Helper()
	s := httptest.NewServer(g.Handler)
	t.Cleanup(s.Close)
	t.Cleanup(g.Hub.Close)
	return s.URL
}

func TestGalleryFitsEveryScreen(t *testing.T) {
	ctx, url := open(t), serve(t, gallery(t))
	pages := map[string]string{"now": "/", "slos": "/slos?sort=left", "slo": "/slos/checkout", "oncall": "/oncall", "parts": "/incidents"}
	for _, l := range []look{
		{"light", 1280, "light", "en"},
		{"dark", 1280, "dark", "en"},
		{"ja", 1280, "light", "ja"},
		{"phone", 360, "dark", "en"},
		{"phone-ja", 360, "light", "ja"},
	} {
		l.set(ctx, t)
		for name, path := range pages {
			do(ctx, t, chromedp.Navigate(url+path), chromedp.WaitReady("html.js"))
			shoot(ctx, t, name+"-"+l.Name)
			if bad := run(ctx, t, chromedp.Evaluate[string](contrast)); bad != "" {
				t.Errorf("%s, %s: too little contrast: %s", path, l.Name, bad)
			}
			if over := run(ctx, t, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`)); over > 0 {
				t.Errorf("%s at %d px is %d px too wide", path, l.Width, over)
			}
		}
	}
}

// contrast lists texts below 4.5:1, each with its ratio. Colours are resolved
// by painting them.
const contrast = `(() => {
	const pen = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d", {willReadFrequently: true});
	const rgb = c => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = c; pen.fillRect(0, 0, 1, 1); return [...pen.getImageData(0, 0, 1, 1).data]; };
	const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	const ground = el => { for (; el; el = el.parentElement) { const c = rgb(getComputedStyle(el).backgroundColor); if (c[3] > 250) return c; } return rgb("white"); };
	const bad = [];
	for (const el of document.querySelectorAll("body *")) {
		const own = [...el.childNodes].some(n => n.nodeType === 3 && n.data.trim());
		if (!own || !el.checkVisibility({visibilityProperty: true, opacityProperty: true}) || el.closest(".sr, .skip")) continue;
		const style = getComputedStyle(el);
		const [a, b] = [light(rgb(el instanceof SVGElement ? style.fill : style.color)), light(ground(el))];
		const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (ratio < 4.5) bad.push(el.textContent.trim().slice(0, 30) + " " + ratio.toFixed(2));
	}
	return bad.join("; ");
})()`
