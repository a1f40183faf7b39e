package alertweb

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// toldView is what a page shows of how an alert was told.
type toldView struct {
	Holds    []webkit.Pair // what holds it back now
	Routes   []webkit.Pair
	Explore  string
	Notices  []noticeView
	Owed     []noticeView
	First    string
	Playbook string // an address that may be followed
	Plain    string // a playbook that is no address
	Silence  string // "" for who may not
	Labels   []webkit.Pair
	Notes    []webkit.Pair
}

type noticeView struct {
	ID       string
	State    webkit.State
	Receiver string
	Word     string
	Due, At  time.Time
	Why      string
	Tries    string
}

// lateFrom is when a message is called late.
const lateFrom = time.Minute

func viewTold(ctx context.Context, a alert.Alert, t Told) toldView {
	v := toldView{Explore: "/routes?alert=" + url.QueryEscape(a.ID)}
	for _, s := range t.SilencedBy {
		v.Holds = append(v.Holds, webkit.Pair{Key: webkit.T(ctx, "routes.silencedby"), Value: short(strings.Join(s.Matchers, ", ")) + " · " + webkit.T(ctx, "silences.until", s.EndsAt, webkit.Duration(ctx, s.EndsAt.Sub(webkit.Now(ctx)).Round(time.Minute))), Href: silenceHref(s.ID)})
	}
	for _, i := range t.InhibitedBy {
		v.Holds = append(v.Holds, webkit.Pair{Key: webkit.T(ctx, "routes.inhibitedby"), Value: short(i.Labels["alertname"] + " " + i.Labels["service"])})
	}
	for _, s := range t.Routes {
		text := receiverText(s) + ": "
		if text += strings.Join(s.Integrations, ", "); len(s.Integrations) == 0 {
			text += webkit.T(ctx, "routes.nobody")
		}
		if len(s.MutedBy) > 0 {
			text += " · " + webkit.T(ctx, "routes.mutedby", strings.Join(s.MutedBy, ", "))
		}
		v.Routes = append(v.Routes, webkit.Pair{Key: short(s.Matchers), Value: text})
	}
	v.messages(ctx, t)
	playbook, first := firstAction(a)
	v.First = first
	if strings.HasPrefix(playbook, "https://") || strings.HasPrefix(playbook, "http://") || strings.HasPrefix(playbook, "/") {
		v.Playbook = playbook
	} else {
		v.Plain = playbook
	}
	if a.State() != alert.Resolved && auth.MayAct(ctx) {
		v.Silence = "/silences/new?alert=" + url.QueryEscape(a.ID)
	}
	v.said(a)
	return v
}

// said are the labels and annotations that have no place of their own.
func (v *toldView) said(a alert.Alert) {
	for n, value := range setOf(a).All() {
		v.Labels = append(v.Labels, webkit.Pair{Key: short(n), Value: value})
	}
	for _, n := range sortedKeys(a.Annotations) {
		if n != "first_action" && n != "playbook" && n != "runbook_url" {
			v.Notes = append(v.Notes, webkit.Pair{Key: short(n), Value: a.Annotations[n]})
		}
	}
}

// messages are those that were sent, and those that are owed.
func (v *toldView) messages(ctx context.Context, t Told) {
	for i, n := range t.Notices {
		late := time.Duration(n.Late * float64(time.Second))
		row := noticeView{
			ID: "notice-" + strconv.Itoa(i), State: webkit.OK, Receiver: strings.TrimPrefix(n.Receiver, "route/") + " · " + n.Integration, Word: webkit.T(ctx, "alerts.told.ok"),
			Due: n.Due, At: n.At, Why: n.Reason, Tries: webkit.T(ctx, "alerts.told.tries", n.Attempts),
		}
		switch {
		case n.Error != "":
			row.State, row.Word, row.Why = webkit.Firing, webkit.T(ctx, "alerts.told.failed"), short(n.Error)
		case late >= lateFrom:
			row.State, row.Word = webkit.Warning, webkit.T(ctx, "alerts.told.late", late.Round(time.Second))
		}
		v.Notices = append(v.Notices, row)
	}
	for i, o := range t.Owed {
		row := noticeView{ID: "owed-" + strconv.Itoa(i), State: webkit.Firing, Receiver: strings.TrimPrefix(o.Receiver, "route/") + " · " + o.Integration, Word: webkit.T(ctx, "alerts.told.owed"), Due: o.Since, Why: short(o.Error), Tries: webkit.T(ctx, "alerts.told.tries", o.Attempts)}
		if row.Why == "" {
			row.Why = webkit.T(ctx, "alerts.told.untried")
		}
		v.Owed = append(v.Owed, row)
	}
}
