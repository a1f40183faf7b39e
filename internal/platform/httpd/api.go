package httpd

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// API collects typed operations under /api/v1 and describes them in OpenAPI
// 3.1 at /api/openapi.json.
type API struct {
	log    *slog.Logger
	huma   huma.API
	routes *routeMux
}

// Op names one operation.
type Op struct {
	ID      string // unique, kebab-case: "list-alerts"
	Tag     string // the room
	Summary string
	Access  Access // "" means Viewer for reading and Responder for writing
	Status  int    // of a success; 0 means 200
}

// Out is what a typed operation answers.
type Out[T any] struct{ Body T }

// routeMux collects what huma registers as routes, so that operations pass the
// same guard and limits as everything else.
type routeMux struct {
	access Access
	routes []Route
}

func (m *routeMux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.routes = append(m.routes, Route{Pattern: pattern, Access: m.access, Handler: http.HandlerFunc(h)})
}

func (m *routeMux) ServeHTTP(http.ResponseWriter, *http.Request) {}

// NewAPI returns an empty API.
func NewAPI(log *slog.Logger, version string) *API {
	cfg := huma.DefaultConfig("Hinoban", version)
	cfg.Info.Description = "The working life of an SRE team. Errors are RFC 9457 problems; times are RFC 3339 in UTC; lists page by a cursor."
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "/api/openapi", "", "/api/schemas"
	cfg.CreateHooks = nil // no $schema links in bodies
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	m := &routeMux{access: Viewer}
	return &API{log: log, routes: m, huma: humago.New(m, cfg)}
}

// schemaName names a schema by its package and type, because two rooms may use
// the same word: alertweb's List is AlertList.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	room := strings.TrimSuffix(path.Base(t.PkgPath()), "web")
	if t.Name() == "" || room == "" || room == "." {
		return name
	}
	room = strings.ToUpper(room[:1]) + room[1:]
	if strings.HasPrefix(name, room) {
		return name
	}
	return room + name
}

// Routes returns the operations as routes.
func (a *API) Routes() []Route { return a.routes.routes }

// OpenAPI returns the description as JSON.
func (a *API) OpenAPI() ([]byte, error) { return a.huma.OpenAPI().MarshalJSON() }

// Get registers a reading operation. I is huma's input struct (path, query and
// header tags), O the body.
func Get[I, O any](a *API, path string, op Op, fn func(context.Context, *I) (O, error)) {
	register(a, http.MethodGet, path, op, fn)
}

// Post registers a writing operation.
func Post[I, O any](a *API, path string, op Op, fn func(context.Context, *I) (O, error)) {
	register(a, http.MethodPost, path, op, fn)
}

// Put registers a writing operation that may be repeated.
func Put[I, O any](a *API, path string, op Op, fn func(context.Context, *I) (O, error)) {
	register(a, http.MethodPut, path, op, fn)
}

// Delete registers an operation that removes.
func Delete[I, O any](a *API, path string, op Op, fn func(context.Context, *I) (O, error)) {
	register(a, http.MethodDelete, path, op, fn)
}

func register[I, O any](a *API, method, path string, op Op, fn func(context.Context, *I) (O, error)) {
	a.routes.access = op.Access
	if op.Access == "" {
		a.routes.access = Viewer
		if method != http.MethodGet {
			a.routes.access = Responder
		}
	}
	huma.Register(a.huma, huma.Operation{
		OperationID: op.ID, Method: method, Path: path, Summary: op.Summary, Tags: []string{op.Tag}, DefaultStatus: op.Status,
		Errors:     []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
		Extensions: map[string]any{"x-access": string(a.routes.access)},
	}, func(ctx context.Context, in *I) (*Out[O], error) {
		v, err := fn(ctx, in)
		if err != nil {
			return nil, statusError(ctx, a.log, err)
		}
		return &Out[O]{Body: v}, nil
	})
}
