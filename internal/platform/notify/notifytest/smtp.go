package notifytest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// SMTPOptions say how an SMTP server is reached.
type SMTPOptions struct {
	StartTLS, ImplicitTLS bool
	User, Password        string // "" takes mail from anybody
}

// SMTP is a mail server on a loopback port.
type SMTP struct {
	inbox

	Port int
	TLS  *tls.Config // what a client needs to trust it
	opts SMTPOptions
	own  *tls.Config

	open struct {
		sync.Mutex

		conns map[net.Conn]bool
		ended bool
	}
}

// NewSMTP starts a server for the length of t.
func NewSMTP(t *testing.T, o SMTPOptions) *SMTP {
	// httptest has a certificate for 127.0.0.1, which is all we want of it.
	lender := httptest.NewTLSServer(nil)
	defer lender.Close()
	roots := x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	s := &SMTP{
		opts: o,
		own:  &tls.Config{Certificates: lender.TLS.Certificates, MinVersion: tls.VersionTLS12},
		TLS:  &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
	s.open.conns = map[net.Conn]bool{}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		s.Port = a.Port
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // ends the loop
		s.hangUp()
		wg.Wait()
	})
	return s
}

func (s *SMTP) hangUp() {
	s.open.Lock()
	defer s.open.Unlock()
	s.open.ended = true
	for c := range s.open.conns {
		_ = c.Close() // whoever hangs on it shall go
	}
}

// track notes conn and reports whether the server still runs.
func (s *SMTP) track(conn net.Conn) bool {
	s.open.Lock()
	defer s.open.Unlock()
	s.open.conns[conn] = true
	return !s.open.ended
}

func (s *SMTP) forget(conn net.Conn) {
	s.open.Lock()
	defer s.open.Unlock()
	delete(s.open.conns, conn)
}

// dialogue is one connection.
type dialogue struct {
	s      *SMTP
	raw    net.Conn
	r      *bufio.Reader
	w      io.Writer
	fault  Fault
	secure bool
	known  bool
	from   string
	to     string
	over   bool
}

func (s *SMTP) serve(raw net.Conn) {
	defer s.forget(raw)
	defer func() { _ = raw.Close() }() // it may be closed already
	if !s.track(raw) {
		return
	}
	d := &dialogue{s: s, raw: raw, r: bufio.NewReader(raw), w: raw, fault: s.fault(), known: s.opts.User == ""}
	if d.fault == ResetAtAccept {
		abort(raw)
		return
	}
	if s.opts.ImplicitTLS {
		d.encrypt()
	}
	d.say("220 mail.example.com ESMTP")
	for !d.over {
		line, err := d.r.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		d.command(strings.ToUpper(verb), rest)
	}
}

func (d *dialogue) say(line string) {
	if _, err := io.WriteString(d.w, line+"\r\n"); err != nil {
		d.over = true
	}
}

func (d *dialogue) encrypt() {
	c := tls.Server(d.raw, d.s.own)
	d.r, d.w, d.secure = bufio.NewReader(c), c, true
}

func (d *dialogue) command(verb, rest string) {
	switch verb {
	case "EHLO":
		d.say("250-mail.example.com")
		if d.s.opts.StartTLS && !d.secure {
			d.say("250-STARTTLS")
		}
		if d.s.opts.User != "" {
			d.say("250-AUTH PLAIN")
		}
		d.say("250 ENHANCEDSTATUSCODES")
	case "STARTTLS":
		d.say("220 go ahead")
		d.encrypt()
	case "AUTH":
		d.auth(rest)
	case "MAIL":
		d.mail(rest)
	case "RCPT":
		d.rcpt(rest)
	case "DATA":
		d.data()
	case "RSET", "NOOP":
		d.say("250 2.0.0 ok")
	case "QUIT":
		d.say("221 2.0.0 bye")
		d.over = true
	default:
		d.say("502 5.5.1 " + verb + " is not known here")
	}
}

func (d *dialogue) auth(rest string) {
	_, token, _ := strings.Cut(rest, " ")
	plain, err := base64.StdEncoding.DecodeString(token)
	if err != nil || d.fault == Forbid || string(plain) != "\x00"+d.s.opts.User+"\x00"+d.s.opts.Password {
		d.say("535 5.7.8 cannot let you in with " + token + " which says " + strings.ReplaceAll(string(plain), "\x00", " "))
		return
	}
	d.known = true
	d.say("235 2.7.0 welcome")
}

func (d *dialogue) mail(rest string) {
	if !d.known || d.fault == Forbid || (d.s.opts.StartTLS && !d.secure) {
		d.say("530 5.7.0 say who you are first")
		return
	}
	d.from, d.to = rest, ""
	d.say("250 2.1.0 ok")
}

func (d *dialogue) rcpt(rest string) {
	switch {
	case d.fault == Refuse:
		d.say("550 5.1.1 no such mailbox")
	case d.from == "":
		d.say("503 5.5.1 MAIL first")
	default:
		d.to = strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")
		d.say("250 2.1.5 ok")
	}
}

func (d *dialogue) data() {
	if d.to == "" {
		d.say("503 5.5.1 RCPT first")
		return
	}
	d.say("354 go on")
	var b strings.Builder
	for {
		line, err := d.r.ReadString('\n')
		if err != nil {
			return
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	switch d.fault {
	case Busy:
		d.say("451 4.3.0 try again later")
		return
	case Hang:
		_, _ = io.Copy(io.Discard, d.r) // until somebody hangs up
		d.over = true
		return
	default:
	}
	d.s.keep(letter(b.String(), d.to), false)
	if d.fault == ResetAfterBody {
		abort(d.raw)
		d.over = true
		return
	}
	d.say("250 2.0.0 queued as 42")
	d.over = d.over || d.fault == NoGoodbye
}
