package promstore

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/file"
	"go.yaml.in/yaml/v3"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// CheckScrapeConfig reports whether data is a configuration that the store can
// scrape by, in Prometheus' own form; name is for the message. The error is
// Invalid and begins with name and, where it is known, the line.
func CheckScrapeConfig(name string, data []byte) error {
	_, err := parseScrapeConfig(name, data, slog.New(slog.DiscardHandler))
	return err
}

func readScrapeConfig(path string, log *slog.Logger) (*config.Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, errs.New(errs.Invalid, "read the scrape configuration: %w", err)
	}
	return parseScrapeConfig(path, data, log)
}

func parseScrapeConfig(name string, data []byte, log *slog.Logger) (*config.Config, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, errs.New(errs.Invalid, "%s: %w", name, err)
	}
	if err := refuseDiscoveries(name, &doc); err != nil {
		return nil, err
	}
	cfg, err := config.Load(string(data), log)
	if err != nil {
		return nil, errs.New(errs.Invalid, "%s: %s", name, strings.TrimSpace(err.Error()))
	}
	cfg.SetDirectory(filepath.Dir(name))
	jobs, err := cfg.GetScrapeConfigs()
	if err != nil {
		return nil, errs.New(errs.Invalid, "%s: %w", name, err)
	}
	for _, j := range jobs { // also those of scrape_config_files
		for _, d := range j.ServiceDiscoveryConfigs {
			if !supported(d) {
				return nil, errs.New(errs.Invalid, "%s: job %q: %s_sd_configs: %s", name, j.JobName, d.Name(), onlyThese)
			}
		}
	}
	for _, part := range unusedParts(cfg) {
		log.Warn("part of the scrape configuration is not used", "file", name, "part", part)
	}
	return cfg, nil
}

const onlyThese = "only static_configs and file_sd_configs are supported; have the other discovery write a file for file_sd_configs"

// refuseDiscoveries looks for kinds of discovery that this build has not, so
// that the message can say where and what to do.
func refuseDiscoveries(name string, n *yaml.Node) error {
	for i, c := range n.Content {
		key := n.Kind == yaml.MappingNode && i%2 == 0
		if key && strings.HasSuffix(c.Value, "_sd_configs") && c.Value != "file_sd_configs" {
			return errs.New(errs.Invalid, "%s:%d: %s: %s", name, c.Line, c.Value, onlyThese)
		}
		if err := refuseDiscoveries(name, c); err != nil {
			return err
		}
	}
	return nil
}

func supported(d discovery.Config) bool {
	switch d.(type) {
	case discovery.StaticConfig, *file.SDConfig:
		return true
	}
	return false
}

// unusedParts names what a whole prometheus.yml may hold and scraping ignores.
func unusedParts(c *config.Config) []string {
	var out []string
	for part, n := range map[string]int{
		"rule_files":   len(c.RuleFiles),
		"remote_write": len(c.RemoteWriteConfigs),
		"remote_read":  len(c.RemoteReadConfigs),
		"alerting":     len(c.AlertingConfig.AlertmanagerConfigs),
	} {
		if n > 0 {
			out = append(out, fmt.Sprintf("%s (%d)", part, n))
		}
	}
	return out
}

func discoveries(c *config.Config) (map[string]discovery.Configs, error) {
	jobs, err := c.GetScrapeConfigs()
	if err != nil {
		return nil, err
	}
	out := make(map[string]discovery.Configs, len(jobs))
	for _, j := range jobs {
		out[j.JobName] = j.ServiceDiscoveryConfigs
	}
	return out, nil
}

// ScrapeIntervals are how often the jobs of a configuration are scraped, and those
// that it does not name. A configuration that does not load has Prometheus' own
// interval and no jobs.
func ScrapeIntervals(name string, data []byte) (otherwise time.Duration, jobs map[string]time.Duration) {
	cfg, err := parseScrapeConfig(name, data, slog.New(slog.DiscardHandler))
	if err != nil {
		return time.Minute, nil
	}
	jobs = map[string]time.Duration{}
	for _, j := range cfg.ScrapeConfigs {
		jobs[j.JobName] = time.Duration(j.ScrapeInterval)
	}
	return time.Duration(cfg.GlobalConfig.ScrapeInterval), jobs
}
