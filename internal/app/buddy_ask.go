package app

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/buddy"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
)

// BuddyAsk is what a server can be asked about its buddy.
type BuddyAsk string

// What can be asked.
const (
	BuddyTakeover BuddyAsk = "takeover"
	BuddyGiveback BuddyAsk = "giveback"
)

// AskServer has the buddy of a server page in its place, or not any more, and waits
// until it does. Unavailable where that takes longer than ctx.
func AskServer(ctx context.Context, b BuddyConfig, ask BuddyAsk) error {
	keys, err := buddy.NewKeys(b.Secret)
	if err != nil {
		return err
	}
	client, of := httpc.New(httpc.Options{Timeout: 20 * time.Second, AllowPrivate: true}), strings.TrimRight(b.Of, "/")
	call := func(method, path string) (buddy.Beat, error) {
		c := buddy.Call{From: "cli", Count: time.Now().UnixMicro()}
		text, nonce, err := askServer(ctx, client, keys, of, c, method, path, nil)
		if err != nil {
			return buddy.Beat{}, err
		}
		return readBeat(keys, text, nonce)
	}
	want := buddy.Passive
	if ask == BuddyTakeover {
		want = buddy.Active
	}
	beat, err := call(http.MethodPost, "/api/v1/buddy/"+string(ask))
	for err == nil && beat.BuddyRole != want {
		pauseFor(ctx, 100*time.Millisecond)
		if ctx.Err() != nil {
			return errs.New(errs.Unavailable, "the buddy is %s still", beat.BuddyRole)
		}
		beat, err = call(http.MethodGet, "/api/v1/buddy/heartbeat")
	}
	return err
}
