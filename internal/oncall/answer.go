package oncall

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
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
		d, err = p.ledger.Newest(ctx, a.Channel, a.Address)
	}
	if err != nil {
		return "", err
	}
	by := p.answerer(ctx, a, d)
	all, err := p.ledger.Bundle(ctx, d.ID)
	if err != nil {
		return "", err
	}
	said := ""
	for _, one := range append([]Delivery{d}, all...) {
		if one.Page == "" {
			continue // a canary: that it came back is all it was for
		}
		words, err := p.answer(ctx, one, by, a)
		if err != nil {
			return "", err
		}
		if said == "" {
			said = words
		}
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

func (p *Pager) answer(ctx context.Context, one Delivery, by string, a notify.Answer) (string, error) {
	lang := "en"
	if who, err := p.catalog.Person(ctx, by); err == nil {
		lang = who.Lang
	}
	head, err := p.store.Head(ctx, one.Page)
	if err != nil {
		return "", err
	}
	page, key := one.Page, "acked"
	now := head
	switch {
	case a.Action == notify.Ack:
		now, err = p.Ack(ctx, page, by, a.Channel)
	case head.State == Calling && one.PassedOn(head):
		key = "passed" // a second tap, or the next step has fired by itself: nobody is skipped
	default:
		key = "declined"
		now, err = p.Decline(ctx, page, by)
	}
	if errs.KindOf(err) == errs.Conflict {
		if head, herr := p.store.Head(ctx, page); herr != nil {
			return "", errors.Join(err, herr)
		} else if head.State == Answered {
			return fmt.Sprintf(text(lang, "taken"), head.AckedBy, head.Summary), nil
		}
		return fmt.Sprintf(text(lang, "over"), head.Summary), nil
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(text(lang, key), now.Service+": "+now.Summary), nil
}

// Reported implements notify.Back. What will not arrive counts as failed: the
// next device is used at once.
func (p *Pager) Reported(ctx context.Context, r notify.Report) error {
	broke := false
	d, err := p.ledger.Reported(ctx, r.Message, r.Channel, r.ProviderID, func(d *Delivery) bool {
		before := d.State
		changed := d.Report(r)
		broke = d.State == Failed && before != Failed
		return changed
	})
	if err != nil || !broke || d.Page == "" {
		return err
	}
	_, err = p.store.UpdatePage(ctx, d.Page, func(page *Page, ledger []Delivery) ([]Delivery, []event.Fact, error) {
		f := page.fact(p.now(), worker, DeliveryFailed{Delivery: d.ID, Page: d.Page, Person: d.Person, Device: d.Device, Channel: d.Channel, Error: d.Error})
		return page.failed(d, ledger, p.now()), []event.Fact{f}, nil
	})
	return err
}
