package catalogweb

import (
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/platform/webkit/webkittest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var t0 = time.Date(2026, 11, 20, 2, 13, 0, 0, time.UTC)

func shop() *catalog.Catalog {
	c := catalog.New()
	c.Replace(&catalog.Snapshot{
		Services: []catalog.Service{
			{ID: "checkout", Name: "Checkout", Description: "Turns a basket into an order.", Team: "shop", Tier: 1, DependsOn: []catalog.Dependency{{Service: "payment", Hard: true}, {Service: "search"}}, Source: "services.yaml:1"},
			{ID: "payment", Name: "Payment", Team: "shop", Tier: 1, Hosts: []string{"pay.shop.example"}, Paths: []string{"shop/payment/"}, Runbook: "https://wiki.shop.example/payment", Links: []catalog.Link{{Title: "Bank", URL: "https://bank.example"}}, Source: "services.yaml:20"},
			{ID: "search", Name: "Search", Source: "openslo.yaml:1"},
		},
		Teams:  []catalog.Team{{ID: "shop", Name: "Shop", Members: []string{"aoi", "gone"}, Aliases: []string{"@org/shop"}, Source: "team.yaml:1"}},
		People: []catalog.Person{{ID: "aoi", Name: "Aoi Tanaka", Email: "aoi@shop.example", Lang: "ja", Devices: []catalog.Device{{ID: "webhook-1", Channel: "webhook", Address: "https://hooks.example/secret"}}}},
	})
	return c
}

func serve(t *testing.T, c *catalog.Catalog) (http.Handler, *webkit.Kit) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	now := func() time.Time { return t0 }
	text := webkit.Catalogue(`{"test.panel": {"en": "SLOs", "ja": "SLO"}}`)
	kit, err := webkit.New(webkit.Options{Log: quiet, Nav: Nav(), Text: []webkit.Catalogue{Text, text}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	d := Deps{
		Kit: kit, Log: quiet, Now: now, Catalog: c, Panels: []module.Panel{{Slot: "catalog.service", TitleKey: "test.panel", URL: "/services/{id}/slos"}},
		Columns: func(context.Context) func(catalog.Service) Cells {
			return func(s catalog.Service) Cells {
				return map[string]Cells{
					"checkout": {SLO: "62 % of the budget is left", SLORef: "/slos/answers", State: webkit.OK, OnCall: "Aoi Tanaka"},
					"payment":  {SLO: "burns 58×", SLORef: "/slos/pay", State: webkit.Firing, Alerts: 2, OnCall: "Aoi Tanaka"},
				}[s.ID]
			}
		},
	}
	api := httpd.NewAPI(quiet, "test")
	API(api, Deps{Log: quiet, Now: now, Catalog: c})
	h, err := httpd.Handler(quiet, httpd.Default(), httpd.Open, now, append(Routes(d), api.Routes()...)...)
	if err != nil {
		t.Fatal(err)
	}
	return h, kit
}

func get(t *testing.T, h http.Handler, path, lang string, want int) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Language", lang)
	r.Header.Set("HX-Request", "true")
	r.Header.Set("HX-Target", "main#main")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != want || strings.Contains(w.Body.String(), "⟦") {
		t.Fatalf("%s in %s: got status %d, want %d, and text for every key:\n%.600s", path, lang, w.Code, want, w.Body)
	}
	return w.Body.String()
}

func TestPagesAreAsBefore(t *testing.T) {
	h, kit := serve(t, shop())
	for _, p := range []struct{ name, path string }{
		{"list", "/services"}, {"filtered", "/services?q=order&team=shop&tier=1"}, {"none", "/services?tier=4"}, {"show", "/services/payment"}, {"orphan", "/services/search"},
		{"teams", "/teams"}, {"team", "/teams/shop"}, {"ask", "/owners"}, {"path", "/owners?path=shop/payment/main.go"}, {"host", "/owners?q=https://pay.shop.example/x"}, {"nobody", "/owners?q=elsewhere/x"},
	} {
		get(t, h, p.path, "ja", http.StatusOK)
		webkittest.Compare(t, filepath.Join("testdata", p.name+".golden"), webkittest.Normal(get(t, h, p.path, "en", http.StatusOK)), *update)
	}
	get(t, h, "/services/nope", "en", http.StatusNotFound)
	get(t, h, "/teams/nope", "en", http.StatusNotFound)
	for _, tier := range []string{"2", "3", "4"} {
		get(t, h, "/services?tier="+tier, "en", http.StatusOK)
	}
	empty, _ := serve(t, catalog.New())
	webkittest.Compare(t, filepath.Join("testdata", "empty.golden"), webkittest.Normal(get(t, empty, "/services", "en", http.StatusOK)), *update)
	get(t, empty, "/teams", "ja", http.StatusOK)
	for _, m := range kit.Missing() {
		t.Error(m)
	}
}

func TestAPI(t *testing.T) {
	h, _ := serve(t, shop())
	read := func(path string, into any) string {
		t.Helper()
		text := get(t, h, path, "en", http.StatusOK)
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
		return text
	}
	var page ServicePage
	if read("/api/v1/services?limit=2", &page); len(page.Services) != 2 || page.Next != "payment" {
		t.Errorf("services: %+v", page)
	}
	var one ServiceDetail
	if read("/api/v1/services/payment", &one); !reflect.DeepEqual(one.Dependents, []string{"checkout"}) || !reflect.DeepEqual(one.Owner.Teams, []string{"shop"}) {
		t.Errorf("service: %+v", one)
	}
	var team TeamDetail
	if read("/api/v1/teams/shop", &team); !reflect.DeepEqual(team.Services, []string{"checkout", "payment"}) {
		t.Errorf("team: %+v", team)
	}
	var people []catalog.Person
	if text := read("/api/v1/catalog/people", &people); strings.Contains(text, "secret") || people[0].Devices[0].Address != "https://hooks.example/…" {
		t.Errorf("the address of a device is told: %s", text)
	}
	var owner catalog.Owner
	if read("/api/v1/owners?host=pay.shop.example", &owner); owner.Service != "payment" || owner.Why != "services.yaml:20: hosts" {
		t.Errorf("owner: %+v", owner)
	}
	get(t, h, "/api/v1/owners?host=nope.example", "en", http.StatusNotFound)
	get(t, h, "/api/v1/owners", "en", http.StatusUnprocessableEntity)
}

func TestGuesses(t *testing.T) {
	services := []catalog.Service{{ID: "payment"}}
	tests := []struct {
		text string
		want []catalog.Question
	}{
		{"payment", []catalog.Question{{Service: "payment"}}},
		{"https://pay.shop.example:443/cart?x=1", []catalog.Question{{Host: "pay.shop.example"}}},
		{" shop/payment/main.go ", []catalog.Question{{Path: "shop/payment/main.go"}}},
		{"pay.shop.example", []catalog.Question{{Host: "pay.shop.example"}, {Path: "pay.shop.example"}}},
	}
	for _, tt := range tests {
		if got := guesses(tt.text, services); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: got %+v, want %+v", tt.text, got, tt.want)
		}
	}
}

func TestPick(t *testing.T) {
	all := []catalog.Service{{ID: "a"}, {ID: "b", Tier: 2, Team: "x"}, {ID: "c", Tier: 1, Team: "x"}, {ID: "d", Tier: 1, Team: "y", Description: "Search"}}
	tests := []struct {
		f          filter
		want, next string
	}{
		{filter{}, "c d b a", ""}, // by tier; without one last
		{filter{Team: "x"}, "c b", ""},
		{filter{Tier: 1}, "c d", ""},
		{filter{Text: "SEARCH"}, "d", ""},
		{filter{Limit: 1}, "c", "c"},
		{filter{Limit: 2, After: "c"}, "d b", "b"},
	}
	for _, tt := range tests {
		page, next := pick(all, tt.f)
		var ids []string
		for _, s := range page {
			ids = append(ids, s.ID)
		}
		if got := strings.Join(ids, " "); got != tt.want || next != tt.next {
			t.Errorf("%+v: got %q, next %q; want %q, %q", tt.f, got, next, tt.want, tt.next)
		}
	}
}
