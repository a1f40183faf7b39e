package notifytest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
)

func (d *Delivery) broken(format string, args ...any) {
	d.Broken = append(d.Broken, fmt.Sprintf(format, args...))
}

// letter reads a mail as a mail program would.
func letter(raw, to string) Delivery {
	d := Delivery{Address: to}
	for line := range strings.Lines(raw) {
		if len(line) > 1000 {
			d.Broken = append(d.Broken, "a line is longer than 998 bytes")
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
			d.Broken = append(d.Broken, "a line is not ASCII: "+line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		d.Broken = append(d.Broken, err.Error())
		return d
	}
	d.Key = m.Header.Get("Message-ID")
	if !regexp.MustCompile(`^<[A-Za-z0-9._-]+@[a-z.]+>$`).MatchString(d.Key) {
		d.Broken = append(d.Broken, "message id: "+d.Key)
	}
	if d.Title, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		d.Broken = append(d.Broken, "subject: "+err.Error())
	}
	for _, name := range []string{"Bcc", "X-Evil"} {
		if v := m.Header.Get(name); v != "" {
			d.Injected = append(d.Injected, name+": "+v)
		}
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		d.Broken = append(d.Broken, "content type: "+m.Header.Get("Content-Type"))
		return d
	}
	if err := d.parts(multipart.NewReader(m.Body, params["boundary"])); err != nil {
		d.Broken = append(d.Broken, "parts: "+err.Error())
	}
	return d
}

func (d *Delivery) parts(r *multipart.Reader) error {
	var page string
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var body io.Reader = p
		switch strings.ToLower(p.Header.Get("Content-Transfer-Encoding")) {
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, p)
		case "quoted-printable":
			body = quotedprintable.NewReader(p)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			page = string(text)
			continue
		}
		d.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	d.hypertext(page)
	return nil
}

// hypertext looks at the HTML part for links, and for elements that the
// channel's own template does not have.
func (d *Delivery) hypertext(page string) {
	for _, m := range regexp.MustCompile(`<a href="([^"]*)"[^>]*>`).FindAllStringSubmatch(page, -1) {
		d.Links = append(d.Links, html.UnescapeString(m[1]))
	}
	for _, m := range regexp.MustCompile(`<\s*/?\s*([a-zA-Z!]+)`).FindAllStringSubmatch(page, -1) {
		switch strings.ToLower(m[1]) {
		case "!doctype", "html", "head", "meta", "body", "h", "p", "br", "a", "hr", "b":
		default:
			d.Injected = append(d.Injected, m[0])
		}
	}
	if page == "" {
		d.Broken = append(d.Broken, "there is no HTML part")
	}
}
