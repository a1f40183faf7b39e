// Package am speaks Alertmanager's languages: its configuration file with every
// receiver it can name, its API v2, its metrics, and the gossip of its cluster.
// What it reads becomes a [dispatch.Plan]; what it hears goes to a
// [dispatch.Live].
//
// The file, the matchers, the templates and the receivers are read and spoken by
// Alertmanager's own packages (github.com/prometheus/alertmanager, Apache-2.0);
// the API's shapes are those of its api/v2/openapi.yaml.
package am
