package postmortemweb

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/postmortem"
)

type listView struct {
	Head webkit.Head
	Rows []rowView
	Next string
}

type rowView struct {
	ID, Title, Href string
	State           webkit.State
	Status          string
	Incident        string
	IncidentHref    string
	Service         string
	Coverage        string
	Approver        string
	At              time.Time
}

type panelView struct {
	Incident string
	Row      *rowView // nil where there is no report
}

type reportView struct {
	Title, Lang, Base, Incident string
	IncidentHref                string
	Head                        webkit.Head
	Sections                    []sectionView
	Records                     []recordView
	Kinds                       []kindView
	Editable, Redraftable       bool
	Publish                     publishView
}

type sectionView struct {
	Key, Title string
	Sentences  []sentenceView
}

type sentenceView struct {
	ID, Number, Text string
	Kind             kindView
	Cites            []citeView
	Seqs             string // "12 14": what lights up with it
}

// kindView is a kind as a mark and a word.
type kindView struct{ Class, Mark, Word, Definition string }

type citeView struct{ Text, Href string }

type recordView struct {
	ID, Seq, Text, Name, Actor, Href string
	At                               time.Time
	CitedBy                          []citeView
}

type publishView struct {
	Done    bool
	Refused string          // why the viewer may not, or nobody may
	People  []webkit.Choice // who may be named; empty where people sign in
	Me      string          // the viewer's name, who would answer for it
}

type editView struct {
	Key                        postmortem.Key
	Title, Heading, Base, Text string
	Error, As                  string
	Published, Blameless       bool
	Records                    []recordView
	People                     []webkit.Choice
}

func coverage(ctx context.Context, r postmortem.Report) string {
	n, cited := r.Count()
	return webkit.T(ctx, "postmortem.coverage", n, cited)
}

func rowOf(ctx context.Context, r postmortem.Report, service string, name func(string) string) rowView {
	n, cited := r.Count()
	v := rowView{
		ID: "pm" + strconv.Itoa(r.Number), Title: plainTitle(r), Href: href(r), State: webkit.Warning, Status: webkit.T(ctx, "postmortem.status.draft"),
		Incident: "#" + strconv.Itoa(r.Number), IncidentHref: "/incidents/" + strconv.Itoa(r.Number), Service: service,
		Coverage: webkit.T(ctx, "postmortem.ratio", cited, n), At: r.DraftedAt,
	}
	if !r.EditedAt.IsZero() {
		v.At = r.EditedAt
	}
	if r.Status == postmortem.PublishedStatus {
		v.State, v.Status, v.At, v.Approver = webkit.OK, webkit.T(ctx, "postmortem.status.published"), r.PublishedAt, name(r.Approver)
	}
	return v
}

// plainTitle is the title without the word that every one of them begins with.
func plainTitle(r postmortem.Report) string {
	for _, word := range []string{"Postmortem: ", "ポストモーテム: "} {
		if rest, ok := strings.CutPrefix(r.Title, word); ok && rest != "" {
			return rest
		}
	}
	return r.Title
}

// listHead says how many wait for somebody.
func listHead(ctx context.Context, list []postmortem.Report) webkit.Head {
	h := webkit.Head{Title: webkit.T(ctx, "postmortem.nav"), State: webkit.OK, Sentence: webkit.T(ctx, "postmortem.allpublished")}
	drafts := 0
	for _, r := range list {
		if r.Status != postmortem.PublishedStatus {
			drafts++
		}
	}
	switch {
	case len(list) == 0:
		h.State, h.Sentence = "", webkit.T(ctx, "postmortem.nothing")
	case drafts > 0:
		h.State, h.Sentence = webkit.Warning, webkit.T(ctx, "postmortem.waiting", drafts)
	}
	return h
}

func kindOf(ctx context.Context, k postmortem.Kind) kindView {
	mark := map[postmortem.Kind]string{postmortem.Fact: "●", postmortem.Inference: "△", postmortem.Question: "?", postmortem.Statement: "○"}[k]
	return kindView{
		Class: "kind kind-" + string(k), Mark: cmp.Or(mark, "○"),
		Word: webkit.T(ctx, "postmortem.kind."+string(k)), Definition: webkit.T(ctx, "postmortem.kind."+string(k)+".def"),
	}
}

// document lays a report out: its sentences numbered through, each with its
// citations, and each cited record with the sentences that stand on it.
func document(ctx context.Context, r postmortem.Report, records map[int64]event.Record, name func(string) string) reportView {
	v := reportView{
		Title: r.Title, Lang: r.Lang, Base: href(r), Incident: r.Incident, IncidentHref: "/incidents/" + strconv.Itoa(r.Number),
		Head: reportHead(ctx, r, name), Editable: r.Status == postmortem.DraftStatus, Redraftable: r.Status == postmortem.DraftStatus && r.EditedAt.IsZero(),
	}
	for _, k := range []postmortem.Kind{postmortem.Fact, postmortem.Inference, postmortem.Question, postmortem.Statement} {
		v.Kinds = append(v.Kinds, kindOf(ctx, k))
	}
	citedBy := map[int64][]citeView{}
	n := 0
	for _, s := range r.Sections {
		sv := sectionView{Key: string(s.Key), Title: postmortem.Heading(r.Lang, s.Key)}
		for _, t := range s.Sentences {
			n++
			number := strconv.Itoa(n)
			x := sentenceView{ID: "s" + number, Number: number, Text: t.Text, Kind: kindOf(ctx, t.Kind)}
			var seqs []string
			for _, c := range t.Cites {
				seq := strconv.FormatInt(c.Seq, 10)
				seqs = append(seqs, seq)
				x.Cites = append(x.Cites, citeView{Text: "#" + seq, Href: "#r" + seq})
				citedBy[c.Seq] = append(citedBy[c.Seq], citeView{Text: number, Href: "#" + x.ID})
			}
			x.Seqs = strings.Join(seqs, " ")
			sv.Sentences = append(sv.Sentences, x)
		}
		v.Sections = append(v.Sections, sv)
	}
	for _, seq := range r.Cites() {
		rec, known := records[seq]
		x := recordView{ID: "r" + strconv.FormatInt(seq, 10), Seq: strconv.FormatInt(seq, 10), Text: webkit.T(ctx, "postmortem.record.lost"), CitedBy: citedBy[seq]}
		if known {
			x = recordOf(rec, r.Lang, name)
			x.CitedBy = citedBy[seq]
		}
		v.Records = append(v.Records, x)
	}
	return v
}

func recordOf(r event.Record, lang string, name func(string) string) recordView {
	seq := strconv.FormatInt(r.Seq, 10)
	x := recordView{ID: "r" + seq, Seq: seq, At: r.At, Name: r.Name, Actor: r.Actor, Text: incident.Line(r, lang, name), Href: "/log/" + seq}
	if id, ok := strings.CutPrefix(r.Actor, "person/"); ok {
		x.Actor = name(id)
	}
	return x
}

func reportHead(ctx context.Context, r postmortem.Report, name func(string) string) webkit.Head {
	h := webkit.Head{Title: webkit.T(ctx, "postmortem.head.draft", strconv.Itoa(r.Number)), Sentence: plainTitle(r), State: webkit.Warning}
	switch {
	case r.Status == postmortem.PublishedStatus:
		h.State, h.Title = webkit.OK, webkit.T(ctx, "postmortem.head.published", strconv.Itoa(r.Number))
		h.Detail = webkit.T(ctx, "postmortem.detail.published", r.PublishedAt, name(r.Approver))
	case r.EditedAt.IsZero():
		h.Detail = webkit.T(ctx, "postmortem.detail.drafted", r.DraftedAt)
	default:
		var editors []string
		for _, e := range r.Editors {
			editors = append(editors, name(e))
		}
		h.Detail = webkit.T(ctx, "postmortem.detail.edited", r.EditedAt, strings.Join(editors, ", "))
	}
	h.Detail = webkit.T(ctx, "postmortem.and", coverage(ctx, r), h.Detail)
	return h
}

// publishing says who may publish a report, or why the viewer may not. me is
// the person signed in; "" where the form asks for one.
func publishing(ctx context.Context, r postmortem.Report, people []catalog.Person, me string) publishView {
	v := publishView{Done: r.Status == postmortem.PublishedStatus}
	author := r.SoleAuthor()
	others := slices.ContainsFunc(people, func(p catalog.Person) bool { return p.ID != author })
	if !others {
		author = ""
	}
	switch {
	case v.Done:
	case len(people) == 0:
		v.Refused = webkit.T(ctx, "postmortem.refused.nobody")
	case me == "":
		v.People = choices(people, author)
		if author != "" {
			v.Refused = webkit.T(ctx, "postmortem.refused.author", nameOf(people, author))
		}
	case me == author:
		v.Refused = webkit.T(ctx, "postmortem.refused.you")
	case !slices.ContainsFunc(people, func(p catalog.Person) bool { return p.ID == me }):
		v.Refused = webkit.T(ctx, "postmortem.refused.stranger", me)
	default:
		v.Me = nameOf(people, me)
	}
	return v
}

func nameOf(people []catalog.Person, id string) string {
	for _, p := range people {
		if p.ID == id {
			return cmp.Or(p.Name, p.ID)
		}
	}
	return id
}

// choices are people to choose from, but for one.
func choices(people []catalog.Person, but string) []webkit.Choice {
	var out []webkit.Choice
	for _, p := range people {
		if p.ID != but {
			out = append(out, webkit.Choice{Value: p.ID, Text: cmp.Or(p.Name, p.ID)})
		}
	}
	return out
}

// sectionText is a section as people edit it; false where no report has it.
func sectionText(r postmortem.Report, key postmortem.Key) (string, bool) {
	for _, s := range r.Sections {
		if s.Key == key {
			return s.Text(), true
		}
	}
	return "", slices.Contains(postmortem.Keys(), key)
}

// citable are the records that a sentence may stand on, in the order of the
// log: those of the timeline and those that are cited already.
func citable(lang string, timeline []event.Record, cited map[int64]event.Record, name func(string) string) []recordView {
	all := maps.Clone(cited)
	if all == nil {
		all = map[int64]event.Record{}
	}
	for _, r := range timeline {
		all[r.Seq] = r
	}
	var out []recordView
	for _, seq := range slices.Sorted(maps.Keys(all)) {
		x := recordOf(all[seq], lang, name)
		if x.Text == "" {
			x.Text = x.Name
		}
		out = append(out, x)
	}
	return out
}
