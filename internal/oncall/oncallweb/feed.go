package oncallweb

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/hinoban/hinoban/internal/oncall/ical"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// FeedRoutes are the calendars: whoever has the address of one may read it.
func FeedRoutes(d Deps) []httpd.Route {
	return []httpd.Route{{Pattern: "GET /ical/{token}", Access: httpd.Keyed, Handler: http.HandlerFunc(d.calendar)}}
}

func (d Deps) calendar(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutSuffix(r.PathValue("token"), ".ics")
	feed, err := d.Pager.Feed(r.Context(), token)
	switch {
	case !ok, errs.KindOf(err) == errs.Denied, errs.KindOf(err) == errs.NotFound:
		http.NotFound(w, r) // nothing tells a wrong address from one that was revoked
		return
	case err != nil:
		d.Log.ErrorContext(r.Context(), "calendar not made", "err", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	text := ical.Write(feed)
	sum := sha256.Sum256(text)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, max-age=300")
	h.Set("Content-Type", "text/calendar; charset=utf-8")
	h.Set("Content-Disposition", `inline; filename="oncall.ics"`)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(text)
}

// revokeFeed makes the address of one's own calendar void.
func (d Deps) revokeFeed(r *http.Request) (webkit.Done, error) {
	ctx := r.Context()
	me := d.me(r)
	if me == "" {
		return webkit.Done{}, errs.New(errs.Invalid, "%s", webkit.T(ctx, "oncall.me.unknown"))
	}
	if !local(r) && auth.From(ctx).ID != me {
		return webkit.Done{}, errs.New(errs.Denied, "only %s may do this", me)
	}
	return webkit.Done{To: "/me", Flash: webkit.T(ctx, "oncall.done.feed")}, d.Pager.RevokeFeed(ctx, "person", me)
}
