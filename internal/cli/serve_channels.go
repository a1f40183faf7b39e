package cli

import (
	"strconv"

	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify/mail"
)

// channelHelp is what serve says of the environment.
const channelHelp = `  mail        HINOBAN_SMTP_HOST, _PORT, _FROM, _USER, _PASSWORD and _SECURITY
              (starttls, tls or plain)
  slack       HINOBAN_SLACK_TOKEN; for buttons HINOBAN_SLACK_APP_TOKEN (a socket
              of ours) or HINOBAN_SLACK_SIGNING_SECRET (Slack calls us)
  sms, voice  HINOBAN_TWILIO_SID, _TOKEN, _FROM and _API
  telegram    HINOBAN_TELEGRAM_TOKEN
  line        HINOBAN_LINE_TOKEN; for buttons HINOBAN_LINE_SECRET
  discord     HINOBAN_DISCORD_TOKEN; for buttons HINOBAN_DISCORD_PUBLIC_KEY
  mattermost  HINOBAN_MATTERMOST_URL and _TOKEN
  ntfy        HINOBAN_NTFY_URL and _TOKEN
  webhook     HINOBAN_WEBHOOK_SECRET signs
  teams, webpush and the inbox need nothing

`

// channelSettings reads the ways to reach people from the environment.
func channelSettings(cfg *app.Config, getenv func(string) string) error {
	set := func(to *string, name string) {
		if v := getenv(name); v != "" {
			*to = v
		}
	}
	set(&cfg.MetricsToken, "HINOBAN_METRICS_TOKEN")
	set(&cfg.Webhook.Secret, "HINOBAN_WEBHOOK_SECRET")
	set(&cfg.Slack.Token, "HINOBAN_SLACK_TOKEN")
	set(&cfg.Slack.AppToken, "HINOBAN_SLACK_APP_TOKEN")
	set(&cfg.Slack.Signing, "HINOBAN_SLACK_SIGNING_SECRET")
	set(&cfg.Twilio.SID, "HINOBAN_TWILIO_SID")
	set(&cfg.Twilio.Token, "HINOBAN_TWILIO_TOKEN")
	set(&cfg.Twilio.From, "HINOBAN_TWILIO_FROM")
	set(&cfg.Twilio.API, "HINOBAN_TWILIO_API")
	set(&cfg.Telegram.Token, "HINOBAN_TELEGRAM_TOKEN")
	set(&cfg.Line.Token, "HINOBAN_LINE_TOKEN")
	set(&cfg.Line.Secret, "HINOBAN_LINE_SECRET")
	set(&cfg.Discord.Token, "HINOBAN_DISCORD_TOKEN")
	set(&cfg.Discord.PublicKey, "HINOBAN_DISCORD_PUBLIC_KEY")
	set(&cfg.Mattermost.URL, "HINOBAN_MATTERMOST_URL")
	set(&cfg.Mattermost.Token, "HINOBAN_MATTERMOST_TOKEN")
	set(&cfg.Ntfy.URL, "HINOBAN_NTFY_URL")
	set(&cfg.Ntfy.Token, "HINOBAN_NTFY_TOKEN")
	set(&cfg.Mail.Host, "HINOBAN_SMTP_HOST")
	set(&cfg.Mail.From, "HINOBAN_SMTP_FROM")
	set(&cfg.Mail.Username, "HINOBAN_SMTP_USER")
	set(&cfg.Mail.Password, "HINOBAN_SMTP_PASSWORD")
	if s := getenv("HINOBAN_SMTP_SECURITY"); s != "" {
		cfg.Mail.Security = mail.Security(s)
	}
	if s := getenv("HINOBAN_SMTP_PORT"); s != "" {
		port, err := strconv.Atoi(s)
		if err != nil {
			return errs.New(errs.Invalid, "HINOBAN_SMTP_PORT %q is not a number", s)
		}
		cfg.Mail.Port = port
	}
	return nil
}
