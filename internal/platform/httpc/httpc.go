// Package httpc makes HTTP clients fit for calling addresses that people type
// in: they refuse to reach inside the network unless they were told they may.
package httpc

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Options shape a client.
type Options struct {
	Timeout      time.Duration // of a whole exchange; 0 means 10 s
	AllowPrivate bool          // whether loopback and private addresses may be reached
	TLS          *tls.Config   // nil means the system's roots
}

const maxRedirects = 3

// New returns a client that keeps no connections, uses no proxy, and follows
// a redirect only when method and host stay. What it refuses to dial it refuses
// after name resolution, with a Denied error, so that no name can point inside.
func New(o Options) *http.Client {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	dialer := &net.Dialer{Timeout: o.Timeout, Control: func(_, address string, _ syscall.RawConn) error {
		return allowed(address, o.AllowPrivate)
	}}
	return &http.Client{
		Timeout: o.Timeout,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        o.TLS,
			TLSHandshakeTimeout:    o.Timeout,
			ResponseHeaderTimeout:  o.Timeout,
			MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives:      true,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			first := via[0]
			same := req.Method == first.Method && req.URL.Host == first.URL.Host && req.URL.Scheme == first.URL.Scheme
			if !same || len(via) > maxRedirects {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

func allowed(address string, private bool) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errs.New(errs.Denied, "address is no IP address: %w", err)
	}
	ip := ap.Addr().WithZone("").Unmap()
	switch {
	// The metadata services of clouds live here: nobody's webhook does.
	case ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified():
		return errs.New(errs.Denied, "address %s is one that nothing may call", ip)
	case !private && inside(ip):
		return errs.New(errs.Denied, "address %s is %w", ip, ErrInside)
	}
	return nil
}

// ErrInside is of an address that [Options.AllowPrivate] would allow.
var ErrInside = errors.New("inside the network, which is not allowed")

// inside reports whether ip is not on the public internet, or may be a
// disguise of such an address.
func inside(ip netip.Addr) bool {
	if ip.IsLoopback() || ip.IsPrivate() || !ip.IsGlobalUnicast() {
		return true
	}
	for _, block := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fec0::/10",
	} {
		if netip.MustParsePrefix(block).Contains(ip) {
			return true
		}
	}
	return false
}
