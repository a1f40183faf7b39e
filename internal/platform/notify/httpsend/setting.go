package httpsend

import (
	"net/url"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Endpoint checks the setting what, a URL that credentials are sent to: https,
// or http where private addresses are allowed, without a slash at its end.
func Endpoint(what, address string, private bool) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(u.Path, "/") || (u.Scheme != "https" && u.Scheme != "http") {
		return errs.New(errs.Invalid, "%s: want a URL without a slash at its end, like https://api.example.com", what)
	}
	if u.Scheme != "https" && !private {
		return errs.New(errs.Invalid, "%s: credentials are sent only over https", what)
	}
	return nil
}

// Credential checks the setting what, which is sent in a header; "" is fine.
func Credential(what, value string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errs.New(errs.Invalid, "%s has a character that none has", what)
	}
	return nil
}

// Timeout checks the setting what: 1 s to 1 min.
func Timeout(what string, d time.Duration) error {
	if d < time.Second || d > time.Minute {
		return errs.New(errs.Invalid, "%s timeout %s: want 1s to 1m", what, d)
	}
	return nil
}

// Public checks the setting what, where providers reach us; "" is fine.
func Public(what, address string) error {
	if address == "" {
		return nil
	}
	return Endpoint(what, address, true)
}

// IsURL reports whether address is one of an incoming webhook.
func IsURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http") && len(address) <= 1000
}
