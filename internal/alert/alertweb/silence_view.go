package alertweb

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

type silenceListView struct {
	Head   webkit.Head
	Tabs   []webkit.Tab
	Rows   []silenceRowView
	Lesson webkit.Lesson
	MayAct bool
}

type silenceRowView struct {
	ID, Href  string
	State     webkit.State
	Word      string
	Matchers  []string
	Comment   string
	Who       string
	Until     time.Time
	UntilText string
	Hides     string
	Marks     []webkit.Pair // Key is the state, Value the words
	Extend    string
	Expire    string
	Renew     string
}

func silenceLook(s SilenceRow) webkit.State {
	switch {
	case s.Long:
		return webkit.Firing
	case s.Ghost || s.State == dispatch.SilencePending:
		return webkit.Warning
	}
	return webkit.Muted
}

func viewSilenceRow(ctx context.Context, s SilenceRow, names map[string]string) silenceRowView {
	v := silenceRowView{
		ID: s.ID, Href: silenceHref(s.ID), State: silenceLook(s), Word: webkit.T(ctx, "silences.state."+string(s.State)), Comment: s.Comment,
		Who: nameOf(names, s.CreatedBy), Until: s.EndsAt, Hides: "—",
	}
	for _, m := range s.Matchers {
		v.Matchers = append(v.Matchers, short(m))
	}
	switch s.State {
	case dispatch.SilencePending:
		v.UntilText = webkit.T(ctx, "silences.from", s.StartsAt, s.EndsAt)
	case dispatch.SilenceExpired:
		v.UntilText = webkit.T(ctx, "silences.ended", s.EndsAt)
	case dispatch.SilenceActive:
		v.UntilText, v.Hides = webkit.T(ctx, "silences.until", s.EndsAt, webkit.Duration(ctx, s.EndsAt.Sub(webkit.Now(ctx)).Round(time.Minute))), webkit.Number(ctx, int64(s.Hides))
	}
	if s.Long {
		v.Marks = append(v.Marks, webkit.Pair{Key: string(webkit.Firing), Value: webkit.T(ctx, "silences.mark.long", s.Pages, webkit.Duration(ctx, s.EndsAt.Sub(s.StartsAt).Round(time.Hour)))})
	}
	if s.Ghost {
		v.Marks = append(v.Marks, webkit.Pair{Key: string(webkit.Warning), Value: webkit.T(ctx, "silences.mark.ghost")})
	}
	if auth.MayAct(ctx) {
		if s.State == dispatch.SilenceExpired {
			v.Renew = "/silences/new?from=" + s.ID
		} else {
			v.Extend, v.Expire = v.Href+"/extend", v.Href+"/expire"
		}
	}
	return v
}

// short keeps a matcher of 10 kB from filling a page.
func short(s string) string {
	const most = 160
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func viewSilences(ctx context.Context, all []SilenceRow, names map[string]string, state string) silenceListView {
	v := silenceListView{MayAct: auth.MayAct(ctx)}
	count := map[dispatch.SilenceState]int{}
	var hides, long, ghosts int
	for _, s := range all {
		count[s.State]++
		hides += s.Hides
		if s.Long {
			long++
		}
		if s.Ghost {
			ghosts++
		}
	}
	if !slices.Contains([]string{"active", "pending", "expired"}, state) {
		state = ""
	}
	for _, t := range []string{"", "active", "pending", "expired"} {
		key, n := t, count[dispatch.SilenceState(t)]
		if t == "" {
			key, n = "all", count[dispatch.SilenceActive]+count[dispatch.SilencePending]
		}
		v.Tabs = append(v.Tabs, webkit.Tab{Text: webkit.T(ctx, "silences.tab."+key), Href: webkit.WithQuery(ctx, "state", t), Count: webkit.Number(ctx, int64(n)), Current: state == t})
	}
	for _, s := range all {
		if string(s.State) == state || state == "" && s.State != dispatch.SilenceExpired {
			v.Rows = append(v.Rows, viewSilenceRow(ctx, s, names))
		}
	}
	v.Head = webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "silences.head.none")}
	switch {
	case long > 0:
		v.Head = webkit.Head{State: webkit.Firing, Sentence: webkit.T(ctx, "silences.head.long", long), Detail: webkit.T(ctx, "silences.head.detail", count[dispatch.SilenceActive], hides)}
	case count[dispatch.SilenceActive] > 0:
		v.Head = webkit.Head{State: webkit.Muted, Sentence: webkit.T(ctx, "silences.head.active", count[dispatch.SilenceActive], hides)}
	}
	if ghosts > 0 {
		v.Head.Detail = strings.TrimSpace(v.Head.Detail + " " + webkit.T(ctx, "silences.head.ghosts", ghosts))
	}
	if len(all) == 0 {
		v.Lesson = webkit.Lesson{Title: webkit.T(ctx, "silences.empty.title"), Text: webkit.T(ctx, "silences.empty.text"), Command: "amtool --alertmanager.url http://127.0.0.1:8119 silence add --comment \"disk is being replaced\" --duration 2h service=shop"}
	}
	return v
}

type silenceFormView struct {
	Head     webkit.Head
	Crumb    string
	Form     silenceForm
	Offered  []tickView
	Fields   []webkit.Input
	ActAs    webkit.ActAs
	Wrong    string
	Preview  *previewView
	Confirm  bool
	MayAct   bool
	Expired  bool
	Extend   string
	Expire   string
	Renew    string
	SaveText string
	Facts    []webkit.Pair
}

type tickView struct {
	Value, Text string
	Ticked      bool
}

type previewView struct {
	Sentence string
	State    webkit.State
	Past     string
	Warnings []string
	Now      []hiddenView
	Before   []hiddenView
}

type hiddenView struct {
	State         webkit.State
	Text, Labels  string
	Href, Service string
	Since         time.Time
}

func viewSilenceForm(ctx context.Context, ask silenceAsk, names map[string]string) silenceFormView {
	f := ask.form
	v := silenceFormView{Form: f, Wrong: ask.wrong, MayAct: auth.MayAct(ctx), Crumb: webkit.T(ctx, "silences.new"), SaveText: webkit.T(ctx, "silences.save.new")}
	v.Head = webkit.Head{Sentence: webkit.T(ctx, "silences.new"), Detail: webkit.T(ctx, "silences.new.detail")}
	if ask.row != nil {
		row := viewSilenceRow(ctx, *ask.row, names)
		v.Head = webkit.Head{State: row.State, Title: webkit.T(ctx, "silences.one"), Sentence: webkit.T(ctx, "silences.one.head", row.Word, strings.Join(row.Matchers, ", ")), Detail: row.UntilText}
		v.Crumb, v.SaveText, v.Expired = short(strings.Join(ask.row.Matchers, ", ")), webkit.T(ctx, "silences.save.edit"), ask.row.State == dispatch.SilenceExpired
		v.Extend, v.Expire, v.Renew = row.Extend, row.Expire, row.Renew
		v.Facts = []webkit.Pair{
			{Key: webkit.T(ctx, "silences.who"), Value: row.Who},
			{Key: webkit.T(ctx, "silences.why"), Value: row.Comment},
			{Key: webkit.T(ctx, "silences.starts"), Body: webkit.Time(ask.row.StartsAt)},
			{Key: webkit.T(ctx, "silences.ends"), Body: webkit.Time(ask.row.EndsAt)},
			{Key: webkit.T(ctx, "alerts.fact.log"), Value: webkit.T(ctx, "alerts.fact.log.link"), Href: "/log?subject=silence%2F" + ask.row.ID},
		}
	}
	for _, o := range f.Offered {
		v.Offered = append(v.Offered, tickView{Value: o, Text: short(o), Ticked: slices.Contains(f.Ticked, o)})
	}
	help := "silences.matchers.help"
	if len(f.Offered) > 0 {
		help = "silences.matchers.more"
	}
	v.Fields = []webkit.Input{
		{Name: "matchers", Type: "textarea", Rows: 3, Label: webkit.T(ctx, "silences.matchers"), Value: f.Matchers, Help: webkit.T(ctx, help), Placeholder: "service=\"shop\"\nregion=~\"eu-.*\""},
		{Name: "comment", Label: webkit.T(ctx, "silences.why"), Value: f.Comment, Help: webkit.T(ctx, "silences.why.help")},
		{Name: "for", Type: "select", Label: webkit.T(ctx, "silences.for"), Value: f.For, Choices: []webkit.Choice{
			{Value: "1h", Text: webkit.T(ctx, "silences.for.1h")},
			{Value: "4h", Text: webkit.T(ctx, "silences.for.4h")},
			{Value: "tomorrow", Text: webkit.T(ctx, "silences.for.tomorrow", webkit.Day(ctx, tomorrow(webkit.Now(ctx), webkit.Zone(ctx))))},
			{Value: "custom", Text: webkit.T(ctx, "silences.for.custom")},
		}},
		{Name: "ends", Type: "datetime-local", Label: webkit.T(ctx, "silences.ends"), Value: f.Ends, Help: webkit.T(ctx, "silences.ends.help", webkit.Zone(ctx).String())},
		{Name: "starts", Type: "datetime-local", Label: webkit.T(ctx, "silences.starts"), Value: f.Starts, Help: webkit.T(ctx, "silences.starts.help")},
	}
	if ask.preview != nil {
		v.Preview = viewPreview(ctx, *ask.preview, ask.ends)
		v.Confirm = len(ask.preview.Warnings) > 0
	}
	return v
}

func viewPreview(ctx context.Context, p SilencePreview, ends time.Time) *previewView {
	v := &previewView{State: webkit.Muted, Sentence: webkit.T(ctx, "silences.preview.now", p.NowCount, p.NowAll, p.NowPages, ends)}
	if p.NowCount == 0 {
		v.Sentence = webkit.T(ctx, "silences.preview.none", p.NowAll)
	}
	if p.NowPages > 0 {
		v.State = webkit.Warning
	}
	v.Past = webkit.T(ctx, "silences.preview.past", p.PastCount, p.PastAll, p.PastPages)
	if p.Partial {
		v.Past += " " + webkit.T(ctx, "silences.preview.partial")
	}
	for _, w := range p.Warnings {
		switch w {
		case warnPage:
			v.Warnings = append(v.Warnings, webkit.T(ctx, "silences.warn.page", p.NowPages, p.PastPages, ends))
		case warnMost:
			v.Warnings = append(v.Warnings, webkit.T(ctx, "silences.warn.most", p.NowCount, p.NowAll, p.PastCount, p.PastAll))
		case warnOthers:
			v.Warnings = append(v.Warnings, webkit.T(ctx, "silences.warn.others", short(strings.Join(p.Others, ", "))))
		}
	}
	v.Now, v.Before = hidden(p.Now), hidden(p.Past)
	return v
}

func hidden(all []HiddenAlert) (out []hiddenView) {
	for _, h := range all {
		v := hiddenView{State: webkit.Muted, Text: short(h.Summary), Labels: short(h.Labels), Service: h.Service, Since: h.Since}
		if h.Page {
			v.State = webkit.Firing
		}
		if h.ID != "" {
			v.Href = "/alerts/" + h.ID
		}
		out = append(out, v)
	}
	return out
}

func withNewSilence(v silenceListView) webkit.Head {
	if v.MayAct {
		v.Head.Actions = newSilenceButton()
	}
	return v.Head
}

func withSilenceActions(v silenceFormView) webkit.Head {
	if v.Extend != "" || v.Renew != "" {
		v.Head.Actions = silenceActions(v)
	}
	return v.Head
}
