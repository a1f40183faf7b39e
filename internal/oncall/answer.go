package oncall

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

var _ notify.Back = (*Pager)(nil)

// AnswerLasts is how long the buttons of a message answer.
const AnswerLasts = 7 * 24 * time.Hour

const answerSum = 12 // bytes of HMAC-SHA-256: 96 bits

func (p *Pager) sum(delivery string) string {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte("answer:" + delivery))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:answerSum])
}

// Token returns what answers a delivery for whoever holds it, and nothing else.
func (p *Pager) Token(delivery string) string { return delivery + "." + p.sum(delivery) }

// actions are what the receiver of a page can do about it.
func (p *Pager) actions(delivery, lang string) (out []notify.Action) {
	token := p.Token(delivery)
	for _, id := range []string{notify.Ack, notify.Decline} {
		out = append(out, notify.Action{ID: id, Text: text(lang, id), Token: token, URL: p.cfg.BaseURL + "/a/" + url.PathEscape(token) + "?do=" + id})
	}
	return out
}

// Asked returns the delivery that a token answers. Denied where it was made up or
// is too old.
func (p *Pager) Asked(ctx context.Context, token string) (Delivery, error) {
	id, sum, ok := strings.Cut(token, ".")
	if !ok || len(token) > 200 || !hmac.Equal([]byte(sum), []byte(p.sum(id))) {
		return Delivery{}, errs.New(errs.Denied, "this link was not made here, or its end is missing")
	}
	d, _, err := p.ledger.Delivery(ctx, id)
	if err == nil && p.now().Sub(d.MadeAt) > AnswerLasts {
		return Delivery{}, errs.New(errs.Denied, "this link was good for a week: open the page itself")
	}
	return d, err
}

// Answered implements notify.Back. An answer to a message that told of several
// pages answers all of them.
func (p *Pager) Answered(ctx context.Context, a notify.Answer) (string, error) {
	if a.Action != notify.Ack && a.Action != notify.Decline {
		return "", errs.New(errs.Invalid, "%q is neither ack nor decline", a.Action)
	}
	var d Delivery
	var err error
	if a.Token != "" {
		d, err = p.Asked(ctx, a.Token)
	} else {
		d, err = p.ledger.Newest(ctx, KindPage, a.Channel, a.Address)
	}
	if err != nil {
		return "", err
	}
	by := p.answerer(ctx, a, d)
	all, err := p.ledger.Bundle(ctx, d.ID)
	if err != nil {
		return "", err
	}
	var done []string // services that the answer counts for
	said := ""
	for _, one := range append([]Delivery{d}, all...) {
		if one.Page == "" {
			continue // a canary: that it came back is all it was for
		}
		words, counts, err := p.answer(ctx, one, by, a, len(all) > 0)
		if err != nil {
			return "", err
		}
		if counts != "" {
			done = append(done, counts)
		}
		if said == "" || (counts != "" && len(done) == 1) {
			said = words
		}
	}
	if len(done) > 1 {
		return fmt.Sprintf(text(p.receiver(ctx, Delivery{Person: by}).Lang, a.Action+"_all"), len(done), strings.Join(done, ", ")), nil
	}
	return said, nil
}

// answerer is who gave an answer: of a message to a room, whoever tapped, if the
// catalog knows the address; else the person it was for.
func (p *Pager) answerer(ctx context.Context, a notify.Answer, d Delivery) string {
	if a.Address == "" || a.Address == d.Address {
		return d.Person
	}
	for _, who := range p.catalog.People(ctx) {
		for _, v := range who.Devices {
			if v.Channel == a.Channel && v.Address == a.Address {
				return who.ID
			}
		}
	}
	return d.Person
}

// answer answers one page and says what became of it; counts is its service where
// the answer counted. An answer to several leaves alone what somebody else has.
func (p *Pager) answer(ctx context.Context, one Delivery, by string, a notify.Answer, several bool) (said, counts string, err error) {
	page, err := p.store.Head(ctx, one.Page)
	if err != nil {
		return "", "", err
	}
	key := one.idle(page, by, a.Action, several)
	switch {
	case a.Action == notify.Ack && (key == "" || key == "learns"): // whoever learns is noted
		page, err = p.Ack(ctx, one.Page, by, a.Channel)
	case key == "":
		page, err = p.Decline(ctx, one.Page, by)
	}
	switch {
	case err != nil && errs.KindOf(err) != errs.Conflict:
		return "", "", err
	case err != nil: // it has changed since it was looked at, or there is nobody to go on to
		if page, err = p.store.Head(ctx, one.Page); err != nil {
			return "", "", err
		}
		if key = one.idle(page, by, a.Action, true); key == "" {
			key = "nobody"
		}
	case key == "":
		key, counts = did(a.Action, page)
	}
	lang := p.receiver(ctx, Delivery{Person: by}).Lang
	if key == "taken" {
		return fmt.Sprintf(text(lang, key), page.AckedBy, page.Summary), "", nil
	}
	return fmt.Sprintf(text(lang, key), page.Service+": "+page.Summary), counts, nil
}

// did says what an answer has done to a page.
func did(action string, p Page) (key, counts string) {
	switch {
	case action == notify.Ack:
		return "acked", p.Service
	case p.State == Unheard:
		return "nobody", ""
	}
	return "declined", p.Service
}

// idle says why an answer to the message of a delivery does nothing; "" where it
// does something.
func (d *Delivery) idle(p Page, by, action string, several bool) string {
	switch {
	case p.State == Closed:
		return "over"
	case p.State == Answered && p.AckedBy != by && (several || action == notify.Decline):
		return "taken"
	case p.Learns(by):
		return "learns"
	case action == notify.Decline && p.State == Calling && d.PassedOn(p):
		return "passed" // a second tap, or the next step has fired by itself: nobody is skipped
	}
	return ""
}

// Bundle returns the pages, beside its own, that the message of a delivery told of.
func (p *Pager) Bundle(ctx context.Context, delivery string) (out []Page, err error) {
	all, err := p.ledger.Bundle(ctx, delivery)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		page, err := p.store.Head(ctx, d.Page)
		if err != nil {
			return nil, err
		}
		out = append(out, page)
	}
	return out, nil
}

// Reported implements notify.Back. What will not arrive counts as failed, with all
// that the message told: the next device is used at once. Repeating it calls nobody
// again.
func (p *Pager) Reported(ctx context.Context, r notify.Report) error {
	news := false
	d, err := p.ledger.Reported(ctx, r.Message, r.Channel, r.ProviderID, func(d *Delivery) (changed bool, facts []event.Fact) {
		news, facts = d.Report(r, p.now())
		return news, facts
	})
	if err != nil || d.State != Failed || r.State != notify.Undelivered || d.Page == "" {
		return err
	}
	all, err := p.ledger.Bundle(ctx, d.ID)
	if err != nil {
		return err
	}
	for _, one := range append([]Delivery{d}, all...) {
		if err := p.undelivered(ctx, one, d.Error, news && one.ID == d.ID); err != nil {
			return err
		}
	}
	return nil
}

// undelivered is what follows for the page of a delivery that will not arrive.
// Where it is no news it follows all the same: a crash may have come between.
func (p *Pager) undelivered(ctx context.Context, one Delivery, why string, news bool) error {
	_, err := p.store.UpdatePage(ctx, one.Page, func(page *Page, ledger []Delivery) ([]Delivery, []event.Fact, error) {
		i := slices.IndexFunc(ledger, func(d Delivery) bool { return d.ID == one.ID })
		if i < 0 {
			return nil, nil, nil
		}
		d := &ledger[i]
		if d.State == Failed && !news {
			return page.failed(*d, ledger, p.now()), nil, nil
		}
		d.State, d.Error = Failed, why
		f := page.fact(p.now(), worker, DeliveryFailed{Delivery: d.ID, Page: d.Page, Person: d.Person, Device: d.Device, Channel: d.Channel, Error: why})
		return append(page.failed(*d, ledger, p.now()), *d), []event.Fact{f}, nil
	})
	return err
}
