package oncallweb_test

import (
	"strings"
	"testing"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/auth"
)

func TestFairnessIsOnePageAndOneCall(t *testing.T) {
	h := build(t)
	aoi, ren := rota.Slot{"aoi"}, rota.Slot{"ren"}
	h.replace(&oncall.Plan{Rotas: []oncall.Rota{weekly("shop", "Shop", rota.NewZone(h.now.Location()), aoi, aoi, aoi, ren)}})
	var f oncall.Fairness
	h.json("GET", "/api/v1/oncall/fairness?rota=shop&back=8w", "", 200, &f)
	if len(f.Moves) == 0 || f.Past == nil || f.Whole >= 0.9 {
		t.Fatalf("got %+v, want moves for a load that is not shared", f)
	}
	html := h.main("/oncall/fairness?rota=shop&back=8w", "en")
	if n := strings.Count(html, `action="/oncall/changes"`); n != len(f.Moves) || !strings.Contains(html, "to Ren") {
		t.Errorf("got %d buttons, want one for each of %d moves", n, len(f.Moves))
	}
	h.as = auth.Principal{ID: "ren", Kind: auth.ByPerson, Role: auth.Viewer}
	if strings.Contains(h.main("/oncall/fairness?rota=shop", "ja"), "<form method=\"post\"") {
		t.Error("somebody who may only look is offered a button")
	}
	h.json("GET", "/api/v1/oncall/fairness?rota=shop&back=soon", "", 422, nil)
	h.json("GET", "/api/v1/oncall/fairness?rota=none", "", 404, nil)
}

func TestTheLedgerIsFiltered(t *testing.T) {
	h := build(t)
	p := h.fire()
	_, ledger, err := h.pager.Page(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]bool{"": true, "?person=aoi": true, "?person=ren": false, "?state=sent&channel=inbox": true, "?state=failed": false, "?kind=shadow": false} {
		if got := strings.Contains(h.main("/oncall/deliveries"+query, "en"), "/oncall/deliveries/"+ledger[0].ID); got != want {
			t.Errorf("%q: shown %t, want %t", query, got, want)
		}
	}
	if html := h.main("/oncall/deliveries/"+ledger[0].ID, "en"); !strings.Contains(html, "/pages/"+p.ID) || !strings.Contains(html, "taken") {
		t.Error("the delivery does not show its page or its attempt")
	}
	h.main("/oncall/deliveries/"+ledger[0].ID, "ja")
	if w := h.do("GET", "/oncall/deliveries/none", ""); w.Code != 404 {
		t.Errorf("got %d, want 404", w.Code)
	}
}
