package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/alertweb"
	"github.com/hinoban/hinoban/internal/alert/score"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/secret"
)

// judging is what people say of alerts, and what becomes of it.
type judging struct {
	store  *alertdb.Store
	jury   *alert.Jury
	signer *alert.Signer
	bench  *score.Bench
}

// openSecret opens the key that everything secret here is made with.
func (a *App) openSecret(context.Context) (err error) {
	a.sealer, err = secret.Open(filepath.Join(a.cfg.Data, "secret.key"))
	return err
}

func (a *App) judge(store *alertdb.Store) {
	a.judging = judging{
		store: store, jury: alert.NewJury(store, a.now), signer: alert.NewSigner(a.sealer.Derive("alert.judge")),
		bench: score.NewBench(store, a.bus, a.documents, a.now),
	}
}

// alertOf is the alert that a record tells of, or "".
func alertOf(r event.Record) string {
	var p struct {
		Alert string `json:"alert"`
	}
	if json.Unmarshal(r.Payload, &p) != nil {
		return ""
	}
	return p.Alert
}

// documents are the files in use.
func (a *App) documents() (string, map[string]string) {
	if a.config == nil {
		return "none", nil
	}
	set := a.config.Set()
	return set.Sum(), set.Files
}

func (a *App) judgingDeps() *alertweb.Judging {
	return &alertweb.Judging{Jury: a.judging.jury, Signer: a.judging.signer, Bench: a.judging.bench, Team: func(service string) string {
		s, err := a.catalog.Service(context.Background(), service)
		if err != nil {
			return "" // what the catalog does not know, no team owns
		}
		return s.Team
	}}
}

// heardIncidents hears of incidents that nothing told of.
func (a *App) heardIncidents() bus.Handler {
	return bus.On(func(ctx context.Context, r event.Record, e incident.Declared) error {
		if e.Alert != "" {
			return nil
		}
		return a.judging.jury.IncidentDeclared(ctx, alert.Miss{ID: e.Incident, Service: e.Service, At: r.At, What: e.Title, Incident: e.Incident})
	})
}

// askJudgement is the question below the message of a page: four links that
// judge the alert which opened it, as the person whom the message is for. A
// message is never held up by what it asks.
func (a *App) askJudgement(ctx context.Context, page oncall.Page, person, lang, channel string) notify.Ask {
	if page.First != "" {
		return a.ask(page.First, person, lang, channel)
	}
	records, err := a.bus.Events(ctx, event.Query{Subjects: []string{oncall.Subject(page.ID)}, Names: []string{oncall.PageOpened{}.EventName()}, Limit: 1})
	if err != nil || len(records) == 0 {
		a.log.WarnContext(ctx, "a message asks for no judgement", "page", page.ID, "err", err)
		return notify.Ask{}
	}
	id := alertOf(records[0])
	if id == "" {
		return notify.Ask{}
	}
	return a.ask(id, person, lang, channel)
}

// ask asks person what an alert was worth.
func (a *App) ask(id, person, lang, channel string) notify.Ask {
	token := a.judging.signer.Token(alert.Ballot{Alert: id, Person: person, Via: channel, Expires: a.now().Add(alert.LinkLasts).Unix()})
	ask := notify.Ask{Text: "Was it useful?"}
	if lang == "ja" {
		ask.Text = "役に立ちましたか？"
	}
	words := map[alert.Verdict][2]string{
		alert.Actionable: {"Actionable", "対応が必要だった"}, alert.Known: {"Known already", "既知だった"},
		alert.Noise: {"Noise", "不要だった"}, alert.WrongOwner: {"Wrong owner", "担当が違う"},
	}
	for _, v := range alert.Verdicts() {
		word := words[v][0]
		if lang == "ja" {
			word = words[v][1]
		}
		ask.Answers = append(ask.Answers, notify.Link{Text: word, URL: a.cfg.BaseURL + "/judge/" + url.PathEscape(token) + "?v=" + url.QueryEscape(string(v))})
	}
	return ask
}

// tellWeekly is a loop that tells teams of the week that is over.
func (a *App) tellWeekly() run.Loop {
	return run.Loop{Name: "alert.weekly", Every: time.Minute, Do: func(ctx context.Context) error {
		var failed []error
		for _, t := range a.catalog.Teams(ctx) {
			if t.Tell == nil {
				continue
			}
			if err := a.tellTeam(ctx, t); err != nil {
				failed = append(failed, fmt.Errorf("tell team %s of its week: %w", t.ID, err))
			}
		}
		return errors.Join(failed...)
	}}
}

// weekLease is for how long one server has the telling of a week; after a
// failure it is tried again then.
const weekLease = 10 * time.Minute

func (a *App) tellTeam(ctx context.Context, t catalog.Team) error {
	zone, err := time.LoadLocation(t.Tell.Zone)
	if err != nil {
		return err
	}
	now := a.now()
	id, from := score.Due(now, zone)
	if id == "" {
		return nil
	}
	mine, err := a.judging.store.ClaimWeek(ctx, t.ID, id, now, now.Add(weekLease))
	if err != nil || !mine {
		return err
	}
	sent := a.sendWeek(ctx, t, id, from)
	problem := ""
	if sent != nil {
		problem = sent.Error()
	}
	return errors.Join(sent, a.judging.store.SettleWeek(context.WithoutCancel(ctx), t.ID, id, a.now(), problem))
}

func (a *App) sendWeek(ctx context.Context, t catalog.Team, id string, from time.Time) error {
	i := slices.IndexFunc(a.ways, func(c notify.Channel) bool { return c.Name() == t.Tell.Channel })
	if i < 0 {
		return fmt.Errorf("channel %s is not set up on this server", t.Tell.Channel)
	}
	board, err := a.judging.bench.Board(ctx)
	if err != nil {
		return err
	}
	mine := map[string]bool{}
	for _, s := range a.catalog.Services(ctx) {
		mine[s.ID] = s.Team == t.ID
	}
	board = board.Where(func(service string) bool { return mine[service] })
	missed, err := a.judging.jury.Misses(ctx, from.UTC(), from.AddDate(0, 0, 7).UTC())
	if err != nil {
		return err
	}
	missed = slices.DeleteFunc(missed, func(m alert.Miss) bool { return !mine[m.Service] })
	week := score.Weekly{Board: board, From: from, Missed: missed, Team: func(string) string { return t.ID }}.Make()
	title, body := week.Letter(t.Tell.Lang, len(board.Proposals()))
	open := "Open the week"
	if t.Tell.Lang == "ja" {
		open = "週次レビューを開く"
	}
	ctx, cancel := context.WithTimeout(ctx, a.cfg.OnCall.Timeout)
	defer cancel()
	_, err = a.ways[i].Send(ctx, t.Tell.Address, notify.Message{
		ID: weekMessage(t.ID, id), Kind: notify.Info, Title: title, Body: body, At: a.now(), Lang: t.Tell.Lang,
		Links: []notify.Link{{Text: open, URL: a.cfg.BaseURL + "/alerts/weekly?week=" + id}},
	})
	return err
}

// weekMessage names the message of a week: the same one however often it is
// sent, so that whoever gets it twice can see that it is one.
func weekMessage(team, week string) string {
	sum := sha256.Sum256([]byte(team + " " + week))
	return "week-" + strings.ToLower(week) + "-" + hex.EncodeToString(sum[:8])
}
