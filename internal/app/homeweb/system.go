package homeweb

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// configView is the page of the configuration.
type configView struct {
	Head     webkit.Head
	Problems []problemView
	Groups   []kindView
	Facts    []webkit.Pair
	Empty    bool
}

// problemView is one thing that is wrong with the folder.
type problemView struct{ Place, Message, Fix string }

// kindView are the documents of one kind.
type kindView struct {
	Kind, Doc, Schema string
	Documents         []documentView
}

// documentView is one document in use.
type documentView struct{ Name, Href, Place string }

func viewConfig(ctx context.Context, c Config, kinds []ascode.Kind) configView {
	v := configView{Empty: len(c.Documents) == 0 && len(c.Problems) == 0}
	v.Head = webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "home.config.ok", len(c.Documents))}
	if c.Folder == "" {
		v.Head.Detail = webkit.T(ctx, "home.config.nofolder")
	}
	if n := len(c.Problems); n > 0 {
		v.Head = webkit.Head{State: webkit.Warning, Sentence: webkit.T(ctx, "home.config.bad", n), Detail: webkit.T(ctx, "home.config.lastgood")}
	}
	for _, p := range c.Problems {
		place := p.File
		if p.Line > 0 {
			place += ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
		}
		v.Problems = append(v.Problems, problemView{place, p.Message, p.Fix})
	}
	by := map[string][]documentView{}
	for _, doc := range c.Documents {
		key := doc.APIVersion + " " + doc.Kind
		by[key] = append(by[key], documentView{cmp.Or(doc.Name, doc.File), documentHref(doc), doc.File + ":" + strconv.Itoa(doc.Line)})
	}
	for _, k := range kinds {
		docs := by[k.APIVersion+" "+k.Name]
		if len(docs) == 0 {
			continue
		}
		slices.SortFunc(docs, func(a, b documentView) int { return strings.Compare(a.Name, b.Name) })
		g := kindView{Kind: k.Name, Doc: k.Doc, Documents: docs}
		if k.APIVersion != "" {
			g.Schema = "/config/schema/" + k.APIVersion + "/" + k.Name
		}
		v.Groups = append(v.Groups, g)
	}
	v.Facts = []webkit.Pair{{Key: webkit.T(ctx, "home.config.folder"), Value: cmp.Or(c.Folder, "—")}, {Key: webkit.T(ctx, "home.config.sum"), Value: cmp.Or(c.Sum, "—"), Definition: webkit.T(ctx, "home.config.sum.def")}}
	return v
}

// documentHref is the page of what a document describes, or "".
func documentHref(d ConfigDocument) string {
	folder, ok := map[string]string{"Service": "/services/", "Team": "/teams/", "SLO": "/slos/"}[d.Kind]
	if !ok {
		return ""
	}
	return folder + d.Name
}

func (d Deps) configPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	title := webkit.T(ctx, "home.config")
	return webkit.Page{Title: title, Live: []string{"config"}, Body: configBody(viewConfig(ctx, d.Config(), d.Kinds))}, nil
}

// schema answers with the JSON Schema of one kind, for editors.
func (d Deps) schema(w http.ResponseWriter, r *http.Request) {
	version := r.PathValue("group") + "/" + r.PathValue("version")
	for _, k := range d.Kinds {
		if k.APIVersion != version || k.Name != r.PathValue("kind") {
			continue
		}
		text, err := k.JSONSchema()
		if err != nil {
			httpd.Fail(d.Log, w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/schema+json")
		w.Write(text)
		return
	}
	httpd.Fail(d.Log, w, r, errs.New(errs.NotFound, "there is no kind %s %s", version, r.PathValue("kind")))
}

// checkView is one line of the server's health.
type checkView struct {
	Name, Word, Detail string
	State              webkit.State
}

func viewHealth(ctx context.Context, h httpd.Health) (webkit.Head, []checkView) {
	head := webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "home.health.ok"), Detail: webkit.T(ctx, "home.health.text")}
	var out []checkView
	bad := 0
	for _, c := range h.Checks {
		v := checkView{Name: c.Name, State: webkit.OK, Word: webkit.T(ctx, "home.health.works"), Detail: c.Detail}
		if !c.OK {
			bad++
			v.State, v.Word = webkit.Firing, webkit.T(ctx, "home.health.broken")
			if c.Soft {
				v.State, v.Word = webkit.Warning, webkit.T(ctx, "home.health.soft")
			}
		}
		out = append(out, v)
	}
	switch {
	case !h.Ready:
		head.State, head.Sentence = webkit.Firing, webkit.T(ctx, "home.health.bad")
	case bad > 0:
		head.State, head.Sentence = webkit.Warning, webkit.T(ctx, "home.health.some", bad)
	}
	return head, out
}

func (d Deps) healthPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	head, checks := viewHealth(ctx, d.Health(ctx))
	return webkit.Page{Title: webkit.T(ctx, "home.health"), Body: healthBody(head, checks)}, nil
}
