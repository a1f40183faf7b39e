// Package twilio sends text messages and calls people through Twilio or an API
// like it, and hears what they answer: a digit on the phone, a text sent back.
package twilio

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // it is what Twilio signs with
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/httpsend"
)

// Config is how Twilio is reached. The zero value is not valid: start from Default.
type Config struct {
	SID          string        `yaml:"sid"`   // AC…; empty switches the channels off
	Token        string        `yaml:"token"` // the account's auth token, which also signs what Twilio sends us
	From         string        `yaml:"from"`  // +815012345678, or MG… of a messaging service for texts
	API          string        `yaml:"api"`
	Public       string        `yaml:"public"` // where Twilio reaches us; empty hears nothing
	Timeout      time.Duration `yaml:"timeout"`
	AllowPrivate bool          `yaml:"allow_private"`
}

// Default returns the configuration for api.twilio.com without an account.
func Default() Config { return Config{API: "https://api.twilio.com", Timeout: 10 * time.Second} }

// Validate returns an Invalid error that says which setting is wrong.
func (c Config) Validate() error {
	if err := httpsend.Endpoint("twilio api", c.API, c.AllowPrivate); err != nil {
		return err
	}
	if err := httpsend.Public("twilio public", c.Public); err != nil {
		return err
	}
	if c.SID != "" {
		switch {
		case !regexp.MustCompile(`^AC[0-9a-f]{32}$`).MatchString(c.SID):
			return errs.New(errs.Invalid, "twilio sid: want AC and 32 hexadecimal digits")
		case c.Token == "" || strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
			return errs.New(errs.Invalid, "twilio token: an account needs its auth token")
		case !regexp.MustCompile(`^(\+[1-9][0-9]{6,14}|MG[0-9a-f]{32})$`).MatchString(c.From):
			return errs.New(errs.Invalid, "twilio from: want a number like +815012345678, or MG… of a messaging service")
		}
	}
	return httpsend.Timeout("twilio", c.Timeout)
}

// account is what both channels share.
type account struct {
	name   string
	cfg    Config
	client *http.Client
	number *regexp.Regexp
	now    func() time.Time
}

func newAccount(name string, cfg Config, now func() time.Time) account {
	return account{name, cfg, httpc.New(httpc.Options{Timeout: cfg.Timeout, AllowPrivate: cfg.AllowPrivate}), regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`), now}
}

// Name returns "sms" or "voice".
func (a *account) Name() string { return a.name }

// Check accepts a phone number with its country.
func (a *account) Check(address string) error {
	if !a.number.MatchString(address) {
		return errs.New(errs.Invalid, "a phone number looks like +819012345678")
	}
	return nil
}

func (a *account) resource(name string) string {
	return a.cfg.API + "/2010-04-01/Accounts/" + a.cfg.SID + "/" + name + ".json"
}

func (a *account) header() http.Header {
	return http.Header{
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(a.cfg.SID+":"+a.cfg.Token))},
		"Content-Type":  {"application/x-www-form-urlencoded"},
	}
}

// hook is the address of one of our hooks, or "" where Twilio cannot reach us.
func (a *account) hook(path string, query url.Values) string {
	if a.cfg.Public == "" {
		return ""
	}
	return a.cfg.Public + "/hooks/" + a.name + "/" + path + "?" + query.Encode()
}

type created struct {
	SID    string `json:"sid"`
	Status string `json:"status"`
}

// create makes a message or a call.
func (a *account) create(ctx context.Context, name string, form url.Values) (notify.Receipt, error) {
	ans, err := httpsend.Post(ctx, a.client, a.resource(name), a.header(), []byte(form.Encode()))
	if err == nil {
		err = a.judge(ans)
	}
	if err != nil {
		return notify.Receipt{}, err
	}
	var said created
	if err := json.Unmarshal(ans.Body, &said); err != nil || said.SID == "" {
		return notify.Receipt{}, errs.New(errs.Unavailable, "answer is not Twilio's")
	}
	return notify.Receipt{ProviderID: notify.Line(said.SID, 40), Detail: notify.Line(said.Status, 40)}, nil
}

// judge reads the number of the error; its words may repeat the phone number.
func (a *account) judge(ans httpsend.Answer) error {
	if ans.Status < 300 {
		return nil
	}
	var said struct {
		Code int `json:"code"`
	}
	if json.Unmarshal(ans.Body, &said) != nil || said.Code == 0 {
		return ans.Err(a.now(), "")
	}
	err := ans.Err(a.now(), "twilio error "+strconv.Itoa(said.Code))
	switch said.Code {
	case 20429, 14107, 30001, 21611, 10001, 20500, 20503: // too much, queue full: passes
		if errs.KindOf(err) != errs.Unavailable {
			return errs.New(errs.Unavailable, "%w", err)
		}
	case 21211, 21214, 21217, 21401, 21614, 13224: // no such number, or none that takes this
		return errs.New(errs.NotFound, "%w", err)
	case 21610, 21408, 21215, 21219, 21608, 21606, 21212, 20003: // they said STOP, or we may not
		return errs.New(errs.Denied, "%w", err)
	}
	return err
}

// signed reads a form that Twilio signed: HMAC-SHA-1 of the address as Twilio
// knows it, with the sorted parameters behind. It has answered where ok is false.
func (a *account) signed(rw http.ResponseWriter, r *http.Request) (form url.Values, ok bool) {
	body, ok := httpsend.Body(rw, r)
	if !ok {
		return nil, false
	}
	form, err := url.ParseQuery(string(body))
	want := Sign(a.cfg.Token, a.cfg.Public+r.URL.RequestURI(), form)
	if err != nil || !hmac.Equal([]byte(want), []byte(r.Header.Get("X-Twilio-Signature"))) {
		httpsend.Refuse(rw)
		return nil, false
	}
	return form, true
}

// Sign is Twilio's signature of a form that is posted to address.
func Sign(token, address string, form url.Values) string {
	keys := make([]string, 0, len(form))
	for k := range form {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	for _, k := range keys {
		values := slices.Compact(slices.Sorted(slices.Values(form[k])))
		for _, v := range values {
			mac.Write([]byte(k + v))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// report hears the status of a message or a call.
func (a *account) report(b notify.Back, read func(url.Values) (id, status string)) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		form, ok := a.signed(rw, r)
		if !ok {
			return
		}
		id, status := read(form)
		state, known := stateOf(status)
		if !known {
			rw.WriteHeader(http.StatusNoContent)
			return
		}
		rep := notify.Report{Channel: a.name, ProviderID: id, Message: r.URL.Query().Get("m"), State: state, Detail: notify.Line(status, 40)}
		if code := form.Get("ErrorCode"); code != "" && code != "0" {
			rep.Detail += " " + notify.Line(code, 10)
		}
		rep.Cost = cost(form.Get("Price"), form.Get("PriceUnit"))
		if err := b.Reported(r.Context(), rep); err != nil {
			httpsend.Fail(rw, err)
			return
		}
		rw.WriteHeader(http.StatusNoContent)
	})
}

// cost is a price as Twilio says it, which is negative.
func cost(price, unit string) string {
	price = strings.TrimPrefix(price, "-")
	if _, err := strconv.ParseFloat(price, 64); err != nil || len(price) > 20 {
		return ""
	}
	if unit = strings.ToUpper(unit); len(unit) != 3 {
		unit = "USD"
	}
	return price + " " + notify.Line(unit, 3)
}

func stateOf(status string) (notify.ReportState, bool) {
	switch status {
	case "accepted", "scheduled", "queued", "sending", "sent", "initiated", "ringing":
		return notify.Accepted, true
	case "delivered", "in-progress", "answered", "completed":
		return notify.Delivered, true
	case "read":
		return notify.Read, true
	case "undelivered", "failed", "canceled", "busy", "no-answer":
		return notify.Undelivered, true
	}
	return "", false
}
