package oncallweb

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

type inboxView struct {
	Title    string
	Person   string
	Unread   int
	Own      bool
	ReadTo   string // where the messages are marked as read
	UpTo     string // the newest message that this page shows
	Messages []messageView
}

type messageView struct {
	ID, Title, Body, Href, Word string
	State                       webkit.State
	At                          time.Time
	Unread, Big                 bool
}

const bigMessages = 3 // that are drawn large

func viewInbox(ctx context.Context, who catalog.Person, messages []oncall.InboxMessage, unread int) inboxView {
	v := inboxView{Person: who.Name, Unread: unread, ReadTo: "/inbox/" + url.PathEscape(who.ID) + "/read"}
	v.Title = webkit.T(ctx, "oncall.inbox.title", who.Name)
	if unread > 0 {
		v.Title = webkit.T(ctx, "oncall.inbox.unread.title", unread, v.Title)
	}
	for i, m := range messages {
		if i == 0 {
			v.UpTo = m.ID
		}
		mv := messageView{ID: m.ID, Title: m.Title, Body: m.Body, Href: localLink(m.Link), At: m.At, Unread: m.ReadAt.IsZero(), Big: i < bigMessages, State: webkit.Muted, Word: webkit.T(ctx, "oncall.kind."+m.Kind)}
		switch m.Kind {
		case "page":
			mv.State = webkit.Firing
		case "resolved", "test":
			mv.State = webkit.OK
		}
		v.Messages = append(v.Messages, mv)
	}
	return v
}

// localLink turns a link into this product into a path, so that it works
// whatever name the browser has used for the server; others stay whole.
func localLink(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	for _, own := range []string{"/pages/", "/me", "/incidents/", "/alerts/"} {
		if strings.HasPrefix(u.Path, own) {
			return u.RequestURI()
		}
	}
	return webLink(link)
}

// lookAround is how far around now one's shifts are looked up, so that those
// which are shown have their real ends.
const lookAround = 60 * 24 * time.Hour

type meInput struct {
	who      catalog.Person
	plan     *oncall.Plan
	turns    map[string][]oncall.Turn // from lookAround before now to lookAround after
	adjusted []oncall.Adjustment
	loads    []meLoad
	pages    []oncall.Page
	unread   int
	names    names
}

// meLoad is what a rota asked of the person in the last quarter.
type meLoad struct {
	rota oncall.Rota
	load rota.Load
}

type meView struct {
	Head    webkit.Head
	ActAs   webkit.ActAs
	Inbox   string
	Unread  int
	Shifts  []shiftView
	Changes []changeRow  // those that name the person
	Ask     []webkit.Tab // forms for a swap and an absence
	Loads   []webkit.Tab

	As      string // whose they are where nobody signs in
	Feed    feedView
	Devices []deviceView
	Pages   []pageRow
}

// feedView is the person's own calendar feed; it is shown where it has an address.
type feedView struct{ URL, Revoke string }

type shiftView struct {
	Rota       string
	Start      time.Time
	From, To   string // by the rota's clock
	Current    bool
	Substitute bool
	Long       bool // ends beyond what we look ahead
}

type deviceView struct {
	ID, Channel, Address, After, Test string
}

func viewMe(ctx context.Context, in meInput) meView {
	now := webkit.Now(ctx)
	v := meView{Inbox: "/inbox/" + url.PathEscape(in.who.ID), Unread: in.unread}
	for _, r := range in.plan.Rotas {
		for _, t := range in.turns[r.ID] {
			if t.Person != in.who.ID || !t.End.After(now) || t.Start.Sub(now) > 28*24*time.Hour {
				continue
			}
			v.Shifts = append(v.Shifts, shiftView{Rota: r.Name, Start: t.Start, From: inZone(t.Start, r.Zone().Location()), To: inZone(t.End, r.Zone().Location()), Current: !t.Start.After(now), Substitute: t.Source.Kind != "rotation", Long: !t.End.Before(now.Add(lookAround))})
		}
	}
	slices.SortStableFunc(v.Shifts, func(a, b shiftView) int { return a.Start.Compare(b.Start) })
	for _, d := range in.who.Devices {
		dv := deviceView{ID: d.ID, Channel: d.Channel, Address: mask(d.Address), After: webkit.T(ctx, "oncall.device.atonce"), Test: "/me/devices/" + url.PathEscape(d.ID) + "/test"}
		if d.After > 0 {
			dv.After = webkit.T(ctx, "oncall.device.after", webkit.Duration(ctx, d.After))
		}
		if d.From != d.To {
			dv.After += " · " + clock(d.From) + "–" + clock(d.To)
		}
		if len(d.Severities) > 0 {
			dv.After += " · " + webkit.T(ctx, "oncall.device.severities", strings.Join(d.Severities, ", "))
		}
		v.Devices = append(v.Devices, dv)
	}
	for _, c := range viewChanges(ctx, in.plan, in.adjusted, in.names, in.who.ID) {
		if c.Own {
			v.Changes = append(v.Changes, c)
		}
	}
	for _, k := range []string{"swap", "absence"} {
		who := map[string]string{"swap": "of", "absence": "person"}[k]
		v.Ask = append(v.Ask, webkit.Tab{Text: webkit.T(ctx, "oncall.me."+k), Href: "/oncall/change?" + url.Values{"kind": {k}, who: {in.who.ID}, "back": {"/me"}}.Encode()})
	}
	for _, l := range in.loads {
		v.Loads = append(v.Loads, webkit.Tab{Href: fairnessHref(l.rota.ID), Text: webkit.T(ctx, "oncall.me.load.of", l.rota.Name, webkit.Number(ctx, int64(l.load.Hours+0.5)), webkit.Number(ctx, int64(l.load.Night+0.5)), l.load.Pages)})
	}
	for _, p := range in.pages {
		v.Pages = append(v.Pages, viewPageRow(ctx, p, in.names))
	}
	v.Head = meHead(ctx, in, v)
	return v
}

func meHead(ctx context.Context, in meInput, v meView) webkit.Head {
	h := webkit.Head{Title: in.who.Name}
	for _, p := range in.pages {
		if p.State == oncall.Calling || p.State == oncall.Unheard {
			h.State, h.Sentence, h.Detail = webkit.Firing, webkit.T(ctx, "oncall.me.paged", p.Service), p.Summary
			h.Actions = webkit.LinkButton(webkit.Button{Text: webkit.T(ctx, "oncall.me.answer"), Kind: webkit.Primary}, pageHref(p.ID))
			return h
		}
	}
	switch {
	case len(v.Shifts) == 0:
		h.State, h.Sentence = webkit.Muted, webkit.T(ctx, "oncall.me.never")
	case v.Shifts[0].Current && v.Shifts[0].Long:
		h.State, h.Sentence = webkit.Warning, webkit.T(ctx, "oncall.me.always", v.Shifts[0].Rota)
	case v.Shifts[0].Current:
		h.State, h.Sentence = webkit.Warning, webkit.T(ctx, "oncall.me.now", v.Shifts[0].Rota, v.Shifts[0].To)
	default:
		h.State, h.Sentence = webkit.OK, webkit.T(ctx, "oncall.me.next", v.Shifts[0].Rota, v.Shifts[0].From)
	}
	if len(in.who.Devices) == 0 {
		h.State, h.Detail = webkit.Firing, webkit.T(ctx, "oncall.me.nodevice")
	}
	return h
}

// mask hides what of an address could let others in: the path of a URL.
func mask(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return u.Scheme + "://" + u.Host + "/…"
}

type servicePanelInput struct {
	service  string
	plan     *oncall.Plan
	policy   oncall.Policy
	covered  bool
	adjusted []oncall.Adjustment
	open     []oncall.Page
	names    names
}

type serviceView struct {
	Covered  bool
	Policy   string
	Steps    []webkit.Step
	Open     []pageRow
	Simulate string
}

// viewServicePanel says who would be called for the service now.
func viewServicePanel(ctx context.Context, in servicePanelInput) serviceView {
	v := serviceView{Covered: in.covered, Policy: in.policy.Name, Simulate: simulateHref(in.service)}
	var at time.Duration
	for _, s := range in.policy.Steps {
		people := in.plan.OnCall(s, in.adjusted, webkit.Now(ctx))
		step := webkit.Step{After: at, Targets: in.names.all(people)}
		if len(people) == 0 {
			step.State, step.Text = webkit.Firing, webkit.T(ctx, "oncall.step.nobody")
		} else {
			at += s.Wait
		}
		v.Steps = append(v.Steps, step)
	}
	for _, p := range in.open {
		v.Open = append(v.Open, viewPageRow(ctx, p, in.names))
	}
	return v
}
