package oncallweb

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/webpush"
)

//go:embed push-sw.js
var pushWorker []byte

// PushStore keeps the browsers that people allowed notifications in.
type PushStore interface {
	Subscribe(ctx context.Context, person, agent string, s webpush.Subscription, at time.Time) (id string, err error)
	Unsubscribe(ctx context.Context, person, id string) (ok bool, err error)
}

// PushDeps are what notifications in browsers need.
type PushDeps struct {
	Store   PushStore
	Key     string // public, in base64url
	Catalog Catalog
	Now     func() time.Time
}

// PushKey is what a browser subscribes with.
type PushKey struct {
	Key string `json:"key" doc:"The server's public key (VAPID), in base64url."`
}

// PushSubscribed is a kept subscription.
type PushSubscribed struct {
	ID     string `json:"id"`
	Person string `json:"person"`
}

// PushUnsubscribed is the answer to a removal.
type PushUnsubscribed struct {
	OK bool `json:"ok"`
}

type (
	subscribeIn struct {
		Agent string `header:"User-Agent"`
		Body  struct {
			Endpoint string   `json:"endpoint" minLength:"1" maxLength:"1000"`
			Expires  *float64 `json:"expirationTime,omitempty"`
			Keys     struct {
				P256DH string `json:"p256dh" maxLength:"200"`
				Auth   string `json:"auth" maxLength:"100"`
			} `json:"keys"`
			As string `json:"as,omitempty" maxLength:"64" doc:"The person who acts, where authentication is off."`
		}
	}
	unsubscribeIn struct {
		ID string `path:"id" maxLength:"64"`
		As string `query:"as" maxLength:"64"`
	}
)

// PushAPI registers the operations by which a browser of the person who is signed
// in allows notifications, and takes that back.
func PushAPI(a *httpd.API, d PushDeps) {
	op := func(id, summary string) httpd.Op {
		return httpd.Op{ID: id, Tag: "oncall", Summary: summary, Access: httpd.Viewer}
	}
	httpd.Get(a, "/api/v1/oncall/push/key", op("get-push-key", "What a browser subscribes to notifications with"), func(context.Context, *nothing) (PushKey, error) {
		return PushKey{d.Key}, nil
	})
	httpd.Post(a, "/api/v1/oncall/push/subscriptions", op("create-push-subscription", "Notify this browser"), d.subscribe)
	httpd.Delete(a, "/api/v1/oncall/push/subscriptions/{id}", op("delete-push-subscription", "Notify this browser no more"), func(ctx context.Context, in *unsubscribeIn) (PushUnsubscribed, error) {
		ok, err := d.Store.Unsubscribe(ctx, auth.Actor(ctx, in.As), in.ID)
		if err == nil && !ok {
			err = errs.New(errs.NotFound, "this browser is not notified, or not for you")
		}
		return PushUnsubscribed{ok}, err
	})
}

func (d PushDeps) subscribe(ctx context.Context, in *subscribeIn) (PushSubscribed, error) {
	who := auth.Actor(ctx, in.Body.As)
	if _, err := d.Catalog.Person(ctx, who); err != nil {
		return PushSubscribed{}, err
	}
	s := webpush.Subscription{Endpoint: in.Body.Endpoint}
	var err error
	if s.P256DH, err = webpush.ParseKey(in.Body.Keys.P256DH); err != nil {
		return PushSubscribed{}, errs.New(errs.Invalid, "keys.p256dh: %w", err)
	}
	if s.Auth, err = webpush.ParseKey(in.Body.Keys.Auth); err != nil {
		return PushSubscribed{}, errs.New(errs.Invalid, "keys.auth: %w", err)
	}
	if err := s.Validate(); err != nil {
		return PushSubscribed{}, err
	}
	id, err := d.Store.Subscribe(ctx, who, notify.Line(in.Agent, 200), s, d.Now())
	return PushSubscribed{ID: id, Person: who}, err
}

// PushRoutes are what makes an app of the pages on a phone: the worker that
// shows notifications, the manifest and its icons.
func PushRoutes() []httpd.Route {
	routes := []httpd.Route{
		static("/push-sw.js", "text/javascript; charset=utf-8", pushWorker),
		static("/manifest.webmanifest", "application/manifest+json", manifest()),
	}
	for _, size := range []int{192, 512} {
		routes = append(routes, static("/push-icon-"+strconv.Itoa(size)+".png", "image/png", icon(size)))
	}
	return routes
}

func static(path, kind string, body []byte) httpd.Route {
	return httpd.Route{Pattern: "GET " + path, Access: httpd.Public, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache") // a worker must not outlive its server's version
		w.Write(body)
	})}
}

func manifest() []byte {
	type icon struct {
		Src     string `json:"src"`
		Sizes   string `json:"sizes"`
		Type    string `json:"type"`
		Purpose string `json:"purpose"`
	}
	body, err := json.Marshal(struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		Short      string `json:"short_name"`
		Start      string `json:"start_url"`
		Scope      string `json:"scope"`
		Display    string `json:"display"`
		Background string `json:"background_color"`
		Theme      string `json:"theme_color"`
		Icons      []icon `json:"icons"`
	}{"/", "Hinoban", "Hinoban", "/me", "/", "standalone", "#1c1a18", "#1c1a18", []icon{
		{"/push-icon-192.png", "192x192", "image/png", "any maskable"}, {"/push-icon-512.png", "512x512", "image/png", "any maskable"},
	}})
	if err != nil {
		panic(err) // it is all constants
	}
	return body
}

// icon draws the flame of the favicon, large, in the middle of its own ground:
// phones cut icons to their own shapes.
func icon(size int) []byte {
	img := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.RGBA{0x1c, 0x1a, 0x18, 0xff}, color.RGBA{0xd9, 0x54, 0x1e, 0xff}})
	for y := range size {
		for x := range size {
			// A drop: a circle below, drawn out to a point above.
			u, v := (float64(x)/float64(size)-0.5)/0.22, (float64(y)/float64(size)-0.58)/0.22
			wide := math.Sqrt(max(0, 1-v*v))
			if v < 0 {
				wide = math.Pow(max(0, 1+v/1.9), 1.4)
			}
			if v < 1 && v > -1.9 && math.Abs(u) < wide {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // a buffer takes all
	}
	return b.Bytes()
}
