package am

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	amalert "github.com/prometheus/alertmanager/alert"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// toChannel tells an address of a channel of this house.
type toChannel struct {
	channel notify.Channel
	address string
	index   int
	route   string // the document's name
	base    *url.URL
	lang    string
	ask     func(ctx context.Context, alerts []*amalert.Alert, channel, route string) notify.Ask
}

var _ dispatch.Integration = (*toChannel)(nil)

// Name implements dispatch.Integration.
func (c *toChannel) Name() string { return c.channel.Name() }

// Index implements dispatch.Integration.
func (c *toChannel) Index() int { return c.index }

// SendResolved implements dispatch.Integration.
func (c *toChannel) SendResolved() bool { return true }

// Notify implements dispatch.Integration.
func (c *toChannel) Notify(ctx context.Context, alerts ...*amalert.Alert) (bool, error) {
	key, _ := amnotify.GroupKey(ctx)
	now, ok := amnotify.Now(ctx)
	if !ok || len(alerts) == 0 {
		return false, errors.New("a message without a time or an alert")
	}
	m := notify.Message{ID: messageID(key, c.address, now.UnixNano()), Kind: notify.Info, At: now, Lang: c.lang, Title: title(c.lang, alerts), Body: body(c.lang, alerts)}
	if firing(alerts) == 0 {
		m.Kind = notify.Resolved
	} else if worst(alerts) {
		m.Severity = "critical"
	}
	m.Links = c.links(alerts)
	if c.ask != nil {
		m.Ask = c.ask(ctx, alerts, c.channel.Name(), c.route)
	}
	_, err := c.channel.Send(ctx, c.address, m)
	return errs.KindOf(err) == errs.Unavailable, err
}

// messageID is the same for all attempts at one message.
func messageID(key, address string, at int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", key, address, at))
	return "alerts-" + hex.EncodeToString(sum[:16])
}

func firing(alerts []*amalert.Alert) (n int) {
	for _, a := range alerts {
		if a.EndsAt.IsZero() {
			n++
		}
	}
	return n
}

func worst(alerts []*amalert.Alert) bool {
	for _, a := range alerts {
		if s := a.Labels["severity"]; a.EndsAt.IsZero() && (s == "page" || s == "critical") {
			return true
		}
	}
	return false
}

// words are the few that a message needs, in English and Japanese.
func words(lang, en, ja string) string {
	if lang == "ja" {
		return ja
	}
	return en
}

func title(lang string, alerts []*amalert.Alert) string {
	n := firing(alerts)
	first := summary(alerts[0])
	switch {
	case n == 0:
		return words(lang, "Resolved: ", "解消: ") + first
	case len(alerts) == 1:
		return first
	}
	return fmt.Sprintf(words(lang, "%d firing, %d resolved: %s", "発火 %d 件、解消 %d 件: %s"), n, len(alerts)-n, first)
}

func summary(a *amalert.Alert) string {
	for _, n := range []model.LabelName{"summary", "title", "message", "description"} {
		if v := a.Annotations[n]; v != "" {
			return string(v)
		}
	}
	name := string(a.Labels[model.AlertNameLabel])
	if s := a.Labels["service"]; s != "" {
		return name + " · " + string(s)
	}
	return name
}

const listed = 20 // alerts that a message lists

func body(lang string, alerts []*amalert.Alert) string {
	var b strings.Builder
	for i, a := range alerts {
		if i == listed {
			fmt.Fprintf(&b, words(lang, "and %d more\n", "ほか %d 件\n"), len(alerts)-listed)
			break
		}
		state := words(lang, "firing since ", "発火中、開始 ") + a.StartsAt.UTC().Format("2006-01-02 15:04:05 MST")
		if late := a.Annotations[dispatch.LateAnnotation]; late != "" {
			state = string(late)
		} else if !a.EndsAt.IsZero() {
			state = words(lang, "resolved at ", "解消 ") + a.EndsAt.UTC().Format("2006-01-02 15:04:05 MST")
		}
		fmt.Fprintf(&b, "%s\n  %s\n  %s\n", summary(a), state, a.Labels)
		if action := a.Annotations["first_action"]; action != "" {
			fmt.Fprintf(&b, "  → %s\n", action)
		}
	}
	return b.String()
}

func (c *toChannel) links(alerts []*amalert.Alert) (out []notify.Link) {
	if c.base != nil {
		q := url.Values{}
		if s := alerts[0].Labels["service"]; s != "" {
			q.Set("service", string(s))
		}
		u := c.base.JoinPath("/alerts")
		u.RawQuery = q.Encode()
		out = append(out, notify.Link{Text: words(c.lang, "Inbox", "受信箱"), URL: u.String()})
	}
	for _, n := range []model.LabelName{"runbook_url", "playbook", "dashboard_url"} {
		if v := string(alerts[0].Annotations[n]); strings.HasPrefix(v, "http") {
			out = append(out, notify.Link{Text: string(n), URL: v})
		}
	}
	if u := alerts[0].GeneratorURL; strings.HasPrefix(u, "http") {
		out = append(out, notify.Link{Text: words(c.lang, "Source", "送信元"), URL: u})
	}
	return out
}
