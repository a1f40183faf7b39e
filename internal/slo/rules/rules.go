// Package rules holds groups of Prometheus rules as they are written to a rule
// file or to a PrometheusRule of the Prometheus operator.
package rules

import (
	"fmt"
	"maps"
	"regexp"
	"time"

	"github.com/prometheus/common/model"
)

// Group is one group of a rule file.
type Group struct {
	Name     string `json:"name"`
	Interval string `json:"interval,omitempty"`
	Rules    []Rule `json:"rules"`
}

// Rule records a series or raises an alert.
type Rule struct {
	Record      string            `json:"record,omitempty"`
	Alert       string            `json:"alert,omitempty"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// File is a rule file.
type File struct {
	Groups []Group `json:"groups"`
}

// Resource is a PrometheusRule of the Prometheus operator.
type Resource struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   Object `json:"metadata"`
	Spec       File   `json:"spec"`
}

// NewResource returns the PrometheusRule of groups.
func NewResource(meta Object, groups []Group) Resource {
	return Resource{APIVersion: "monitoring.coreos.com/v1", Kind: "PrometheusRule", Metadata: meta, Spec: File{groups}}
}

// Object is the metadata of a Kubernetes object, as far as rules need it. Other
// fields are left alone.
type Object struct {
	_           struct{}          `json:"-" additionalProperties:"true"`
	Name        string            `json:"name" pattern:"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$" patternDescription:"a name of Kubernetes: lower-case letters, digits, - and ."`
	Namespace   string            `json:"namespace,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Duration writes a time as Prometheus does: 5m, 1h30m, 30d, 4w.
func Duration(d time.Duration) string { return model.Duration(d).String() }

// ParseDuration reads what Prometheus writes.
func ParseDuration(s string) (time.Duration, error) {
	d, err := model.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 5m, 1h or 30d", s)
	}
	return time.Duration(d), nil
}

// Selector writes labels as a filter in their order: {a="1", b="2"}.
func Selector(labels map[string]string) string {
	set := model.LabelSet{}
	for k, v := range labels {
		set[model.LabelName(k)] = model.LabelValue(v)
	}
	return set.String()
}

// Merge returns the labels of all maps; the last one wins.
func Merge(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

var mark = regexp.MustCompile(`\{\{\s*\.window\s*\}\}`)

// WindowMark stands in a query where the window belongs.
const WindowMark = "{{.window}}"

// HasWindow reports whether a query has a [WindowMark], however it is spaced.
func HasWindow(q string) bool { return mark.MatchString(q) }

// PutWindow puts a window in the place of each [WindowMark].
func PutWindow(q, window string) string { return mark.ReplaceAllLiteralString(q, window) }
