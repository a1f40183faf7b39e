// Package sloth reads Sloth's specifications, writes the Prometheus rules that
// Sloth writes for them, and serves the series that those rules record.
//
// # Rules
//
//   - Names, labels, expressions and their order are the original's, version
//     0.16, to the letter.
//   - Plugins are code, and no code of a specification is run: the few that come
//     with Sloth and only rearrange rules are known by name.
package sloth

import (
	"encoding/json"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/slo/rules"
)

// The versions that are read.
const (
	Version    = "prometheus/v1"
	APIVersion = "sloth.slok.dev/v1"
)

// Spec is a file of version prometheus/v1.
type Spec struct {
	Version string            `json:"version"`
	Service string            `json:"service" pattern:"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$" doc:"The name of a Service document."`
	Labels  map[string]string `json:"labels,omitempty" doc:"Labels of every rule and alert."`
	Plugins Plugins           `json:"slo_plugins,omitzero"`
	SLOs    []SLO             `json:"slos" minItems:"1"`
}

// SLO is one objective of a Spec.
type SLO struct {
	Name        string            `json:"name" pattern:"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"`
	Description string            `json:"description,omitempty"`
	Objective   ascode.Decimal    `json:"objective" doc:"The percentage that must be good, 99.9."`
	Labels      map[string]string `json:"labels,omitempty"`
	Plugins     Plugins           `json:"plugins,omitzero"`
	SLI         SLI               `json:"sli"`
	Alerting    Alerting          `json:"alerting,omitzero"`
}

// SLI is one of events, a ratio, or a plugin, which is refused.
type SLI struct {
	Events *Events    `json:"events,omitempty"`
	Raw    *Raw       `json:"raw,omitempty"`
	Plugin *SLIPlugin `json:"plugin,omitempty"`
}

// Events are the bad ones and all of them.
type Events struct {
	ErrorQuery string `json:"error_query" doc:"PromQL of the bad events, with {{.window}} for the range."`
	TotalQuery string `json:"total_query" doc:"PromQL of all events, with {{.window}} for the range."`
}

// Raw is the share of bad events itself.
type Raw struct {
	ErrorRatioQuery string `json:"error_ratio_query" doc:"PromQL of the share of bad events, with {{.window}} for the range."`
}

// SLIPlugin names code that makes a query.
type SLIPlugin struct {
	ID      string            `json:"id"`
	Options map[string]string `json:"options,omitempty"`
}

// Alerting says how the two alerts are named and labelled.
type Alerting struct {
	Name        string            `json:"name,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Page        Alert             `json:"page_alert,omitzero"`
	Ticket      Alert             `json:"ticket_alert,omitzero"`
}

// Alert is one of the two.
type Alert struct {
	Disable     bool              `json:"disable,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Plugins is a chain of SLO plugins.
type Plugins struct {
	OverridePrevious bool     `json:"overridePrevious,omitempty"`
	Chain            []Plugin `json:"chain,omitempty"`
}

// Plugin is one of a chain.
type Plugin struct {
	ID       string         `json:"id"`
	Config   map[string]any `json:"config,omitempty"`
	Priority int            `json:"priority,omitempty"`
}

// settings is the plugin's configuration as T.
func settings[T any](p Plugin) (out T, err error) {
	text, err := json.Marshal(p.Config)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	return out, err
}

// ServiceLevel is the custom resource PrometheusServiceLevel.
type ServiceLevel struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   rules.Object   `json:"metadata"`
	Spec       LevelSpec      `json:"spec"`
	Status     map[string]any `json:"status,omitempty"`
}

// LevelSpec is Spec with the field names of the custom resource.
type LevelSpec struct {
	Service string            `json:"service" pattern:"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$" doc:"The name of a Service document."`
	Labels  map[string]string `json:"labels,omitempty" doc:"Labels of every rule and alert."`
	Plugins Plugins           `json:"sloPlugins,omitzero"`
	SLOs    []LevelSLO        `json:"slos" minItems:"1"`
}

// LevelSLO is SLO with the field names of the custom resource.
type LevelSLO struct {
	Name        string            `json:"name" pattern:"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"`
	Description string            `json:"description,omitempty"`
	Objective   ascode.Decimal    `json:"objective" doc:"The percentage that must be good, 99.9."`
	Labels      map[string]string `json:"labels,omitempty"`
	Plugins     Plugins           `json:"plugins,omitzero"`
	SLI         struct {
		Events *struct {
			ErrorQuery string `json:"errorQuery"`
			TotalQuery string `json:"totalQuery"`
		} `json:"events,omitempty"`
		Raw *struct {
			ErrorRatioQuery string `json:"errorRatioQuery"`
		} `json:"raw,omitempty"`
		Plugin *SLIPlugin `json:"plugin,omitempty"`
	} `json:"sli"`
	Alerting struct {
		Name        string            `json:"name,omitempty"`
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
		Page        Alert             `json:"pageAlert,omitzero"`
		Ticket      Alert             `json:"ticketAlert,omitzero"`
	} `json:"alerting,omitzero"`
}

// File is s as a file of version prometheus/v1.
func (l LevelSpec) File() Spec {
	out := Spec{Version: Version, Service: l.Service, Labels: l.Labels, Plugins: l.Plugins}
	for _, s := range l.SLOs {
		o := SLO{Name: s.Name, Description: s.Description, Objective: s.Objective, Labels: s.Labels, Plugins: s.Plugins}
		if e := s.SLI.Events; e != nil {
			o.SLI.Events = &Events{e.ErrorQuery, e.TotalQuery}
		}
		if r := s.SLI.Raw; r != nil {
			o.SLI.Raw = &Raw{r.ErrorRatioQuery}
		}
		o.SLI.Plugin = s.SLI.Plugin
		o.Alerting = Alerting{s.Alerting.Name, s.Alerting.Labels, s.Alerting.Annotations, s.Alerting.Page, s.Alerting.Ticket}
		out.SLOs = append(out.SLOs, o)
	}
	return out
}

// WindowsFile is an AlertWindows file: the windows of the alerts of a period.
type WindowsFile struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Metadata   any         `json:"metadata,omitempty"`
	Spec       WindowsSpec `json:"spec"`
}

// WindowsSpec is the spec of a WindowsFile.
type WindowsSpec struct {
	Period string       `json:"sloPeriod" doc:"Such as 30d."`
	Page   QuickAndSlow `json:"page"`
	Ticket QuickAndSlow `json:"ticket"`
}

// QuickAndSlow are the two pairs of one alert.
type QuickAndSlow struct {
	Quick WindowSpec `json:"quick"`
	Slow  WindowSpec `json:"slow"`
}

// WindowSpec is one pair: how much of the budget is gone when it fires.
type WindowSpec struct {
	Percent float64 `json:"errorBudgetPercent" exclusiveMinimum:"0" maximum:"100"`
	Short   string  `json:"shortWindow"`
	Long    string  `json:"longWindow"`
}
