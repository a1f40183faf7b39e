package oncall

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Escalate fires every step that is due. It is one round of a worker.
func (p *Pager) Escalate(ctx context.Context) error {
	ids, err := p.store.DuePages(ctx, p.now())
	if err != nil {
		return fmt.Errorf("find due pages: %w", err)
	}
	var failed []error
	for _, id := range ids {
		now := p.now()
		overrides, err := p.store.Overrides(ctx, now, now.Add(time.Minute))
		if err != nil {
			return fmt.Errorf("load overrides: %w", err)
		}
		w := World{Plan: p.plan.Load(), Overrides: overrides, NewID: p.newID, Person: func(id string) (catalog.Person, error) { return p.catalog.Person(ctx, id) }}
		_, err = p.store.UpdatePage(ctx, id, func(page *Page) ([]Delivery, []event.Fact, error) {
			ds, facts := page.Advance(w, now)
			return ds, facts, nil
		})
		if err != nil {
			failed = append(failed, fmt.Errorf("advance page %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

func (p *Pager) send(ctx context.Context, page Page, d Delivery) (notify.Receipt, error) {
	ch, ok := p.channels[d.Channel]
	if !ok {
		return notify.Receipt{}, errs.New(errs.Invalid, "channel %s is not set up on this server", d.Channel)
	}
	who, err := p.catalog.Person(ctx, d.Person)
	if err != nil {
		who = catalog.Person{ID: d.Person, Lang: "en"}
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	m := p.message(page, d, who)
	if p.ask != nil {
		m.Ask = p.ask(ctx, page.ID, d.Person, who.Lang, d.Channel)
	}
	return ch.Send(ctx, d.Address, m)
}

// message is what a person is told. It is pure.
func (p *Pager) message(page Page, d Delivery, who catalog.Person) notify.Message {
	m := notify.Message{ID: d.ID, Kind: notify.Kind(d.Kind), Severity: "critical", At: page.OpenedAt, Lang: who.Lang}
	link := p.cfg.BaseURL + "/pages/" + page.ID
	if d.Kind == "resolved" {
		m.Title = fmt.Sprintf(text(who.Lang, "resolved_title"), page.Service)
		m.Body = fmt.Sprintf(text(who.Lang, "resolved_body"), page.Summary, spoken(who.Lang, page.ClosedAt.Sub(page.OpenedAt)))
		m.Links = []notify.Link{{Text: text(who.Lang, "open"), URL: link}}
		return m
	}
	m.Title = fmt.Sprintf(text(who.Lang, "page_title"), page.Service)
	body := []string{page.Summary}
	if n := len(page.Alerts); n > 1 {
		body = append(body, fmt.Sprintf(text(who.Lang, "more"), n))
	}
	body = append(body, fmt.Sprintf(text(who.Lang, "step"), d.Step+1))
	m.Body = strings.Join(body, "\n")
	m.Links = []notify.Link{{Text: text(who.Lang, "ack"), URL: link}}
	return m
}

// spoken is a length of time as people say it: "1 h 5 min", 「1時間5分」.
func spoken(lang string, d time.Duration) string {
	h, m, s := int(d/time.Hour), int(d/time.Minute)%60, int(d/time.Second)%60
	units := [3]string{" h", " min", " s"}
	if lang == "ja" {
		units = [3]string{"時間", "分", "秒"}
	}
	var out []string
	switch {
	case h > 0:
		out = []string{fmt.Sprint(h, units[0]), fmt.Sprint(m, units[1])}
	case m > 0:
		out = []string{fmt.Sprint(m, units[1])}
	default:
		out = []string{fmt.Sprint(s, units[2])}
	}
	if lang == "ja" {
		return strings.Join(out, "")
	}
	return strings.Join(out, " ")
}

// text is what messages are made of, in the language of whoever is told.
func text(lang, key string) string {
	pair, ok := map[string][2]string{
		"page_title":     {"%s needs you", "%s で障害が起きています"},
		"resolved_title": {"%s is well again", "%s は復旧しました"},
		"resolved_body":  {"%s\nResolved after %s.", "%s\n%s後に解決しました。"},
		"more":           {"%d alerts are open for this service.", "このサービスで %d 件のアラートが開いています。"},
		"step":           {"Escalation step %d.", "エスカレーション %d 段目です。"},
		"ack":            {"Acknowledge", "対応する"},
		"open":           {"Open", "開く"},
		"test_title":     {"Test: this device works", "テスト: この端末に届きます"},
		"test_body":      {"Hinoban can reach you here. Nothing is wrong.", "火の番からの通知がここに届きます。異常はありません。"},
	}[key]
	if !ok {
		return key
	}
	if lang == "ja" {
		return pair[1]
	}
	return pair[0]
}
