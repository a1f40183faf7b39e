package webkit

import (
	"context"
	"time"

	"github.com/a-h/templ"
)

// Entry is one line of a [Timeline].
type Entry struct {
	ID     string // an anchor that chips point to; "" for none
	At     time.Time
	Icon   string // of the source: "deploy", "page", "chat" …
	Source string // its name
	Actor  string
	Text   string
	Body   templ.Component // below the text
	Href   string
	State  State // "" for an ordinary line
	Pinned bool
}

// Step is one step of an escalation.
type Step struct {
	After   time.Duration // since the start; 0 is at once
	Targets []string
	Text    string
	State   State // "" has not happened yet
	At      time.Time
	Current bool
}

func sameDay(ctx context.Context, a, b time.Time) bool {
	ay, am, ad := a.In(Zone(ctx)).Date()
	by, bm, bd := b.In(Zone(ctx)).Date()
	return ay == by && am == bm && ad == bd
}

func seconds(ctx context.Context, t time.Time) string { return t.In(Zone(ctx)).Format("15:04:05") }

func stepAfter(ctx context.Context, s Step) string {
	if s.After == 0 {
		return T(ctx, "webkit.step.now")
	}
	return T(ctx, "webkit.step.after", s.After)
}
