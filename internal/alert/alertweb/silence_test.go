package alertweb_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertweb"
	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/alert/feed"
	"github.com/hinoban/hinoban/internal/platform/auth"
)

// fire is an alert in the inbox, and live.
func (h *house) fire(service, rule string, sev alert.Severity, labels map[string]string) alert.Alert {
	h.t.Helper()
	a, err := h.inbox.Take(h.t.Context(), alert.Signal{ID: service + rule + h.now.String(), Firing: true, Source: "api", Service: service, Rule: rule, Severity: sev, Summary: rule, At: h.now, Labels: labels})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.live.Take(h.t.Context(), feed.Alert(a)); err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) signedIn(id string) {
	h.as = auth.Principal{ID: id, Kind: auth.ByPerson, Role: auth.Responder}
}

func (h *house) silences() []alertweb.SilenceRow {
	var out alertweb.SilenceList
	h.json("GET", "/api/v1/silences", "", 200, &out)
	return out.Silences
}

func TestASilenceThatHidesAPageForDaysIsConfirmed(t *testing.T) {
	h := build(t)
	h.signedIn("aoi")
	h.fire("checkout", "availability", alert.Page, nil)
	ends := h.now.Add(48 * time.Hour).Format("2006-01-02T15:04")
	ask := []string{"do", "save", "matchers", `service="checkout"`, "comment", "disks", "for", "custom", "ends", ends}
	w := h.form("/silences", ask...)
	if body := w.Body.String(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, `name="confirm"`) || !strings.Contains(body, "for more than a day") || len(h.silences()) != 0 {
		t.Fatalf("without confirmation: got %d, %d silences", w.Code, len(h.silences()))
	}
	if w = h.form("/silences", append(ask, "confirm", "true")...); w.Code != http.StatusSeeOther {
		t.Fatalf("confirmed: got %d %s", w.Code, w.Body)
	}
	all := h.silences()
	if len(all) != 1 || all[0].Hides != 1 || all[0].Pages != 1 || !all[0].Long || all[0].CreatedBy != "aoi" {
		t.Fatalf("got %+v", all)
	}
	if list := h.main("/silences", "en"); !strings.Contains(list, "hides 1 page-level alert, for 2") {
		t.Error("the list does not mark it")
	}
	h.main("/silences", "ja")
	h.main("/silences/"+all[0].ID, "ja")
	// The API answers the same, and extends, ends and keeps to it.
	body := `{"matchers":["service=\"checkout\""],"seconds":100000,"comment":"x"}`
	h.json("POST", "/api/v1/silences", body, 409, nil)
	h.json("POST", "/api/v1/silences/"+all[0].ID+"/extend", "", 409, nil)
	if w := h.form("/silences/" + all[0].ID + "/extend"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `name="confirm"`) {
		t.Errorf("extend by form: got %d", w.Code)
	}
	h.json("POST", "/api/v1/silences/"+all[0].ID+"/extend", `{"confirm":true}`, 200, nil)
	if got := h.silences()[0].EndsAt.Sub(all[0].EndsAt); got != time.Hour {
		t.Errorf("extended by %s", got)
	}
	if w := h.form("/silences/" + all[0].ID + "/expire"); w.Code != http.StatusSeeOther || h.silences()[0].State != dispatch.SilenceExpired {
		t.Errorf("ended: got %d, %s", w.Code, h.silences()[0].State)
	}
	if w := h.form("/silences/" + all[0].ID + "/extend"); w.Code != http.StatusConflict {
		t.Errorf("extend what is over: got %d", w.Code)
	}
	if page := h.main("/silences/new?from="+all[0].ID, "en"); !strings.Contains(page, `service=&#34;checkout&#34;`) {
		t.Error("renewing does not fill in the matchers")
	}
}

func TestWarningsOfASilence(t *testing.T) {
	h := build(t)
	for _, r := range []string{"a", "b", "c", "d"} {
		h.fire("search", r, alert.Ticket, map[string]string{"team": "find"})
	}
	h.fire("checkout", "e", alert.Ticket, nil)
	for _, c := range []struct{ who, matchers, want string }{
		{"aoi", `alertname=\"e\"`, ""},
		{"aoi", `alertname=\"a\"`, "others"},
		{"ren", `alertname=\"a\"`, ""},
		{"ren", `team=\"find\"`, "most"},
		{"aoi", `service=~\".+\"`, "most others"},
		{"nobody", `alertname=\"a\"`, ""},
		{"aoi", `alertname=~\"none-.*\"`, ""},
	} {
		var p alertweb.SilencePreview
		h.signedIn(c.who)
		h.json("POST", "/api/v1/silences/preview", `{"matchers":["`+c.matchers+`"],"seconds":3600}`, 200, &p)
		if got := strings.Join(p.Warnings, " "); got != c.want {
			t.Errorf("%s, %s: got %q, want %q", c.who, c.matchers, got, c.want)
		}
		if p.NowAll != 5 || p.PastAll != 5 {
			t.Errorf("%s: of %d and %d, want 5", c.matchers, p.NowAll, p.PastAll)
		}
	}
	w := h.form("/silences", "do", "preview", "matchers", `alertname=~"none-.*"`, "for", "1h")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "Hides none of 5 alerts") || len(h.silences()) != 0 {
		t.Errorf("a regular expression that matches nothing: got %d", w.Code)
	}
	for _, bad := range []string{`a=~"("`, `nonsense`, `a=~".*"`, "", "\xff"} {
		if w := h.form("/silences", "do", "save", "comment", "x", "matchers", bad); w.Code != http.StatusUnprocessableEntity || len(h.silences()) != 0 {
			t.Errorf("%q: got %d", bad, w.Code)
		}
	}
	if w := h.form("/silences", "do", "save", "matchers", `a="b"`); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: got %d", w.Code)
	}
}

func TestAGhostIsMarked(t *testing.T) {
	h := build(t)
	h.signedIn("aoi")
	h.json("POST", "/api/v1/silences", `{"matchers":["service=\"gone\""],"seconds":2000000,"comment":"x"}`, 201, nil)
	h.pass(6 * 24 * time.Hour)
	if h.silences()[0].Ghost {
		t.Error("six days old and a ghost")
	}
	h.pass(48 * time.Hour)
	if !h.silences()[0].Ghost {
		t.Error("eight days without a match and no ghost")
	}
	h.take("gone", "back", alert.Ticket, true)
	if h.silences()[0].Ghost {
		t.Error("it matched today and is a ghost")
	}
}

func TestSeveralAtOnceAreAnsweredApart(t *testing.T) {
	h := build(t)
	h.signedIn("aoi")
	a, b, over := h.fire("checkout", "r1", alert.Page, nil), h.fire("search", "r2", alert.Ticket, nil), h.fire("checkout", "r3", alert.Ticket, nil)
	if _, err := h.inbox.Resolve(t.Context(), over.ID, "ren", "web"); err != nil {
		t.Fatal(err)
	}
	post := func(do string, ids ...string) (int, string) {
		v := url.Values{"do": {do}, "id": ids, "back": {"/alerts?service=x"}}
		w := h.do(http.MethodPost, "/alerts/bulk", v.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		return w.Code, w.Body.String() + w.Header().Get("Location")
	}
	code, body := post("ack", a.ID, over.ID, "none", b.ID)
	if code != http.StatusConflict || !strings.Contains(body, "2 of 4 done") || !strings.Contains(body, "is resolved already") || !strings.Contains(body, "does not exist") {
		t.Errorf("partial: got %d %s", code, body)
	}
	if got, err := h.inbox.Alert(t.Context(), b.ID); err != nil || got.AckedBy != "aoi" {
		t.Errorf("b: %v %v", got.AckedBy, err)
	}
	// b is of another team's service: it wants a confirmation, a does not.
	if code, body = post("silence", a.ID, b.ID); code != http.StatusConflict || !strings.Contains(body, "/silences/new?alert="+b.ID) || len(h.silences()) != 1 {
		t.Errorf("silence: got %d, %d silences", code, len(h.silences()))
	}
	if code, body = post("resolve", a.ID, b.ID); code != http.StatusSeeOther || !strings.HasSuffix(body, "/alerts?service=x") {
		t.Errorf("resolve: got %d %s", code, body)
	}
	if code, _ = post("explode", a.ID); code != http.StatusUnprocessableEntity {
		t.Errorf("an unknown deed: got %d", code)
	}
	var out alertweb.BulkAnswer
	h.json("POST", "/api/v1/alerts/bulk", `{"do":"ack","ids":["`+a.ID+`","none"]}`, 200, &out)
	if len(out.Results) != 2 || out.Results[0].Done || out.Results[1].Done || out.Results[1].Error == "" {
		t.Errorf("got %+v", out)
	}
}

func TestHostileLabelsAreShownAndNotObeyed(t *testing.T) {
	h := build(t)
	h.signedIn("aoi")
	a := h.fire("<script>alert(1)</script>", "\u202egnp.exe", alert.Page, map[string]string{
		"x": `"><script>alert(2)</script>`, "long": strings.Repeat("é", 5000), "rtl": "\u202eevil", "nul": "a\x01b", "quote": `a"b\c`, "line": "a\nb",
	})
	for _, target := range []string{"/alerts", "/alerts?group=route", "/alerts?group=rule", "/alerts/" + a.ID, "/silences/new?alert=" + a.ID, "/routes?alert=" + a.ID} {
		page := h.main(target, "en")
		if strings.Contains(page, "<script>alert") {
			t.Errorf("%s lets a label speak", target)
		}
	}
	// The matchers that are offered are those that hide it.
	var ticks []string
	page := h.main("/silences/new?alert="+a.ID, "en")
	if !strings.Contains(page, "Hides 1 of 1") {
		t.Errorf("its own labels do not match it: %v", ticks)
	}
}

func TestFiltersOfTheInbox(t *testing.T) {
	h := build(t)
	h.signedIn("aoi")
	mine, other := h.fire("checkout", "r1", alert.Page, map[string]string{"region": "eu-1"}), h.fire("search", "r2", alert.Ticket, map[string]string{"region": "us"})
	for query, want := range map[string][2]bool{
		"mine=true": {true, false}, "label=region%3D~%22eu-.*%22": {true, false}, "rule=r2": {false, true}, "source=api": {true, true}, "source=x": {false, false},
		"untold=true": {false, false}, "label=region!%3D%22eu-1%22&severity=ticket": {false, true}, "group=rule": {true, true}, "group=route": {true, true},
	} {
		page := h.main("/alerts?"+query, "en")
		if got := [2]bool{strings.Contains(page, `id="a-`+mine.ID), strings.Contains(page, `id="a-`+other.ID)}; got != want {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	if page := h.main("/alerts?label=%3D%3D", "en"); !strings.Contains(page, "The filter cannot be read") {
		t.Error("a filter that cannot be read is not told")
	}
	var f alert.SavedFilter
	h.json("POST", "/api/v1/alert-filters", `{"name":"Ours","query":"mine=true&after=x","team":"shop"}`, 201, &f)
	h.json("POST", "/api/v1/alert-filters", `{"name":"Ours","query":""}`, 409, nil)
	h.json("POST", "/api/v1/alert-filters", `{"name":"Theirs","query":"","team":"find"}`, 403, nil)
	if page := h.main("/alerts", "en"); f.Query != "mine=true" || !strings.Contains(page, "Ours") {
		t.Errorf("saved as %q, or not shown", f.Query)
	}
	if w := h.form("/alerts/filters/"+f.ID+"/rename", "name", "Our shop"); w.Code != http.StatusSeeOther || !strings.Contains(h.main("/alerts", "ja"), "Our shop") {
		t.Errorf("rename: got %d", w.Code)
	}
	h.signedIn("ren")
	if strings.Contains(h.main("/alerts", "en"), "Our shop") {
		t.Error("another team sees it")
	}
	h.json("DELETE", "/api/v1/alert-filters/"+f.ID, "", 403, nil)
	h.signedIn("aoi")
	h.json("DELETE", "/api/v1/alert-filters/"+f.ID, "", 200, nil)
	h.json("DELETE", "/api/v1/alert-filters/"+f.ID, "", 404, nil)
}

func TestAnAlertIsExplained(t *testing.T) {
	h := build(t)
	h.signedIn("aoi")
	plan := planOf(t, "route:\n  receiver: a\n  routes:\n  - {matchers: ['service=\"checkout\"'], receiver: b}\nreceivers: [{name: a}, {name: b}]\ninhibit_rules: [{source_matchers: ['alertname=\"dc\"'], target_matchers: ['severity=\"page\"']}]\n")
	h.plan = plan
	h.state.Reload(plan, h.now)
	h.notices = []alertweb.Notice{{Receiver: "b", Integration: "webhook", Due: h.now, At: h.now.Add(9 * time.Minute), Reason: "first notification", Attempts: 7, Late: 540}, {Receiver: "b", Integration: "webhook", Due: h.now, At: h.now, Error: "connection refused"}}
	a := h.fire("checkout", "r1", alert.Page, nil)
	dc := h.fire("", "dc", alert.Info, nil)
	h.json("POST", "/api/v1/silences", `{"matchers":["alertname=\"r1\""],"seconds":3600,"comment":"x"}`, 201, nil)
	var x alertweb.Explained
	h.json("GET", "/api/v1/alerts/"+a.ID+"/explain", "", 200, &x)
	if len(x.Routes) != 1 || x.Routes[0].Receiver != "b" || len(x.Notices) != 2 || len(x.SilencedBy) != 1 || len(x.InhibitedBy) != 1 || x.InhibitedBy[0].Labels["alertname"] != "dc" {
		t.Errorf("got %+v", x.Told)
	}
	page := h.main("/alerts/"+a.ID, "en")
	for _, want := range []string{"told 9", "connection refused", "Silenced by", "Inhibited by", "/routes?alert=" + a.ID, "/silences/new?alert=" + a.ID} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	h.main("/alerts/"+a.ID, "ja")
	h.main("/alerts/"+dc.ID, "ja")
	for _, lang := range []string{"en", "ja"} {
		if page = h.main("/routes?labels=service%3Dcheckout", lang); !strings.Contains(page, "told") {
			t.Error("the explorer does not mark who is told")
		}
		h.main("/routes?labels=nonsense&at=never", lang)
	}
}
