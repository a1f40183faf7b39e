package auth

import (
	"net"
	"net/netip"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Mode is whether people must say who they are.
type Mode string

// The modes. Off is for a machine of one's own, and needs loopback listeners.
const (
	On  Mode = "on"
	Off Mode = "off"
)

// Config is how people get in. The zero value is not valid: start from Default.
type Config struct {
	Mode    Mode          `yaml:"mode"`
	Idle    time.Duration `yaml:"idle"`    // a session unused for so long is over
	Longest time.Duration `yaml:"longest"` // any session is over after so long
	// Secure marks cookies for TLS only although the request came without: set
	// it where a proxy in front of us speaks TLS.
	Secure bool `yaml:"secure"`
}

// Default returns authentication on, with sessions of 7 idle and 30 whole days.
func Default() Config {
	return Config{Mode: On, Idle: 7 * 24 * time.Hour, Longest: 30 * 24 * time.Hour}
}

// Validate returns an Invalid error that says which setting is wrong. It must
// know where the server listens, as host:port: without authentication, only
// on loopback.
func (c Config) Validate(listeners ...string) error {
	switch c.Mode {
	case On:
	case Off:
		for _, l := range listeners {
			if !loopbackAddress(l) {
				return errs.New(errs.Invalid, "auth mode off: only for servers that listen on loopback, and %s does not", l)
			}
		}
	default:
		return errs.New(errs.Invalid, "auth mode %q: want on or off", c.Mode)
	}
	if c.Idle < time.Minute || c.Longest < c.Idle || c.Longest > 366*24*time.Hour {
		return errs.New(errs.Invalid, "auth sessions: want 1m <= idle (%s) <= longest (%s) <= 366 days", c.Idle, c.Longest)
	}
	return nil
}

func loopbackAddress(listener string) bool {
	host, _, err := net.SplitHostPort(listener)
	if err != nil {
		return false
	}
	return loopbackHost(host)
}

// loopbackHost reports whether host, without a port, names this machine and
// cannot be made to name another.
func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
