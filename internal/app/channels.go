package app

import (
	"context"
	"crypto/ecdsa"
	"net/url"
	"strings"

	"github.com/hinoban/hinoban/internal/oncall/oncalldb"
	"github.com/hinoban/hinoban/internal/oncall/oncallweb"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/notify"
	"github.com/hinoban/hinoban/internal/platform/notify/discord"
	"github.com/hinoban/hinoban/internal/platform/notify/inbox"
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
	"github.com/hinoban/hinoban/internal/platform/run"
)

// maxHook is the most that a provider may post.
const maxHook = 64 << 10

// completeChannels fills in what follows for the ways to reach people, and
// refuses what cannot work.
func (c *Config) completeChannels() error {
	private := c.Webhook.AllowPrivate
	c.Ntfy.AllowPrivate = c.Ntfy.AllowPrivate || private
	c.Mattermost.AllowPrivate = c.Mattermost.AllowPrivate || private
	c.Teams.AllowPrivate = c.Teams.AllowPrivate || private
	c.Twilio.AllowPrivate = c.Twilio.AllowPrivate || private
	c.WebPush.Subject = "https://localhost" // where only this machine's browsers can subscribe
	if u, err := url.Parse(c.BaseURL); err == nil && u.Scheme == "https" {
		c.WebPush.Subject = c.BaseURL
	}
	// Providers outside cannot call loopback: without an address they are not
	// asked to, and messages show links.
	if !LoopbackURL(c.BaseURL) {
		c.Twilio.Public, c.Mattermost.Public = c.BaseURL, c.BaseURL
	}
	for _, check := range []func() error{
		c.Webhook.Validate, c.Slack.Validate, c.Mail.Validate, c.WebPush.Validate, c.Ntfy.Validate, c.Twilio.Validate,
		c.Teams.Validate, c.Discord.Validate, c.Telegram.Validate, c.Line.Validate,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	without := c.Mattermost // its key is not known before the data folder is open
	without.Public = ""
	return without.Validate()
}

// channels are the ways to reach people that this server has.
func (a *App) channels() []notify.Channel {
	mm := a.cfg.Mattermost
	mm.Key = a.derive("notify.mattermost")
	out := []notify.Channel{
		inbox.New(a.messages), webhook.New(a.cfg.Webhook, a.now), slack.New(a.cfg.Slack, a.log, a.now), ntfy.New(a.cfg.Ntfy, a.now),
		teams.New(a.cfg.Teams, a.now), mattermost.New(mm, a.now), discord.New(a.cfg.Discord, a.now),
	}
	if key, err := a.pushKey(); err == nil { // it fails for no key that the sealer has
		push := a.cfg.WebPush
		push.Key = key
		out = append(out, webpush.New(push, oncalldb.NewSubscriptions(a.db), a.now))
	}
	if a.cfg.Mail.Host != "" {
		out = append(out, mail.New(a.cfg.Mail))
	}
	if a.cfg.Twilio.SID != "" {
		out = append(out, twilio.NewSMS(a.cfg.Twilio, a.now))
		if strings.HasPrefix(a.cfg.Twilio.From, "+") { // a messaging service calls nobody
			out = append(out, twilio.NewVoice(a.cfg.Twilio, a.now))
		}
	}
	if a.cfg.Telegram.Token != "" {
		out = append(out, telegram.New(a.cfg.Telegram, a.log, a.now))
	}
	if a.cfg.Line.Token != "" {
		out = append(out, line.New(a.cfg.Line, a.now))
	}
	return out
}

func (a *App) pushKey() (*ecdsa.PrivateKey, error) {
	return webpush.Key(a.derive("notify.webpush"))
}

// hearBack lets b hear what comes back: providers that call us, by routes that check
// their callers themselves, and those that we ask, by workers.
func (a *App) hearBack(b notify.Back) (routes []httpd.Route, workers []run.Worker) {
	for _, c := range a.ways {
		if h, ok := c.(notify.Hooked); ok {
			for _, hook := range h.Hooks(b) {
				routes = append(routes, httpd.Route{Pattern: hook.Pattern, Access: httpd.Keyed, Handler: hook.Handler, MaxBody: maxHook})
			}
		}
		l, ok := c.(notify.Listener)
		if !ok {
			continue
		}
		workers = append(workers, run.Worker{Name: "notify.hear." + c.Name(), Run: func(ctx context.Context) error {
			if err := l.Listen(ctx, b); err != nil {
				return err
			}
			<-ctx.Done() // there was nothing to hear
			return nil
		}})
	}
	return routes, workers
}

// wireChannels mounts what browsers need to be notified.
func (a *App) wireChannels() module.Module {
	deps := oncallweb.PushDeps{Store: oncalldb.NewSubscriptions(a.db), Catalog: a.catalog, Now: a.now}
	if key, err := a.pushKey(); err == nil {
		deps.Key, _ = webpush.PublicKey(key) // of a key that was just made
	}
	return module.Module{
		Name: "channels", Routes: oncallweb.PushRoutes(),
		API: func(api *httpd.API) { oncallweb.PushAPI(api, deps) },
	}
}
