package postmortemweb_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/testkit"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/postmortem"
	"github.com/hinoban/hinoban/internal/postmortem/postmortemdb"
	"github.com/hinoban/hinoban/internal/postmortem/postmortemweb"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// recorded is the incident room and the log, as once recorded.
type recorded struct {
	Incident incident.Incident
	Records  []event.Record
	Related  []event.Record
}

// incidents is the incident room of a recording.
type incidents struct{ recorded }

func (x incidents) Incident(_ context.Context, id string) (incident.Incident, error) {
	if id != x.recorded.Incident.ID && id != "7" && id != "8" {
		return incident.Incident{}, errs.New(errs.NotFound, "incident %q", id)
	}
	i := x.recorded.Incident
	if id == "8" {
		i.ID, i.Number = "i8", 8
	}
	return i, nil
}

func (x incidents) Timeline(context.Context, incident.Incident) ([]event.Record, error) {
	return x.Records, nil
}

// Events is the log of a recording.
func (x recorded) Events(_ context.Context, q event.Query) ([]event.Record, error) {
	var out []event.Record
	for _, r := range append(append([]event.Record{}, x.Records...), x.Related...) {
		for _, s := range q.Seqs {
			if r.Seq == s {
				out = append(out, r)
			}
		}
	}
	if len(q.Seqs) == 0 && len(q.Services) == 0 {
		return []event.Record{x.Related[0], x.Related[3]}, nil
	}
	return out, nil
}

type house struct {
	t       *testing.T
	now     time.Time
	writer  *postmortem.Writer
	kit     *webkit.Kit
	handler http.Handler
	as      auth.Principal
}

func build(t *testing.T) *house {
	h := &house{t: t, now: time.Date(2026, 11, 20, 2, 40, 13, 0, time.UTC), as: auth.Local("127.0.0.1")}
	text, err := os.ReadFile("../testdata/night.json")
	if err != nil {
		t.Fatal(err)
	}
	var night recorded
	if err := json.Unmarshal(text, &night); err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return h.now }
	db := testkit.Open(t, filepath.Join(t.TempDir(), "test.db"), testkit.Tables{Room: "bus", Files: bus.Migrations}, testkit.Tables{Room: "postmortem", Files: postmortemdb.Migrations})
	n := 0
	newID := func() string { n++; return fmt.Sprintf("id%04d", n) }
	house := catalog.New()
	house.Replace(&catalog.Snapshot{Services: []catalog.Service{{ID: "payment", Name: "Payment"}}, People: []catalog.Person{{ID: "aoi", Name: "佐藤 葵"}, {ID: "ren", Name: "Ren"}}})
	h.writer = postmortem.New(postmortem.Deps{Store: postmortemdb.New(db, bus.New(db, clock, newID)), Incidents: incidents{night}, Catalog: house, Log: night, Now: clock, NewID: newID, Lang: "en"})
	quiet := slog.New(slog.DiscardHandler)
	if h.kit, err = webkit.New(webkit.Options{Log: quiet, Nav: postmortemweb.Nav(), Text: []webkit.Catalogue{postmortemweb.Text}, Now: clock}); err != nil {
		t.Fatal(err)
	}
	d := postmortemweb.Deps{Kit: h.kit, Log: quiet, Now: clock, Writer: h.writer, Incidents: incidents{night}, Catalog: house}
	api := httpd.NewAPI(quiet, "test")
	postmortemweb.API(api, d)
	guard := func(_ httpd.Access, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(auth.With(r.Context(), h.as)))
		})
	}
	if h.handler, err = httpd.Handler(quiet, httpd.Default(), guard, clock, append(postmortemweb.Routes(d), api.Routes()...)...); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) do(method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func (h *house) main(target, lang string) string {
	h.t.Helper()
	w := h.do(http.MethodGet, target, "", "HX-Request", "true", "HX-Target", "main#main", "Accept-Language", lang)
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "⟦") {
		h.t.Fatalf("%s in %s: status %d, or a key without text: %s", target, lang, w.Code, w.Body)
	}
	return w.Body.String()
}

func (h *house) form(target string, pairs ...string) *httptest.ResponseRecorder {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return h.do(http.MethodPost, target, v.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (h *house) json(method, target, body string, want int, out any) {
	h.t.Helper()
	w := h.do(method, target, body, "Content-Type", "application/json")
	if w.Code != want {
		h.t.Fatalf("%s %s: got %d %s, want %d", method, target, w.Code, w.Body, want)
	}
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			h.t.Fatal(err)
		}
	}
}

func TestPagesAreAsBefore(t *testing.T) {
	h := build(t)
	golden(t, "empty", h.main("/postmortems", "en"))
	golden(t, "none", h.main("/postmortems/8", "en"))
	if w := h.form("/postmortems", "incident", "i7"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/postmortems/7" {
		t.Fatalf("draft: got %d to %q", w.Code, w.Header().Get("Location"))
	}
	golden(t, "draft", h.main("/postmortems/7", "en"))
	golden(t, "edit", h.main("/postmortems/7/edit/questions", "en"))
	golden(t, "list", h.main("/postmortems", "ja"))
	golden(t, "panel", h.main("/panels/postmortems/i7", "en"))
	for _, target := range []string{"/postmortems/i7", "/postmortems/7/edit/lessons", "/panels/postmortems/i8", "/postmortems"} {
		h.main(target, "en")
		h.main(target, "ja")
	}
	for target, want := range map[string]int{"/postmortems/99": 404, "/postmortems/7/edit/guesses": 404} {
		if w := h.do(http.MethodGet, target, ""); w.Code != want {
			t.Errorf("%s: got %d, want %d", target, w.Code, want)
		}
	}
	if m := h.kit.Missing(); len(m) > 0 {
		t.Errorf("missing text:\n%s", strings.Join(m, "\n"))
	}
}

// Every citation leads to a record on the page, and every record back.
func TestEachChipLeadsToItsRecord(t *testing.T) {
	h := build(t)
	h.form("/postmortems", "incident", "i7")
	html := h.main("/postmortems/7", "en")
	links := regexp.MustCompile(`href="#([rs]\d+)"`).FindAllStringSubmatch(html, -1)
	if len(links) < 80 {
		t.Errorf("only %d links inside the page", len(links))
	}
	for _, l := range links {
		if strings.Count(html, `id="`+l[1]+`"`) != 1 {
			t.Errorf("#%s is on the page %d times", l[1], strings.Count(html, `id="`+l[1]+`"`))
		}
	}
	if !strings.Contains(html, "sentences cite the log.") {
		t.Error("the page does not say how many sentences cite the log")
	}
}

func TestEditAndPublish(t *testing.T) {
	h := build(t)
	h.form("/postmortems", "incident", "i7")
	for _, c := range []struct{ section, text, want string }{
		{"summary", "It broke. [#99999]", "which is not in the log"},
		{"questions", "Why did Ren wait? [#133]", "line 1 names Ren"},
	} {
		w := h.form("/postmortems/7/edit/"+c.section, "text", c.text, "as", "aoi")
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), c.want) || !strings.Contains(w.Body.String(), c.text) {
			t.Errorf("%q: got %d, which does not say %q, or lost what was typed", c.text, w.Code, c.want)
		}
	}
	if w := h.form("/postmortems/7/edit/lessons", "text", "Ask for two approvals.\n(inference) v2.4 broke it. [#166]", "as", "aoi"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/postmortems/7#lessons" {
		t.Fatalf("edit: got %d to %q", w.Code, w.Header().Get("Location"))
	}
	html := h.main("/postmortems/7", "en")
	for _, want := range []string{"kind-statement", "kind-inference", "is its only author", `<option value="ren">`} {
		if !strings.Contains(html, want) {
			t.Errorf("after an edit the page does not hold %q", want)
		}
	}
	if strings.Contains(html, `<option value="aoi">`) || strings.Contains(html, "Draft again") {
		t.Error("after an edit the author may approve, or the draft may be written again")
	}
	h.form("/postmortems/7/publish", "as", "aoi") // refused
	if r, _, err := h.writer.Report(t.Context(), "7"); err != nil || r.Status != postmortem.DraftStatus {
		t.Fatalf("the only author published: %s, %v", r.Status, err)
	}
	h.as = auth.Principal{ID: "aoi", Kind: auth.ByPerson, Role: auth.Responder}
	if html := h.main("/postmortems/7", "en"); !strings.Contains(html, "You are its only author") {
		t.Error("the author is not told why publishing is refused")
	}
	h.as.ID = "ren"
	h.form("/postmortems/7/publish")
	golden(t, "published", h.main("/postmortems/7", "ja"))
	w := h.do(http.MethodGet, "/postmortems/7/report.md", "")
	if got := w.Header().Get("Content-Disposition"); w.Code != http.StatusOK || got != `attachment; filename="postmortem-7.md"` || !strings.HasPrefix(w.Body.String(), "# Postmortem: ") {
		t.Errorf("export: got %d %q", w.Code, got)
	}
}

func TestAPI(t *testing.T) {
	h := build(t)
	h.json("GET", "/api/v1/postmortems/7", "", 404, nil)
	h.json("POST", "/api/v1/incidents/7/postmortem", "", 200, nil)
	h.json("POST", "/api/v1/incidents/99/postmortem", "", 404, nil)
	var got postmortemweb.Proven
	h.json("GET", "/api/v1/postmortems/i7", "", 200, &got)
	n, cited := got.Report.Count()
	known := map[int64]bool{}
	for _, r := range got.Records {
		known[r.Seq] = true
	}
	for _, seq := range got.Report.Cites() {
		if !known[seq] {
			t.Errorf("record %d is cited and not there", seq)
		}
	}
	if n < 30 || n != cited || len(known) != len(got.Records) {
		t.Errorf("%d of %d sentences cite, %d records", cited, n, len(got.Records))
	}
	h.json("PUT", "/api/v1/postmortems/7/sections/lessons", `{"text":"Two approvals.","as":"aoi"}`, 200, nil)
	h.json("PUT", "/api/v1/postmortems/7/sections/guesses", `{"text":"x"}`, 422, nil)
	h.json("PUT", "/api/v1/postmortems/7/sections/summary", `{"text":"x [#99999]"}`, 422, nil)
	h.json("POST", "/api/v1/postmortems/7/publish?as=aoi", "", 409, nil)
	h.json("POST", "/api/v1/postmortems/7/publish", `{"as":"ghost"}`, 422, nil)
	h.json("POST", "/api/v1/postmortems/7/publish", `{"as":"ren"}`, 200, nil)
	h.json("PUT", "/api/v1/postmortems/7/sections/lessons", `{"text":"late"}`, 409, nil)
	var page postmortemweb.ReportPage
	h.json("GET", "/api/v1/postmortems", "", 200, &page)
	if len(page.Reports) != 1 || page.Reports[0].Approver != "ren" || page.Next != "" {
		t.Errorf("list: %+v", page)
	}
}

func golden(t *testing.T, name, html string) {
	t.Helper()
	got := strings.TrimSpace(regexp.MustCompile(`>\s*<`).ReplaceAllString(html, ">\n<")) + "\n"
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("%s:%d: got %s\nwant %s\n(rewrite with -update and explain the change)", file, i+1, g[i], w[i])
		}
	}
	if len(g) != len(w) {
		t.Fatalf("%s: got %d lines, want %d", file, len(g), len(w))
	}
}
