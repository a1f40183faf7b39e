package app

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/buddy"
	"github.com/hinoban/hinoban/internal/platform/auth"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/notify/discord"
	"github.com/hinoban/hinoban/internal/platform/notify/line"
	"github.com/hinoban/hinoban/internal/platform/notify/mail"
	"github.com/hinoban/hinoban/internal/platform/notify/mattermost"
	"github.com/hinoban/hinoban/internal/platform/notify/ntfy"
	"github.com/hinoban/hinoban/internal/platform/notify/slack"
	"github.com/hinoban/hinoban/internal/platform/notify/teams"
	"github.com/hinoban/hinoban/internal/platform/notify/telegram"
	"github.com/hinoban/hinoban/internal/platform/notify/twilio"
	"github.com/hinoban/hinoban/internal/platform/notify/webhook"
	"github.com/hinoban/hinoban/internal/platform/notify/webpush"
	"github.com/hinoban/hinoban/internal/slo"
)

// Config is everything that is set when the program starts.
type Config struct {
	Listen   string // host:port
	Data     string // folder of the database and the metrics
	Database string // postgres://… or a file; "" is hinoban.db in Data
	Folder   string // documents as code; "" reads none
	BaseURL  string // where people reach us; "" follows from Listen
	Lang     string // of what is written for everybody: "en" or "ja"
	Version  string

	MetricsURL   string // a Prometheus-compatible server instead of the embedded store
	MetricsToken string // its bearer token
	Retention    time.Duration
	ReloadEvery  time.Duration // between two looks at Folder
	RecordSLOs   bool          // write the series that Sloth's rules record

	Buddy   BuddyConfig
	HTTP    httpd.Config
	Auth    auth.Config
	OnCall  oncall.Config
	SLO     slo.Config
	Webhook webhook.Config
	Slack   slack.Config
	Mail    mail.Config // used where Host is set

	WebPush    webpush.Config // its key follows from the data folder's
	Ntfy       ntfy.Config
	Twilio     twilio.Config // of sms and voice; used where SID is set
	Teams      teams.Config
	Mattermost mattermost.Config
	Discord    discord.Config
	Telegram   telegram.Config // used where Token is set
	Line       line.Config     // used where Token is set
}

// Default returns the configuration in use when nothing else is said.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:8119", Data: "./data", Lang: "en", Version: "dev", ReloadEvery: time.Second, RecordSLOs: true,
		Buddy: BuddyConfig{DeadAfter: buddy.DefaultDeadAfter}, HTTP: httpd.Default(), Auth: auth.Default(), OnCall: oncall.Default(), SLO: slo.Default(),
		Webhook: webhook.Default(), Slack: slack.Default(), Mail: mail.Default(),
		WebPush: webpush.Default(), Ntfy: ntfy.Default(), Twilio: twilio.Default(), Teams: teams.Default(),
		Mattermost: mattermost.Default(), Discord: discord.Default(), Telegram: telegram.Default(), Line: line.Default(),
	}
}

// complete fills in what follows from other settings and refuses, as Invalid,
// what cannot work.
func (c *Config) complete() error {
	if c.Database == "" {
		c.Database = filepath.Join(c.Data, "hinoban.db")
	}
	if err := c.completeURL(); err != nil {
		return err
	}
	if c.Lang != "en" && c.Lang != "ja" {
		return errs.New(errs.Invalid, "language %q is neither en nor ja", c.Lang)
	}
	if err := c.Auth.Validate(c.Listen); err != nil {
		return err
	}
	if c.Auth.Mode == auth.Off && !LoopbackURL(c.BaseURL) {
		return errs.New(errs.Invalid, "auth off: only where people reach the server on loopback, and %s is not", c.BaseURL)
	}
	if err := c.completeBuddy(); err != nil {
		return err
	}
	return c.completeChannels()
}

// completeURL works out where people reach us, and what follows from it.
func (c *Config) completeURL() error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return errs.New(errs.Invalid, "listen %q is not host:port: %w", c.Listen, err)
	}
	if c.BaseURL == "" {
		if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
			host = "localhost"
		}
		c.BaseURL = "http://" + net.JoinHostPort(host, port)
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errs.New(errs.Invalid, "base URL %q is not like https://hinoban.example.org", c.BaseURL)
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	c.OnCall.BaseURL, c.SLO.BaseURL = c.BaseURL, c.BaseURL
	if u.Scheme == "https" {
		c.Auth.Secure = true
	}
	return nil
}

// LoopbackURL reports whether an address leads to this machine only.
func LoopbackURL(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	return Loopback(net.JoinHostPort(u.Hostname(), "0"))
}

// Loopback reports whether listen is reachable from this machine only.
func Loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
