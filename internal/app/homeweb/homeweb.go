// Package homeweb is what belongs to no room or to all of them: what needs a
// human now, the log, the configuration in use, health, and people's accounts.
package homeweb

import (
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/incident"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/webkit"
	"github.com/hinoban/hinoban/internal/slo"
)

// Text is what the pages say, in English and Japanese.
//
//go:embed text.json
var Text []byte

// Log is the part of the one log that the pages read.
type Log interface {
	Events(ctx context.Context, q event.Query) ([]event.Record, error)
	Verify(ctx context.Context) (bus.Report, error)
}

// Alerts is the part of the inbox that the pages ask.
type Alerts interface {
	Alerts(ctx context.Context, q alert.Query) ([]alert.Alert, error)
}

// SLOs is the part of the evaluator that the pages ask.
type SLOs interface{ All() []slo.Standing }

// Pager is the part of on-call that the pages ask.
type Pager interface {
	Pages(ctx context.Context, q oncall.PageQuery) ([]oncall.Page, error)
	OnCallNow(ctx context.Context) ([]oncall.Now, error)
	Turns(ctx context.Context, from, to time.Time) (map[string][]oncall.Turn, []oncall.Adjustment, error)
}

// Desk is the part of the incident room that the pages ask.
type Desk interface {
	Incidents(ctx context.Context, q incident.Query) ([]incident.Incident, error)
}

// Config is what is configured.
type Config struct {
	Folder    string           `json:"folder,omitempty"`
	Sum       string           `json:"sum"`
	Documents []ConfigDocument `json:"documents"`
	Problems  []ascode.Problem `json:"problems"` // of the folder as it is; what is in use is older then
}

// ConfigDocument is one document in use.
type ConfigDocument struct {
	APIVersion string `json:"api_version,omitempty"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	File       string `json:"file"`
	Line       int    `json:"line"`
}

// Deps are what the pages need. The API does without Kit.
type Deps struct {
	Kit     *webkit.Kit
	Log     *slog.Logger
	Now     func() time.Time
	Gate    *auth.Gate
	Events  Log
	Catalog *catalog.Catalog
	Alerts  Alerts
	SLOs    SLOs
	Pager   Pager
	Desk    Desk
	Config  func() Config
	Kinds   []ascode.Kind
	Health  func(context.Context) httpd.Health
}

// Routes are the pages and forms.
func Routes(d Deps) []httpd.Route {
	page := func(access httpd.Access, pattern string, fn func(*http.Request) (webkit.Page, error)) httpd.Route {
		return httpd.Route{Pattern: pattern, Access: access, Handler: d.Kit.Page(fn)}
	}
	form := func(access httpd.Access, pattern string, fn func(*http.Request) (webkit.Done, error)) httpd.Route {
		return httpd.Route{Pattern: "POST " + pattern, Access: access, Handler: d.Kit.Post(fn)}
	}
	return []httpd.Route{
		page(httpd.Viewer, "GET /{$}", d.nowPage),
		page(httpd.Viewer, "GET /log", d.logPage),
		page(httpd.Viewer, "GET /log/verify", d.verifyPage),
		page(httpd.Viewer, "GET /log/{seq}", d.recordPage),
		page(httpd.Viewer, "GET /config", d.configPage),
		{Pattern: "GET /config/schema/{group}/{version}/{kind}", Access: httpd.Viewer, Handler: http.HandlerFunc(d.schema)},
		page(httpd.Viewer, "GET /health", d.healthPage),
		{Pattern: "GET /api/palette", Access: httpd.Viewer, Handler: d.Kit.Wrap(http.HandlerFunc(d.palette))},

		page(httpd.Public, "GET /login", d.loginPage),
		page(httpd.Public, "GET /welcome", d.welcomePage),
		page(httpd.Viewer, "GET /settings", d.settingsPage),
		page(httpd.Viewer, "POST /settings/tokens", d.createToken),
		page(httpd.Viewer, "POST /settings/password", d.changePassword),
		form(httpd.Viewer, "/settings/tokens/{id}/revoke", d.revokeToken),
		form(httpd.Viewer, "/settings/sessions/{id}/revoke", d.revokeSession),
		page(httpd.Admin, "GET /people", d.peoplePage),
		page(httpd.Admin, "POST /people", d.createPerson),
		page(httpd.Admin, "POST /people/{id}", d.changePerson),
		page(httpd.Admin, "POST /people/{id}/invite", d.invite),
	}
}

// Nav are the entries in the rail: the first and the last.
func Nav() []webkit.NavItem {
	return []webkit.NavItem{
		{Key: "now", Href: "/", TextKey: "home.nav.now", Icon: "now", Hotkey: "n", Order: 10},
		{Key: "log", Href: "/log", TextKey: "home.nav.log", Icon: "log", Hotkey: "l", Order: 90},
	}
}

// Panels are what is shown on pages of rooms: nothing.
func Panels() []module.Panel { return nil }
