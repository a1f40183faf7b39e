package oncall

import (
	"fmt"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// message is what a person is told. It is pure.
func (p *Pager) message(wanted []said, who catalog.Person) notify.Message {
	page, d := wanted[0].page, wanted[0].d
	m := notify.Message{ID: d.ID, Kind: notify.Kind(d.Kind), Severity: "critical", At: page.OpenedAt, Lang: who.Lang}
	link := p.cfg.BaseURL + "/pages/" + page.ID
	switch d.Kind {
	case KindCanary:
		m.At, m.Severity = d.MadeAt, ""
		m.Title, m.Body = text(who.Lang, "canary_title"), text(who.Lang, "canary_body")
		return m
	case KindResolved:
		m.Title = fmt.Sprintf(text(who.Lang, "resolved_title"), page.Service)
		m.Body = fmt.Sprintf(text(who.Lang, "resolved_body"), page.Summary, spoken(who.Lang, page.ClosedAt.Sub(page.OpenedAt)))
		m.Links = []notify.Link{{Text: text(who.Lang, "open"), URL: link}}
		return m
	case KindPage, KindShadow:
	}
	if len(wanted) > 1 {
		p.bundled(&m, wanted, who.Lang)
	} else {
		m.Title = fmt.Sprintf(text(who.Lang, "page_title"), page.Service)
		body := []string{page.Summary}
		if n := len(page.Alerts); n > 1 {
			body = append(body, fmt.Sprintf(text(who.Lang, "more"), n))
		}
		m.Body = strings.Join(append(body, fmt.Sprintf(text(who.Lang, "step"), d.Step+1)), "\n")
		m.Links = []notify.Link{{Text: text(who.Lang, "open"), URL: link}}
	}
	if d.Kind == KindShadow {
		m.Kind, m.Severity = notify.Info, ""
		m.Title = "[shadow] " + m.Title
		m.Body = text(who.Lang, "shadow") + "\n" + m.Body
		return m
	}
	m.Actions = p.actions(d.ID, who.Lang)
	return m
}

// bundled is one message for the pages of a storm.
func (p *Pager) bundled(m *notify.Message, wanted []said, lang string) {
	var names, lines []string
	for _, s := range wanted {
		names = append(names, s.page.Service)
		lines = append(lines, s.page.Service+": "+s.page.Summary)
	}
	m.Title = fmt.Sprintf(text(lang, "bundle_title"), len(wanted), strings.Join(names, ", "))
	m.Body = strings.Join(lines, "\n")
	m.Links = []notify.Link{{Text: text(lang, "open"), URL: p.cfg.BaseURL + "/pages"}}
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
		"bundle_title":   {"%d services need you: %s", "%d 件のサービスで障害が起きています: %s"},
		"shadow":         {"You are the shadow: look and learn. Whoever is on call answers.", "シャドーとしてのお知らせです。対応は当番が行います。"},
		"resolved_title": {"%s is well again", "%s は復旧しました"},
		"resolved_body":  {"%s\nResolved after %s.", "%s\n%s後に解決しました。"},
		"more":           {"%d alerts are open for this service.", "このサービスで %d 件のアラートが開いています。"},
		"step":           {"Escalation step %d.", "エスカレーション %d 段目です。"},
		"ack":            {"Acknowledge", "対応する"},
		"decline":        {"I am not available", "対応できない"},
		"open":           {"Open", "開く"},
		"test_title":     {"Test: this device works", "テスト: この端末に届きます"},
		"test_body":      {"Hinoban can reach you here. Nothing is wrong.", "火の番からの通知がここに届きます。異常はありません。"},
		"canary_title":   {"Canary: pages arrive here", "カナリア: 呼び出しはここに届きます"},
		"canary_body":    {"A machine sends this to see that the channel works. Nobody needs to do anything.", "経路の確認のため自動で送信しています。対応は不要です。"},
		"ack_all":        {"You have %d: %s", "%d 件の対応を受け付けました: %s"},
		"decline_all":    {"Passed on, %d: %s", "%d 件を次の担当へ回しました: %s"},
		"learns":         {"You are the shadow, whoever is on call answers: %s", "シャドーのため、対応は当番が行います: %s"},
		"nobody":         {"There is nobody to pass it on to: %s", "回せる人がいません: %s"},
		"acked":          {"You have it: %s", "対応を受け付けました: %s"},
		"declined":       {"Passed on: %s", "次の担当へ回しました: %s"},
		"passed":         {"It has been passed on already, you need do nothing: %s", "すでに次の人に回っています。何もしなくて大丈夫です: %s"},
		"over":           {"It is over already: %s", "すでに解決しています: %s"},
		"taken":          {"%s has it: %s", "%s さんが対応中です: %s"},
	}[key]
	if !ok {
		return key
	}
	if lang == "ja" {
		return pair[1]
	}
	return pair[0]
}
