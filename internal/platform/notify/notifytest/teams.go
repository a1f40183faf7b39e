package notifytest

import (
	"net/http"
	"strings"
	"testing"
)

// Teams is one webhook on a loopback port.
type Teams struct {
	rest

	Hook     string
	Incoming bool // answers as the older incoming webhooks do: 200, whatever happened
}

// NewTeams starts a webhook for the length of t.
func NewTeams(t *testing.T, incoming bool) *Teams {
	s := &Teams{Incoming: incoming}
	s.take, s.fail = s.post, s.refuse
	s.start(t)
	s.Hook = s.URL + "/workflows/f00d/triggers/manual/paths/invoke?api-version=2016-06-01&sig=capabilitysig"
	return s
}

func (s *Teams) refuse(rw http.ResponseWriter, r *http.Request, f Fault) {
	status := map[Fault]int{Refuse: 400, Forbid: 403, Busy: 502, Throttle: 429}[f]
	if f == Throttle {
		rw.Header().Set("Retry-After", "7")
	}
	if s.Incoming {
		text := map[int]string{400: "400", 403: "403", 502: "502", 429: "429"}[status]
		rw.Write([]byte("Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error " + text + " with ContextId MS-CV=x " + r.URL.String()))
		return
	}
	reply(rw, status, obj{"error": obj{"code": "WorkflowTriggerIsNotEnabled", "message": "no " + r.URL.String()}})
}

type (
	teamsCard struct {
		Type        string `json:"type"`
		Attachments []struct {
			ContentType string       `json:"contentType"`
			ContentURL  *string      `json:"contentUrl"`
			Content     teamsContent `json:"content"`
		} `json:"attachments"`
	}
	teamsContent struct {
		Schema  string `json:"$schema"`
		Type    string `json:"type"`
		Version string `json:"version"`
		Lang    string `json:"lang"`
		MSTeams obj    `json:"msteams"`
		Body    []struct {
			Type, ID string
			Inlines  []struct {
				Type, Text, Size, Weight, Color string
				IsSubtle                        bool
			}
		} `json:"body"`
		Actions []struct{ Type, Title, URL, Style string } `json:"actions"`
	}
)

func (s *Teams) post(rw http.ResponseWriter, _ *http.Request, body []byte) {
	var c teamsCard
	d := Delivery{}
	strict(&d, body, &c)
	if len(body) > 28<<10 {
		d.broken("%d bytes, Teams takes 28 KB", len(body))
	}
	if c.Type != "message" || len(c.Attachments) != 1 || c.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" {
		d.broken("no adaptive card in a message: %.100s", body)
	}
	var text []string
	for _, a := range c.Attachments {
		text = append(text, d.card(a.Content)...)
	}
	d.Text = strings.Join(text, "\n")
	s.keep(d, false)
	if s.Incoming {
		rw.Write([]byte("1"))
		return
	}
	rw.WriteHeader(http.StatusAccepted)
}

// card reads an adaptive card; its first block is the title.
func (d *Delivery) card(c teamsContent) (text []string) {
	if c.Type != "AdaptiveCard" || c.Version != "1.4" {
		d.broken("card %s %s", c.Type, c.Version)
	}
	for i, b := range c.Body {
		if b.Type != "RichTextBlock" || len(b.Inlines) == 0 { // a TextBlock reads Markdown
			d.broken("block %s with %d inlines", b.Type, len(b.Inlines))
			continue
		}
		if i == 0 {
			d.Title, d.Key = b.Inlines[0].Text, b.ID
			continue
		}
		text = append(text, b.Inlines[0].Text)
	}
	for _, x := range c.Actions {
		if x.Type != "Action.OpenUrl" || x.Title == "" {
			d.broken("action %+v", x)
		}
		d.Links = append(d.Links, x.URL)
	}
	if len(c.Actions) > 6 {
		d.broken("%d actions", len(c.Actions))
	}
	return text
}
