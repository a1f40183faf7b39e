package browser

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Not committed.
func TestShots(t *testing.T) {
	base := os.Getenv("SHOT_URL")
	if base == "" {
		t.Skip()
	}
	ctx := open(t)
	looks := map[string]look{"light": {"light", 1280, "light", "en"}, "dark": {"dark", 1280, "dark", "en"}, "ja": {"ja", 1280, "light", "ja"}, "phone": {"phone", 360, "dark", "en"}, "phone-ja": {"phone-ja", 360, "light", "ja"}}
	for _, ln := range strings.Fields(os.Getenv("SHOT_LOOKS")) {
		l := looks[ln]
		l.set(ctx, t)
		for _, p := range strings.Fields(os.Getenv("SHOT_PATHS")) {
			name, path, _ := strings.Cut(p, "=")
			do(ctx, t, chromedp.Navigate(base+path), chromedp.WaitReady("html.js"), chromedp.Sleep(900*time.Millisecond))
			shoot(ctx, t, name+"-"+l.Name)
			if bad := run(ctx, t, chromedp.Evaluate[string](contrast)); bad != "" {
				t.Errorf("%s, %s: contrast: %s", path, l.Name, bad)
			}
			if over := run(ctx, t, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`)); over > 0 {
				t.Errorf("%s at %d px is %d px too wide", path, l.Width, over)
			}
		}
	}
}
