package oncallweb_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
)

func (h *house) state(id string) oncall.Page {
	h.t.Helper()
	p, _, err := h.pager.Page(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func TestTheLinkOfAMessageAnswers(t *testing.T) {
	h := build(t)
	p := h.fire()
	_, ledger, err := h.pager.Page(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	link := "/a/" + url.PathEscape(h.pager.Token(ledger[0].ID))
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if w := h.do(method, link+"?do=ack", ""); w.Code != 200 || h.state(p.ID).State != oncall.Calling {
			t.Fatalf("%s: got %d and %s, want 200 and nothing changed", method, w.Code, h.state(p.ID).State)
		}
	}
	html := h.do("GET", link+"?do=decline", "").Body.String()
	decline, ack := strings.Index(html, `value="decline"`), strings.Index(html, `value="ack"`)
	if decline < 0 || ack < decline || !strings.Contains(html, "対応できない") || !strings.Contains(html, "Aoi Tanaka") {
		t.Errorf("the button of the link is not the large one, in the person's language:\n%s", html)
	}
	if w := h.form(link, "do", "snooze"); w.Code != 422 {
		t.Errorf("neither ack nor decline: got %d, want 422", w.Code)
	}
	w := h.do("POST", link+"?do=ack", "via=webpush", "Content-Type", "application/x-www-form-urlencoded")
	if w.Code != 200 || strings.Contains(w.Body.String(), "<") || !strings.Contains(w.Body.String(), "checkout") {
		t.Errorf("a service worker: got %d %q, want 200 and words", w.Code, w.Body)
	}
	if got := h.state(p.ID); got.State != oncall.Answered || got.AckedBy != "aoi" {
		t.Errorf("got %s by %q, want answered by aoi", got.State, got.AckedBy)
	}
	w = h.do("POST", link, "do=ack", "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html,*/*")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "one-tap-said") || strings.Contains(w.Body.String(), "<form") {
		t.Errorf("a browser: got %d, want a page without buttons\n%s", w.Code, w.Body)
	}
}

// The link of a message of several pages shows all of them, and answers while one
// of them is open.
func TestTheLinkOfAMessageOfSeveralPages(t *testing.T) {
	h := build(t)
	h.replace(&oncall.Plan{Policies: []oncall.Policy{{ID: "all", Default: true, Steps: []oncall.Step{{People: []string{"aoi"}, Wait: time.Hour}}}}})
	h.fire()
	for _, s := range []string{"search", "stock"} {
		a, err := h.alerts.Take(t.Context(), alert.Signal{ID: s, Firing: true, Source: "slo", Service: s, Rule: "r", Severity: alert.Page, Summary: s + " is down", At: h.now})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.pager.AlertFired(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
	}
	h.work()
	ds, err := h.pager.Deliveries(t.Context(), oncall.LedgerQuery{State: oncall.Bundled})
	if err != nil || len(ds) != 1 {
		t.Fatalf("%d bundled (%v)", len(ds), err)
	}
	carrier, _, err := h.pager.Delivery(t.Context(), ds[0].Bundle)
	if err != nil {
		t.Fatal(err)
	}
	link := "/a/" + url.PathEscape(h.pager.Token(carrier.ID))
	for i, tt := range []struct {
		ack  string // a page that somebody else answers first
		form bool
	}{{"", true}, {carrier.Page, true}, {ds[0].Page, false}} {
		if tt.ack != "" {
			if _, err := h.pager.Ack(t.Context(), tt.ack, "ren", "web"); err != nil {
				t.Fatal(err)
			}
		}
		html := h.do("GET", link, "").Body.String()
		if strings.Contains(html, "<form") != tt.form || strings.Contains(html, "他の 1 件") != tt.form || !strings.Contains(html, pageHref(ds[0].Page)) {
			t.Errorf("%d: a form is there: %t, want %t, and the other page\n%s", i, !tt.form, tt.form, html)
		}
	}
}

func pageHref(id string) string { return "/pages/" + id }

func TestALinkThatIsWrongSaysWhatToDo(t *testing.T) {
	h := build(t)
	p := h.fire()
	_, ledger, _ := h.pager.Page(t.Context(), p.ID)
	good := "/a/" + url.PathEscape(h.pager.Token(ledger[0].ID))
	for what, link := range map[string]string{"cut": good[:len(good)-2], "made up": "/a/x.y", "of nothing": "/a/" + url.PathEscape(h.pager.Token("none"))} {
		for _, method := range []string{"GET", "POST"} {
			w := h.do(method, link, "", "Accept", "text/html")
			if w.Code != 403 && w.Code != 404 || !strings.Contains(w.Body.String(), `href="/pages"`) {
				t.Errorf("%s %s: got %d, want a calm page", method, what, w.Code)
			}
		}
	}
	h.pass(oncall.AnswerLasts + time.Hour)
	if w := h.do("POST", good+"?do=ack", ""); w.Code != 403 || h.state(p.ID).State != oncall.Calling {
		t.Errorf("too old: got %d, want 403", w.Code)
	}
}

func TestDecliningTwiceByLinkSkipsNobody(t *testing.T) {
	h := build(t)
	p := h.fire()
	_, ledger, _ := h.pager.Page(t.Context(), p.ID)
	link := "/a/" + url.PathEscape(h.pager.Token(ledger[0].ID)) + "?do=decline"
	for range 3 {
		if w := h.do("POST", link, ""); w.Code != 200 {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
	if got := h.state(p.ID); got.State != oncall.Calling || got.Step != 2 || got.Round != 0 {
		t.Errorf("got %s at step %d of round %d, want ren called once", got.State, got.Step, got.Round)
	}
}
