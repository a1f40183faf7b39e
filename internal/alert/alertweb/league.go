package alertweb

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/score"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

type leagueView struct {
	Head      webkit.Head
	Filter    filterView
	Source    webkit.ActAs
	Rows      []leagueRow
	None      bool
	Lesson    webkit.Lesson
	Proposals string // the address of the proposals, "" where there are none
	Count     int
	Weekly    string
	From      string
	Stale     []staleRow
}

type leagueRow struct {
	ID, Rule, Href, Source, Services string
	State                            webkit.State
	Precision                        precisionView
	Counts                           string
	Alerts, AlertsHref               string
	PerShift                         string
	TooMany                          bool
	Ack, Alone, PerIncident          string
	Judged                           time.Time
	Tested                           testedView
	Asks                             string // what is proposed, in a word
}

// precisionView is a share as a bar with the whiskers of its interval.
type precisionView struct {
	State           webkit.State
	Text, Detail    string
	Fill, Low, High string // of 100
	Told            bool
	Whisker         string
}

const barWidth = 96.0

func viewPrecision(ctx context.Context, s score.Share) precisionView {
	v := precisionView{State: webkit.Unknown, Text: webkit.T(ctx, "judge.cannottell"), Detail: webkit.T(ctx, "judge.n", s.N), Told: s.Told}
	if s.N == 0 {
		v.Text, v.Detail = webkit.T(ctx, "webkit.nodata"), ""
		return v
	}
	px := func(x float64) string { return fmt.Sprintf("%.1f", x*barWidth) }
	v.Fill, v.Low, v.High = px(s.At), px(s.Low), px(s.High)
	v.Whisker = "M" + v.Low + " 3V13M" + v.Low + " 8H" + v.High + "M" + v.High + " 3V13"
	v.Detail = webkit.T(ctx, "judge.interval", percent(s.Low), percent(s.High), s.N)
	if !s.Told {
		return v
	}
	v.Text = percent(s.At)
	switch {
	case s.At < 0.5:
		v.State = webkit.Firing
	case s.At < 0.9:
		v.State = webkit.Warning
	default:
		v.State = webkit.OK
	}
	return v
}

// percent is a share in whole percent: an estimate has no more digits.
func percent(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) }

// leagueFilter is what the address of the table asks for.
type leagueFilter struct{ service, source, severity, sort string }

func readLeague(q url.Values) leagueFilter {
	return leagueFilter{service: q.Get("service"), source: q.Get("source"), severity: q.Get("severity"), sort: q.Get("sort")}
}

// scores are the scores that f asks for, in its order.
func (f leagueFilter) scores(b *score.Board) []score.Score {
	all := slices.DeleteFunc(b.Of(f.service, f.source).Scores(), func(s score.Score) bool {
		return f.severity == string(alert.Page) && !s.Paging || f.severity == "other" && s.Paging
	})
	by, down := strings.CutPrefix(f.sort, "-")
	key := map[string]func(score.Score) float64{
		"precision": func(s score.Score) float64 {
			if !s.Precision.Told {
				return 2
			}
			return s.Precision.At
		},
		"alerts": func(s score.Score) float64 { return float64(s.Alerts) },
		"shift":  func(s score.Score) float64 { return s.PagesPerShift },
		"ack":    func(s score.Score) float64 { return s.AckMedian.Seconds() },
		"alone":  func(s score.Score) float64 { return s.Alone.At },
	}[by]
	if key == nil {
		return all
	}
	slices.SortStableFunc(all, func(a, b score.Score) int {
		c := cmp.Compare(key(a), key(b))
		if down {
			return -c
		}
		return c
	})
	return all
}

func (d Deps) leaguePage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	board, err := d.Judge.Bench.Board(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	v := viewLeague(ctx, board, readLeague(r.URL.Query()))
	services := []string{}
	for _, s := range d.Catalog.Services(ctx) {
		services = append(services, s.ID)
	}
	tested, err := d.tested(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	for i := range v.Rows {
		v.Rows[i].Tested = viewTested(ctx, tested, strings.TrimPrefix(v.Rows[i].ID, v.Rows[i].Source+"-"))
	}
	v.Stale = viewStale(board, tested)
	v.Filter.Service = pick(webkit.T(ctx, "alerts.filter.anyservice"), services, r.URL.Query().Get("service"))
	return webkit.Page{Title: webkit.T(ctx, "judge.league"), Active: "alerts", Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "judge.league")}}, Live: []string{"alert"}, Body: leaguePage(v)}, nil
}

// pick are the choices of a filter: none, the known ones, and what is asked for.
func pick(none string, known []string, value string) webkit.ActAs {
	v := webkit.ActAs{Value: value, Choices: []webkit.Choice{{Text: none}}}
	if value != "" && !slices.Contains(known, value) {
		known = append(known, value)
	}
	for _, k := range known {
		v.Choices = append(v.Choices, webkit.Choice{Value: k, Text: k})
	}
	return v
}

func viewLeague(ctx context.Context, b *score.Board, f leagueFilter) leagueView {
	all, proposals := f.scores(b), b.Proposals()
	asks := map[score.Key]score.Proposal{}
	for _, p := range proposals {
		asks[p.Key] = p
	}
	v := leagueView{Count: len(proposals), Weekly: "/alerts/weekly", From: webkit.Day(ctx, b.From)}
	if len(proposals) > 0 {
		v.Proposals = "/rules/proposals"
	}
	sources := []string{}
	for _, fired := range b.Fired {
		if !slices.Contains(sources, fired.Source) {
			sources = append(sources, fired.Source)
		}
	}
	slices.Sort(sources)
	v.Source = pick(webkit.T(ctx, "judge.anysource"), sources, f.source)
	v.Filter.Severity = webkit.ActAs{Value: f.severity, Choices: []webkit.Choice{{Text: webkit.T(ctx, "alerts.filter.anyseverity")}, {Value: "page", Text: webkit.T(ctx, "judge.paging")}, {Value: "other", Text: webkit.T(ctx, "judge.notpaging")}}}
	if f.service+f.source+f.severity != "" {
		v.Filter.Clear = webkit.WithQuery(ctx, "service", "", "source", "", "severity", "")
	}
	for _, s := range all {
		v.Rows = append(v.Rows, viewLeagueRow(ctx, b, s, asks))
	}
	v.Head = leagueHead(ctx, b.Scores())
	if len(b.Rows) == 0 && len(b.Fired) == 0 {
		v.Lesson = webkit.Lesson{Title: webkit.T(ctx, "judge.empty"), Text: webkit.T(ctx, "judge.empty.text"), Command: "curl -sS http://127.0.0.1:8119/api/v1/alerts/ALERT/judgement -H 'Content-Type: application/json' -d '{\"verdict\": \"noise\", \"as\": \"aoi\"}'"}
	}
	v.None = len(v.Rows) == 0 && v.Lesson.Title == ""
	return v
}

// leagueHead says in a sentence how much of what wakes people is worth it.
func leagueHead(ctx context.Context, all []score.Score) webkit.Head {
	right, judged, broken, silent := 0, 0, 0, 0
	for _, s := range all {
		right, judged = right+s.Actionable, judged+s.Actionable+s.Noise
		if s.Broken() {
			broken++
		}
		if !s.Precision.Told {
			silent++
		}
	}
	h := webkit.Head{State: webkit.OK, Sentence: webkit.T(ctx, "judge.head.good", percent(score.ShareOf(right, judged).At)), Detail: webkit.T(ctx, "judge.head.detail", judged, silent)}
	switch {
	case judged < score.Enough:
		h.State, h.Sentence = webkit.Unknown, webkit.T(ctx, "judge.head.unknown")
	case broken > 0:
		h.State, h.Sentence = webkit.Firing, webkit.T(ctx, "judge.head.broken", broken, percent(score.ShareOf(right, judged).At))
	}
	return h
}

// ruleHref is where a rule is shown: its own page, its objective, or where it is
// neither, its alerts.
func ruleHref(b *score.Board, k score.Key) string {
	switch w, written := b.Written[k.Rule]; {
	case k.Source == "slo":
		objective, _, _ := strings.Cut(k.Rule, ": ")
		return "/slos/" + url.PathEscape(objective)
	case written && w.Form == score.Native:
		return "/rules/" + url.PathEscape(k.Rule)
	}
	return "/alerts?state=all&q=" + url.QueryEscape(k.Rule)
}

func viewLeagueRow(ctx context.Context, b *score.Board, s score.Score, asks map[score.Key]score.Proposal) leagueRow {
	row := leagueRow{
		ID: s.Source + "-" + s.Rule, Rule: s.Rule, Href: ruleHref(b, s.Key), Source: s.Source, Services: strings.Join(s.Services, ", "),
		Precision: viewPrecision(ctx, s.Precision), Counts: webkit.T(ctx, "judge.counts", s.Actionable, s.Noise, s.Known, s.WrongOwner),
		Alerts: webkit.Number(ctx, int64(s.Alerts)), AlertsHref: "/alerts?state=all&q=" + url.QueryEscape(s.Rule),
		PerShift: "—", Ack: "—", Alone: "—", PerIncident: "—", Judged: s.LastJudged,
	}
	row.State = row.Precision.State
	if s.Paging {
		row.PerShift, row.TooMany = webkit.Decimal(ctx, s.PagesPerShift, 2), s.PagesPerShift > score.PagesAShift
	}
	if s.Acked > 0 {
		row.Ack = webkit.Duration(ctx, s.AckMedian.Round(time.Second)) + " / " + webkit.Duration(ctx, s.AckP90.Round(time.Second))
	}
	if s.Alone.N > 0 {
		row.Alone = percent(s.Alone.At)
	}
	if s.Incidents > 0 {
		row.PerIncident = webkit.Decimal(ctx, s.PerIncident, 1)
	}
	if p, ok := asks[s.Key]; ok {
		row.Asks = changeWord(ctx, p.Change)
	}
	return row
}

func changeWord(ctx context.Context, c score.Change) string {
	if c.Kind == score.Longer {
		return webkit.T(ctx, "judge.change.longer", webkit.Duration(ctx, c.By))
	}
	return webkit.T(ctx, "judge.change."+string(c.Kind))
}

type proposalView struct {
	ID, Rule, Href, Source string
	Change, Why, Replay    string
	State                  webkit.State
	Safe                   string
	Before, After          precisionView
	Sections               []lostView
	File                   string
	Diff                   []diffLine
	Instead                string // where there is no diff: what to do
	InsteadHref            string
}

type lostView struct {
	Title string
	Items []lostItem
	More  int
}

type lostItem struct {
	Href, Text string
	At         time.Time
}

type diffLine struct{ Class, Text string }

const shownLost = 20

func (d Deps) proposalsPage(r *http.Request) (webkit.Page, error) {
	ctx := r.Context()
	board, err := d.Judge.Bench.Board(ctx)
	if err != nil {
		return webkit.Page{}, err
	}
	var all []proposalView
	only := r.URL.Query().Get("rule")
	for _, p := range board.Proposals() {
		if only == "" || p.Rule == only {
			all = append(all, viewProposal(ctx, board, p))
		}
	}
	return webkit.Page{
		Title: webkit.T(ctx, "judge.proposals"), Active: "alerts", Live: []string{"alert"},
		Crumbs: []webkit.Crumb{{Text: webkit.T(ctx, "judge.league"), Href: "/rules"}, {Text: webkit.T(ctx, "judge.proposals")}}, Body: proposalsPage(all),
	}, nil
}

func viewProposal(ctx context.Context, b *score.Board, p score.Proposal) proposalView {
	v := proposalView{
		ID: p.Source + "-" + p.Rule, Rule: p.Rule, Href: ruleHref(b, p.Key), Source: p.Source, Change: changeWord(ctx, p.Change),
		Before: viewPrecision(ctx, p.Replay.Before), After: viewPrecision(ctx, p.Replay.After),
		Replay: webkit.T(ctx, "judge.replay", p.Replay.Alerts, p.Replay.Gone, p.Replay.Noise, p.Replay.Unjudged),
		State:  webkit.Warning, Safe: webkit.T(ctx, "judge.unsafe"),
	}
	v.Why = webkit.T(ctx, "judge.why", p.Score.Actionable, p.Score.Actionable+p.Score.Noise)
	if p.Sure {
		v.Why += " " + webkit.T(ctx, "judge.sure")
	}
	if p.Safe {
		v.State, v.Safe = webkit.OK, webkit.T(ctx, "judge.safe")
	}
	if p.Replay.Later > 0 {
		v.Replay += " " + webkit.T(ctx, "judge.later", p.Replay.Later, webkit.Duration(ctx, p.Replay.Delay))
	}
	for _, part := range []struct {
		key   string
		items []score.Lost
	}{{"judge.lost", p.Replay.Lost}, {"judge.late", p.Replay.Late}, {"judge.unsaid", p.Replay.Unsure}} {
		if len(part.items) > 0 {
			v.Sections = append(v.Sections, viewLost(ctx, webkit.T(ctx, part.key, len(part.items)), part.items))
		}
	}
	v.patch(ctx, b, p)
	return v
}

func viewLost(ctx context.Context, title string, items []score.Lost) lostView {
	out := lostView{Title: title, More: max(0, len(items)-shownLost)}
	for _, l := range items[:min(len(items), shownLost)] {
		text := verdictWord(ctx, l.Verdict)
		if l.Incident != "" {
			text = strings.Trim(text+" · "+webkit.T(ctx, "judge.incident"), " ·")
		}
		if l.Covered {
			text += " · " + webkit.T(ctx, "judge.covered")
		}
		if text == "" {
			text = webkit.T(ctx, "judge.unjudged")
		}
		out.Items = append(out.Items, lostItem{Href: "/alerts/" + url.PathEscape(l.ID), Text: text, At: l.OpenedAt})
	}
	return out
}

// patch fills in the change as a diff, or what to do where there is no file.
func (v *proposalView) patch(ctx context.Context, b *score.Board, p score.Proposal) {
	text, where, err := patchOf(b, p)
	v.File = where
	switch {
	case p.Source == "slo":
		v.Instead, v.InsteadHref = webkit.T(ctx, "judge.instead.slo"), "/burn-rates"
	case where == "":
		v.Instead = webkit.T(ctx, "judge.instead.nofile", p.Source)
	case err != nil:
		v.Instead = err.Error()
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if text == "" {
			break
		}
		class := ""
		switch {
		case strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+++"):
			class = "add"
		case strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "---"):
			class = "del"
		}
		v.Diff = append(v.Diff, diffLine{class, line})
	}
}

// patchOf is a proposal as a unified diff, and the file that it is of; "" where
// the rule is in none.
func patchOf(b *score.Board, p score.Proposal) (text, file string, err error) {
	w, ok := b.Written[p.Rule]
	if !ok || p.Source == "slo" {
		return "", "", nil
	}
	text, err = w.Patch(p.Change)
	return text, w.File, err
}

func leagueColumns(ctx context.Context) []webkit.ColumnHead {
	col := func(key, sort string, number, wide bool) webkit.ColumnHead {
		return webkit.ColumnHead{Text: webkit.T(ctx, "judge.col."+key), Sort: sort, Number: number, Wide: wide, Definition: webkit.T(ctx, "judge.col."+key+".means")}
	}
	return []webkit.ColumnHead{
		{Text: webkit.T(ctx, "alerts.fact.rule")},
		col("precision", "precision", false, false), col("alerts", "alerts", true, true), col("shift", "shift", true, false),
		col("ack", "ack", true, true), col("alone", "alone", true, true), col("incident", "", true, true),
		col("tested", "", false, true),
		{Text: webkit.T(ctx, "judge.col.judged"), Wide: true},
	}
}

func pressed(yes bool) string {
	if yes {
		return "true"
	}
	return "false"
}
