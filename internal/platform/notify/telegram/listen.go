package telegram

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

const (
	firstPause = time.Second
	lastPause  = time.Minute
	answerIn   = 20 * time.Second
)

type (
	question struct {
		Offset  int64    `json:"offset"`
		Timeout int      `json:"timeout"` // seconds
		Allowed []string `json:"allowed_updates"`
	}
	update struct {
		ID    int64  `json:"update_id"`
		Query *query `json:"callback_query"`
	}
	query struct {
		ID   string `json:"id"`
		From struct {
			ID int64 `json:"id"`
		} `json:"from"`
		Message *struct {
			ID   int64 `json:"message_id"`
			Chat struct {
				ID int64 `json:"id"`
			} `json:"chat"`
		} `json:"message"`
		Data string `json:"data"`
	}
)

// Listen asks for taps until ctx ends. A tap is asked for again until it was
// taken or refused, so that none is lost when the database is away.
func (c *Channel) Listen(ctx context.Context, b notify.Back) error {
	var next int64
	pause := firstPause
	for ctx.Err() == nil {
		var got []update
		err := c.call(ctx, c.long, "getUpdates", question{Offset: next, Timeout: int(c.cfg.Poll / time.Second), Allowed: []string{"callback_query"}}, &got)
		for _, u := range got {
			if err = c.hear(ctx, b, u); err != nil {
				break
			}
			next = u.ID + 1
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is how listening ends
		}
		if err == nil {
			pause = firstPause
			continue
		}
		c.log.WarnContext(ctx, "telegram not heard", "err", err)
		sleep(ctx, max(pause, notify.RetryAfter(err)))
		pause = min(2*pause, lastPause)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// hear returns an error where the update must be heard again.
func (c *Channel) hear(ctx context.Context, b notify.Back, u update) error {
	if u.Query == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	action, token, ok := tapped(u.Query.Data)
	say := httpsend.NotTaken
	if ok {
		words, err := b.Answered(ctx, notify.Answer{Channel: c.Name(), Action: action, Token: token, Address: strconv.FormatInt(u.Query.From.ID, 10)})
		if err != nil && !errs.Permanent(err) {
			return err
		}
		if ok = err == nil; ok {
			say = words
		}
	}
	if err := c.tell(ctx, u.Query, say, ok); err != nil {
		// The answer counts whether or not its giver was told.
		c.log.InfoContext(ctx, "telegram answer not confirmed", "err", err)
	}
	return nil
}

// tell shows say to whoever tapped and, where the tap was taken, to all who see
// the message, and takes its buttons away.
func (c *Channel) tell(ctx context.Context, q *query, say string, taken bool) error {
	var done bool
	failed := []error{c.call(ctx, c.client, "answerCallbackQuery", map[string]string{"callback_query_id": q.ID, "text": notify.Line(say, 200)}, &done)}
	if taken && q.Message != nil {
		chat := strconv.FormatInt(q.Message.Chat.ID, 10)
		var edited any // a message, or true
		failed = append(failed,
			c.call(ctx, c.client, "editMessageReplyMarkup", struct {
				ChatID    string   `json:"chat_id"`
				MessageID int64    `json:"message_id"`
				Markup    keyboard `json:"reply_markup"`
			}{chat, q.Message.ID, keyboard{Rows: [][]button{}}}, &edited),
			c.call(ctx, c.client, "sendMessage", message{
				ChatID: chat, Text: notify.Line(say, maxTitle), Preview: noPreview{true}, Silent: true, ReplyTo: &replyTarget{q.Message.ID},
			}, &edited))
	}
	return errors.Join(failed...)
}
