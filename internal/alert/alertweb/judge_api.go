package alertweb

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/score"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// JudgedAnswer is what people say of an alert.
type JudgedAnswer struct {
	Alert      string            `json:"alert"`
	Verdict    alert.Verdict     `json:"verdict,omitempty" doc:"What most people say, among equals what was said last; absent where nobody judged."`
	Judgements []alert.Judgement `json:"judgements"`
}

// MissedAnswer is what somebody should have been told of.
type MissedAnswer struct {
	Missed alert.Miss `json:"missed"`
}

// MissedList are those of a time, the newest first.
type MissedList struct {
	Missed []alert.Miss `json:"missed"`
}

// RuleScores are the scores of rules, the worst first.
type RuleScores struct {
	At     time.Time     `json:"at"`
	From   time.Time     `json:"from" doc:"What opened before is not counted."`
	Scores []score.Score `json:"scores"`
	Silent []score.Fired `json:"silent" doc:"Rules that fired last more than 180 days ago, or never."`
}

// ProposedChange is a proposal with its patch.
type ProposedChange struct {
	score.Proposal

	File    string `json:"file,omitempty" doc:"The file that the rule is written in; absent where it is in none that this server reads."`
	Patch   string `json:"patch,omitempty" doc:"The change as a unified diff of the file."`
	Problem string `json:"problem,omitempty" doc:"Why there is no patch."`
}

// RuleProposals are what to change, the worst rule first.
type RuleProposals struct {
	At        time.Time        `json:"at"`
	Proposals []ProposedChange `json:"proposals"`
}

// WeekAnswer is a week.
type WeekAnswer struct {
	Week score.Week `json:"week"`
}

type (
	verdictIn struct {
		ID   string `path:"id" maxLength:"64"`
		Body struct {
			Verdict string `json:"verdict" enum:"actionable,known,noise,wrong-owner"`
			Note    string `json:"note,omitempty" maxLength:"2000"`
			As      string `json:"as,omitempty" maxLength:"64" doc:"The person who judges, where authentication is off."`
		}
	}
	missedIn struct {
		Body struct {
			Service string    `json:"service" minLength:"1" maxLength:"200"`
			At      time.Time `json:"at" doc:"When it happened."`
			What    string    `json:"what" minLength:"1" maxLength:"2000"`
			Rule    string    `json:"rule,omitempty" maxLength:"200" doc:"The rule that should have caught it."`
			As      string    `json:"as,omitempty" maxLength:"64" doc:"The person who says so, where authentication is off."`
		}
	}
	missesIn struct {
		From time.Time `query:"from" doc:"Nothing means 28 days ago."`
		To   time.Time `query:"to" doc:"Nothing means now."`
	}
	scoresIn struct {
		Service  string `query:"service" maxLength:"200"`
		Source   string `query:"source" maxLength:"64"`
		Severity string `query:"severity" enum:"page,other" doc:"page: rules that page; other: the others."`
		Sort     string `query:"sort" enum:"precision,-precision,alerts,-alerts,shift,-shift,ack,-ack,alone,-alone"`
	}
	proposalsIn struct {
		Rule string `query:"rule" maxLength:"200"`
	}
	weekIn struct {
		Week string `query:"week" maxLength:"8" doc:"As ISO 8601 names it, 2026-W47; nothing means the last whole one."`
		Zone string `query:"zone" maxLength:"64" default:"UTC" doc:"An IANA zone: where its Monday begins."`
	}
)

// JudgeAPI registers the operations on judgements and scores.
func JudgeAPI(a *httpd.API, d Deps) {
	if d.Judge == nil {
		return
	}
	op := func(id, summary string) httpd.Op { return httpd.Op{ID: id, Tag: "alert", Summary: summary} }
	httpd.Post(a, "/api/v1/alerts/{id}/judgement", op("judge-alert", "Say what an alert was worth; the last word of a person counts"), d.apiJudge)
	httpd.Get(a, "/api/v1/alerts/{id}/judgement", op("get-judgement", "What people say of an alert"), d.apiJudged)
	httpd.Post(a, "/api/v1/alerts/missed", op("report-missed", "Say that somebody should have been told and was not"), d.apiMissed)
	httpd.Get(a, "/api/v1/alerts/missed", op("list-missed", "What was missed, the newest first"), d.apiMisses)
	httpd.Get(a, "/api/v1/rule-scores", op("list-rule-scores", "What rules are worth to those they wake, the worst first"), d.apiScores)
	httpd.Get(a, "/api/v1/rule-proposals", op("list-rule-proposals", "What to change about rules, as patches with what would have been lost"), d.apiProposals)
	d.mutationAPI(a)
	httpd.Get(a, "/api/v1/alerts/weekly", op("get-alert-week", "A week of alerts"), d.apiWeek)
}

func (d Deps) apiJudge(ctx context.Context, in *verdictIn) (JudgedAnswer, error) {
	b := in.Body
	a, said, err := d.Judge.Jury.Judge(ctx, alert.Judgement{Alert: in.ID, Person: auth.Actor(ctx, b.As), Verdict: alert.Verdict(b.Verdict), Note: b.Note, Source: "api"})
	return JudgedAnswer{Alert: a.ID, Verdict: alert.VerdictOf(said), Judgements: listed(said)}, err
}

func (d Deps) apiJudged(ctx context.Context, in *oneIn) (JudgedAnswer, error) {
	a, err := d.Inbox.Alert(ctx, in.ID)
	if err != nil {
		return JudgedAnswer{}, err
	}
	said, err := d.Judge.Jury.Judgements(ctx, a.ID)
	return JudgedAnswer{Alert: a.ID, Verdict: alert.VerdictOf(said[a.ID]), Judgements: listed(said[a.ID])}, err
}

func (d Deps) apiMissed(ctx context.Context, in *missedIn) (MissedAnswer, error) {
	b := in.Body
	m, err := d.Judge.Jury.Missed(ctx, alert.Miss{ID: d.NewID(), Service: b.Service, At: b.At.UTC(), What: b.What, Rule: b.Rule, By: auth.Actor(ctx, b.As)}, "api")
	return MissedAnswer{m}, err
}

func (d Deps) apiMisses(ctx context.Context, in *missesIn) (MissedList, error) {
	if in.To.IsZero() {
		in.To = d.Now()
	}
	if in.From.IsZero() {
		in.From = in.To.Add(-score.Recent)
	}
	all, err := d.Judge.Jury.Misses(ctx, in.From.UTC(), in.To.UTC())
	return MissedList{listed(all)}, err
}

func (d Deps) apiScores(ctx context.Context, in *scoresIn) (RuleScores, error) {
	b, err := d.Judge.Bench.Board(ctx)
	if err != nil {
		return RuleScores{}, err
	}
	f := leagueFilter{in.Service, in.Source, in.Severity, in.Sort}
	return RuleScores{At: b.At, From: b.From, Scores: listed(f.scores(b)), Silent: listed(b.Of(in.Service, in.Source).Silent())}, nil
}

func (d Deps) apiProposals(ctx context.Context, in *proposalsIn) (RuleProposals, error) {
	b, err := d.Judge.Bench.Board(ctx)
	if err != nil {
		return RuleProposals{}, err
	}
	out := RuleProposals{At: b.At, Proposals: []ProposedChange{}}
	for _, p := range b.Proposals() {
		if in.Rule != "" && p.Rule != in.Rule {
			continue
		}
		c := ProposedChange{Proposal: p}
		c.Patch, c.File, err = patchOf(b, p)
		if err != nil {
			c.Problem = err.Error()
		}
		out.Proposals = append(out.Proposals, c)
	}
	return out, nil
}

func (d Deps) apiWeek(ctx context.Context, in *weekIn) (WeekAnswer, error) {
	zone, err := zoneOf(in.Zone)
	if err != nil {
		return WeekAnswer{}, err
	}
	w, err := d.week(ctx, in.Week, zone)
	w.Worst, w.Silent, w.Missed, w.Teams, w.Moved = listed(w.Worst), listed(w.Silent), listed(w.Missed), listed(w.Teams), listed(w.Moved)
	return WeekAnswer{w}, err
}
