// Package mail sends messages by SMTP, over TLS wherever it leaves the machine.
package mail

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Security is how the connection is protected.
type Security string

// The securities. Plain is for a relay on this machine only.
const (
	StartTLS    Security = "starttls"
	ImplicitTLS Security = "tls"
	Plain       Security = "plain"
)

// Config is how mail leaves. The zero value is not valid: start from Default.
type Config struct {
	Host     string        `yaml:"host"` // empty switches the channel off
	Port     int           `yaml:"port"`
	Security Security      `yaml:"security"`
	Username string        `yaml:"username"`
	Password string        `yaml:"password"`
	From     string        `yaml:"from"` // "Hinoban <hinoban@example.com>"
	Timeout  time.Duration `yaml:"timeout"`
	TLS      *tls.Config   `yaml:"-"` // nil means the system's roots
}

// Default returns submission with STARTTLS on port 587, without a host.
func Default() Config { return Config{Port: 587, Security: StartTLS, Timeout: 20 * time.Second} }

// Validate returns an Invalid error that says which setting is wrong.
func (c Config) Validate() error {
	if c.Host == "" {
		return nil
	}
	if c.Port < 1 || c.Port > 65535 {
		return errs.New(errs.Invalid, "mail port %d: want 1 to 65535", c.Port)
	}
	switch c.Security {
	case StartTLS, ImplicitTLS:
	case Plain:
		if !loopback(c.Host) {
			return errs.New(errs.Invalid, "mail security plain: only for a relay on this machine, not %s", c.Host)
		}
	default:
		return errs.New(errs.Invalid, "mail security %q: want starttls, tls or plain", c.Security)
	}
	if _, err := netmail.ParseAddress(c.From); err != nil {
		return errs.New(errs.Invalid, "mail from: want an address like Hinoban <hinoban@example.com>")
	}
	if (c.Username == "") != (c.Password == "") {
		return errs.New(errs.Invalid, "mail username and password go together")
	}
	if c.Timeout < time.Second || c.Timeout > 2*time.Minute {
		return errs.New(errs.Invalid, "mail timeout %s: want 1s to 2m", c.Timeout)
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Channel sends mail, with one connection for each message.
type Channel struct{ cfg Config }

var _ notify.Channel = (*Channel)(nil)

// New returns a channel; cfg must be valid and have a host.
func New(cfg Config) *Channel { return &Channel{cfg} }

// Name returns "mail".
func (c *Channel) Name() string { return "mail" }

// Check accepts one bare mail address.
func (c *Channel) Check(address string) error {
	a, err := netmail.ParseAddress(address)
	if err != nil || a.Address != address || strings.ContainsAny(address, "\r\n\"<> ,;") || len(address) > 254 {
		return errs.New(errs.Invalid, "a mail address looks like aoi@example.com")
	}
	return nil
}

// Send mails m to address. A 4xx answer and every trouble with the connection
// are Unavailable; a 5xx is permanent.
func (c *Channel) Send(ctx context.Context, address string, m notify.Message) (notify.Receipt, error) {
	if err := notify.Fits(c, address, m); err != nil {
		return notify.Receipt{}, err
	}
	msg, err := c.letter(address, m)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("write mail %s: %w", m.ID, err)
	}
	if err := c.submit(ctx, msg); err != nil {
		return notify.Receipt{}, errs.New(errs.KindOf(err), "mail %s: %w", m.ID, err)
	}
	return notify.Receipt{ProviderID: messageID(m.ID, c.domain()), Detail: c.clean(msg.ServerResponse())}, nil
}

func (c *Channel) submit(ctx context.Context, msg *gomail.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	client, err := c.client(ctx)
	if err != nil {
		return errs.New(errs.Invalid, "set up: %s", c.clean(err.Error()))
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return c.judge(ctx, err)
	}
	err = client.SendWithSMTPClient(conn, msg)
	// The server took it, and all that failed is the good-bye.
	if msg.IsDelivered() {
		err = nil
	}
	// A server that is slow to say good-bye has the message already.
	_ = client.CloseWithSMTPClient(conn)
	if err != nil {
		return c.judge(ctx, err)
	}
	return nil
}

func (c *Channel) client(ctx context.Context) (*gomail.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.cfg.TLS != nil {
		conf = c.cfg.TLS.Clone()
	}
	if conf.ServerName == "" {
		conf.ServerName = c.cfg.Host
	}
	policy := gomail.NoTLS
	if c.cfg.Security == StartTLS {
		policy = gomail.TLSMandatory
	}
	// go-mail hands its own, shorter context to the dialer; the connection must
	// live and die with the whole attempt.
	dial := func(dialing context.Context, network, addr string) (net.Conn, error) {
		raw, err := (&net.Dialer{}).DialContext(dialing, network, addr)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = raw.Close() }) // nobody is left to tell
		if c.cfg.Security == ImplicitTLS {
			return tls.Client(raw, conf), nil
		}
		return raw, nil
	}
	opts := []gomail.Option{
		gomail.WithPort(c.cfg.Port), gomail.WithTimeout(c.cfg.Timeout), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(conf),
		gomail.WithDialContextFunc(dial), gomail.WithHELO(c.domain()), gomail.WithoutNoop(),
	}
	if c.cfg.Username != "" {
		opts = append(opts, gomail.WithUsername(c.cfg.Username), gomail.WithPassword(c.cfg.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return gomail.NewClient(c.cfg.Host, opts...)
}

// judge classifies what went wrong. The server's words help whoever set this
// up, so they are kept, without the secrets a server may repeat.
func (c *Channel) judge(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errs.New(errs.Unavailable, "%w", context.Cause(ctx))
	}
	code := 0
	if s, ok := errors.AsType[*gomail.SendError](err); ok {
		code = s.ErrorCode()
	} else if p, ok := errors.AsType[*textproto.Error](err); ok {
		code = p.Code
	}
	text := c.clean(err.Error())
	switch {
	case errors.Is(err, gomail.ErrNoSupportedAuthDiscovered), errors.Is(err, gomail.ErrPlainAuthNotSupported):
		return errs.New(errs.Denied, "%s", text)
	case code == 530 || code == 534 || code == 535 || code == 538:
		return errs.New(errs.Denied, "%s", text)
	case code == 550 || code == 551 || code == 553:
		return errs.New(errs.NotFound, "%s", text)
	case code >= 500:
		return errs.New(errs.Invalid, "%s", text)
	}
	return errs.New(errs.Unavailable, "%s", text)
}

func (c *Channel) clean(s string) string {
	user, pass := c.cfg.Username, c.cfg.Password
	if pass != "" {
		for _, secret := range []string{
			pass, base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + pass)), base64.StdEncoding.EncodeToString([]byte(pass)),
		} {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	return notify.Line(s, 300)
}

func (c *Channel) domain() string {
	if a, err := netmail.ParseAddress(c.cfg.From); err == nil {
		return a.Address[strings.LastIndexByte(a.Address, '@')+1:]
	}
	return "localhost"
}

// messageID is the same for every attempt, so that servers and readers can
// see that two letters are one. It is a hash where id itself would not do.
func messageID(id, domain string) string {
	if len(id) > 64 {
		h := sha256.Sum256([]byte(id))
		id = "h" + strconv.Itoa(len(id)) + fmt.Sprintf("-%x", h[:16])
	}
	return "hinoban." + id + "@" + domain
}
