// Package examples holds complete, runnable configurations. Each is loaded by a
// test; demo-shop is what `hinoban demo` runs.
package examples

import "embed"

// Files are the example folders.
//
//go:embed alert-rules alertmanager demo-shop small-team slo-dialects
var Files embed.FS
