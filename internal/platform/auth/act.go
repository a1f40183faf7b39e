package auth

import (
	"context"

	"github.com/hinoban/hinoban/internal/platform/httpd"
)

// Actor is who acts: the person or token behind ctx. Where authentication is
// off nobody is signed in, and the caller may say as whom it acts: "" is "local".
func Actor(ctx context.Context, asked string) string {
	p := From(ctx)
	if p.Kind != ByLocal {
		return p.ID
	}
	if asked != "" {
		return asked
	}
	return "local"
}

// MayAct says whether the principal behind ctx may do more than look: pages
// draw no button that would be refused.
func MayAct(ctx context.Context) bool { return From(ctx).May(httpd.Responder) }
