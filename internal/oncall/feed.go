package oncall

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/ical"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Feeds are calendars for the programs that people use. The address of one is a
// capability: whoever has it may read it. Its holder revokes it by making the next.

const (
	feedBack  = 28 * 24 * time.Hour
	feedAhead = 180 * 24 * time.Hour
	feedAlarm = 15 * time.Minute
)

// FeedToken returns the secret part of the address of a feed: kind is "person" or
// "rota", n grows with every revocation.
func (p *Pager) FeedToken(kind, id string, n int) string {
	body := kind + "/" + id + "/" + strconv.Itoa(n)
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte("feed:" + body))
	return base64.RawURLEncoding.EncodeToString([]byte(body)) + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// FeedURL is the address of the calendar of a person or a rota.
func (p *Pager) FeedURL(ctx context.Context, kind, id string) (string, error) {
	n, err := p.adjustments.Feed(ctx, kind+"/"+id)
	if err != nil {
		return "", err
	}
	return p.cfg.BaseURL + "/ical/" + p.FeedToken(kind, id, n) + ".ics", nil
}

// RevokeFeed makes the address of a feed void; the next one is another.
func (p *Pager) RevokeFeed(ctx context.Context, kind, id string) error {
	return p.adjustments.RevokeFeed(ctx, kind+"/"+id)
}

// Feed returns the calendar that a token is good for. Denied where it was made up
// or revoked, NotFound where the person or the rota is gone.
func (p *Pager) Feed(ctx context.Context, token string) (ical.Calendar, error) {
	body, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.Strict().DecodeString(body)
	kind, rest, ok := strings.Cut(string(text), "/")
	cutAt := strings.LastIndexByte(rest, '/')
	if err != nil || !ok || cutAt < 0 || len(token) > 500 {
		return ical.Calendar{}, errs.New(errs.Denied, "no such calendar")
	}
	id := rest[:cutAt]
	n, err := p.adjustments.Feed(ctx, kind+"/"+id)
	if err != nil {
		return ical.Calendar{}, err
	}
	if !hmac.Equal([]byte(p.FeedToken(kind, id, n)), []byte(token)) {
		return ical.Calendar{}, errs.New(errs.Denied, "no such calendar")
	}
	return p.feed(ctx, kind, id)
}

func (p *Pager) feed(ctx context.Context, kind, id string) (f ical.Calendar, err error) {
	now := p.now()
	turns, _, err := p.Turns(ctx, now.Add(-feedBack), now.Add(feedAhead))
	if err != nil {
		return f, err
	}
	plan := p.plan.Load()
	names := p.names(ctx)
	switch {
	case kind == "person" && names[id] != "":
		f.Name = fmt.Sprintf("On call: %s", names[id])
	case kind == "rota" && plan.Rota(id) != nil:
		f.Name = plan.Rota(id).Name
	default:
		return f, errs.New(errs.NotFound, "there is no %s %q any more", kind, id)
	}
	for i := range plan.Rotas {
		r := &plan.Rotas[i]
		if kind == "rota" && r.ID != id {
			continue
		}
		// A turn that began before what we look at has lost its start, and so its name.
		whole := slices.DeleteFunc(turns[r.ID], func(t Turn) bool { return !t.Start.After(now.Add(-feedBack)) })
		feed := ical.Feed{Stamp: now.Truncate(time.Hour), URL: p.cfg.BaseURL + "/oncall", Title: func(t Turn) string { return names[t.Person] + " · " + r.Name }}
		if kind == "person" {
			feed.Person, feed.Alarm, feed.Title = id, feedAlarm, func(Turn) string { return r.Name }
		}
		f.Events = append(f.Events, feed.Events(whole)...)
	}
	return f, nil
}

// names are what people are called.
func (p *Pager) names(ctx context.Context) map[string]string {
	out := map[string]string{}
	for _, who := range p.catalog.People(ctx) {
		out[who.ID] = cmp.Or(who.Name, who.ID)
	}
	return out
}
