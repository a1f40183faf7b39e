// Package httpd is the edge: it turns a room's methods into handlers, and its
// errors into answers that say no more than the caller may know.
//
// A room hands over [Route]s (pages, protocols) and typed operations of the
// [API]. Every request passes, in this order: panic guard, headers, limit per
// client, text check, body limit, the guard that knows who may.
package httpd
