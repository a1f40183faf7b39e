package alertweb_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/auth"
)

// noisy is six flaps of one rule, judged noise, and one that was worth it.
func noisy(t *testing.T) *house {
	h := build(t)
	h.as = auth.Principal{ID: "aoi", Kind: auth.ByPerson, Role: auth.Responder}
	for i := range 7 {
		a := h.take("checkout", "flappy", alert.Page, true)
		h.pass(2 * time.Minute)
		verdict := "noise"
		if i == 3 {
			h.pass(time.Hour)
			verdict = "actionable"
		}
		h.take("checkout", "flappy", alert.Page, false)
		h.json(http.MethodPost, "/api/v1/alerts/"+a.ID+"/judgement", fmt.Sprintf(`{"verdict":%q}`, verdict), http.StatusOK, nil)
		h.pass(3 * time.Hour)
	}
	h.take("search", "quiet", alert.Ticket, true)
	h.pass(7 * 24 * time.Hour)
	return h
}

func TestJudgePages(t *testing.T) {
	h := noisy(t)
	compare(t, "league", h.main("/rules", "en"))
	compare(t, "proposals", h.main("/rules/proposals", "en"))
	compare(t, "weekly", h.main("/alerts/weekly?week=2026-W47", "en"))
	compare(t, "judged", h.main("/alerts/id0001", "ja"))
	for _, path := range []string{"/rules?sort=-shift&service=checkout", "/rules?severity=other", "/alerts/id0001/judge", "/alerts/weekly"} {
		h.main(path, "ja")
	}
}

func TestAnEmptyLeagueTeaches(t *testing.T) {
	h := build(t)
	if body := h.main("/rules", "en"); !strings.Contains(body, "No rule has fired yet") {
		t.Errorf("got %s", body)
	}
	if body := h.main("/rules/proposals", "en"); !strings.Contains(body, "No rule asks for a change") {
		t.Errorf("got %s", body)
	}
}

func TestAJudgementIsSomebodys(t *testing.T) {
	h := build(t)
	a := h.take("checkout", "availability", alert.Page, true)
	if w := h.form("/alerts/"+a.ID+"/judge", "verdict", "noise"); w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "#judge") {
		t.Errorf("nobody's: got %d to %s", w.Code, w.Header().Get("Location"))
	}
	if w := h.form("/alerts/"+a.ID+"/judge", "verdict", "noise", "as", "aoi", "note", "the batch again", "back", "/alerts?state=all"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/alerts?state=all" {
		t.Errorf("aoi's: got %d to %s", w.Code, w.Header().Get("Location"))
	}
	if body := h.main("/alerts/"+a.ID, "en"); !strings.Contains(body, "the batch again") {
		t.Error("the note is not shown")
	}
	if w := h.form("/alerts/"+a.ID+"/judge", "verdict", "sure", "as", "aoi"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("no verdict: got %d", w.Code)
	}
	if w := h.form("/alerts/missed", "service", "checkout", "at", "2026-11-20T01:00", "what", "cards refused", "as", "aoi"); w.Code != http.StatusSeeOther {
		t.Errorf("missed: got %d", w.Code)
	}
	if body := h.main("/alerts/weekly?week=2026-W47", "en"); !strings.Contains(body, "cards refused") {
		t.Error("the miss is not in the week")
	}
}
