package httpd

import "net/http"

// Access says who may call a route. The guard that app installs enforces it.
type Access string

// The accesses, from open to closed. Ingest is for machines: an API token with
// the scope "ingest", or anybody where authentication is off. Keyed lets everybody
// through to a handler that asks for a key of its own, which the sender's protocol
// carries; bodies are handed on as they are, text or not.
const (
	Public    Access = "public"
	Ingest    Access = "ingest"
	Keyed     Access = "keyed"
	Viewer    Access = "viewer"
	Responder Access = "responder"
	Admin     Access = "admin"
)

// Route is one ServeMux pattern with its handler and who may call it.
type Route struct {
	Pattern string
	Access  Access
	Handler http.Handler
	MaxBody int64 // bytes; 0 means the server's default of 1 MiB
}
