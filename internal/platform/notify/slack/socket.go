package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/gorilla/websocket"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

const (
	firstPause = time.Second
	lastPause  = time.Minute
	silence    = time.Minute // Slack pings every few seconds
	maxFrame   = 1 << 20
)

// Listen keeps a socket to Slack (Socket Mode) until ctx ends, so that nothing
// needs to reach us. Slack asks for a new one every few hours; there is a pause
// only where one could not be had.
func (c *Channel) Listen(ctx context.Context, b notify.Back) error {
	if c.cfg.AppToken == "" || c.cfg.Token == "" {
		return nil
	}
	pause := firstPause
	for ctx.Err() == nil {
		heard, err := c.socket(ctx, b)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is how listening ends
		}
		if heard {
			pause = firstPause
		}
		if err == nil {
			continue
		}
		c.log.WarnContext(ctx, "slack not heard", "err", err)
		t := time.NewTimer(max(pause, notify.RetryAfter(err)))
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
		pause = min(2*pause, lastPause)
	}
	return nil
}

// socket hears one socket out; heard says whether Slack greeted us on it.
func (c *Channel) socket(ctx context.Context, b notify.Back) (heard bool, err error) {
	var open struct {
		URL string `json:"url"`
	}
	if err := c.call(ctx, c.cfg.AppToken, "apps.connections.open", nil, &open); err != nil {
		return false, fmt.Errorf("open socket: %w", err)
	}
	u, err := url.Parse(open.URL)
	if err != nil || u.Scheme != "wss" && (u.Scheme != "ws" || !c.cfg.AllowPrivate) {
		return false, errs.New(errs.Unavailable, "open socket: Slack named no socket")
	}
	dialer := websocket.Dialer{HandshakeTimeout: c.cfg.Timeout}
	conn, res, err := dialer.DialContext(ctx, open.URL, nil)
	if res != nil && res.Body != nil {
		_ = res.Body.Close() // the handshake is over
	}
	if err != nil {
		// Its text may hold the address, which is a capability.
		return false, errs.New(errs.Unavailable, "open socket: Slack could not be reached")
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends the read below
	defer stop()
	defer func() { _ = conn.Close() }() // it is gone either way
	conn.SetReadLimit(maxFrame)
	conn.SetPingHandler(func(text string) error {
		_ = conn.SetReadDeadline(c.now().Add(silence)) // a dead socket fails the write
		return conn.WriteControl(websocket.PongMessage, []byte(text), c.now().Add(c.cfg.Timeout))
	})
	return c.read(ctx, b, conn)
}

// Envelope is one message of Socket Mode.
type Envelope struct {
	Type    string          `json:"type"`
	ID      string          `json:"envelope_id"`
	Payload json.RawMessage `json:"payload"`
}

// read hears envelopes until Slack asks for a new socket, or this one fails.
func (c *Channel) read(ctx context.Context, b notify.Back, conn *websocket.Conn) (heard bool, err error) {
	for {
		_ = conn.SetReadDeadline(c.now().Add(silence)) // a dead socket fails the read
		var e Envelope
		if err := conn.ReadJSON(&e); err != nil {
			return heard, errs.New(errs.Unavailable, "socket ended")
		}
		switch e.Type {
		case "hello":
			heard = true
			continue
		case "disconnect":
			return heard, nil
		}
		if e.ID == "" {
			continue
		}
		t, ours := ReadTap(e.Payload)
		say, taken := "", false
		if ours {
			if say, taken, err = c.answered(ctx, b, t); err != nil {
				// Without our word Slack shows a failure, and it can be tapped again.
				c.log.WarnContext(ctx, "slack answer not taken", "err", err)
				continue
			}
		}
		if err := conn.WriteJSON(map[string]string{"envelope_id": e.ID}); err != nil {
			return heard, errs.New(errs.Unavailable, "socket ended")
		}
		if ours {
			c.show(ctx, t, say, taken)
		}
	}
}
