package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Find looks for m among the latest messages of address, which must be
// an id: Slack knows no other name there. For a name or a webhook it is Invalid.
func (c *Channel) Find(ctx context.Context, address string, m notify.Message) (notify.Receipt, bool, error) {
	if err := c.Check(address); err != nil {
		return notify.Receipt{}, false, err
	}
	if hook(address) || !strings.ContainsAny(address[:1], "CDGUW") {
		return notify.Receipt{}, false, errs.New(errs.Invalid, "slack can be asked for messages of an id only")
	}
	r, ok, err := c.find(ctx, address, m)
	if err != nil {
		return notify.Receipt{}, false, fmt.Errorf("look for slack %s: %w", m.ID, err)
	}
	return r, ok, nil
}

func (c *Channel) find(ctx context.Context, address string, m notify.Message) (notify.Receipt, bool, error) {
	if address[0] == 'U' || address[0] == 'W' {
		var opened struct {
			Channel struct {
				ID string `json:"id"`
			} `json:"channel"`
		}
		body, err := json.Marshal(map[string]string{"users": address})
		if err != nil {
			return notify.Receipt{}, false, err
		}
		if err := c.call(ctx, c.cfg.Token, "conversations.open", body, &opened); err != nil {
			return notify.Receipt{}, false, err
		}
		address = opened.Channel.ID
	}
	var said struct {
		Messages []struct {
			TS          string `json:"ts"`
			ClientMsgID string `json:"client_msg_id"`
			Metadata    struct {
				EventType string `json:"event_type"`
				Payload   struct {
					ID string `json:"id"`
				} `json:"event_payload"`
			} `json:"metadata"`
		} `json:"messages"`
	}
	q := url.Values{"channel": {address}, "limit": {"50"}, "include_all_metadata": {"true"}}
	if err := c.call(ctx, c.cfg.Token, "conversations.history", []byte(q.Encode()), &said); err != nil {
		return notify.Receipt{}, false, err
	}
	for _, got := range said.Messages {
		if got.Metadata.EventType == eventType && got.Metadata.Payload.ID == m.ID || got.ClientMsgID == notify.UUID(m.ID) {
			return notify.Receipt{ProviderID: notify.Line(address+":"+got.TS, 80), Detail: "posted"}, true, nil
		}
	}
	return notify.Receipt{}, false, nil
}

const eventType = "hinoban_notification"
