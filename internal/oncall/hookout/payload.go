package hookout

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash/fnv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
)

// Ref names a thing as PagerDuty does.
type Ref struct {
	HTMLURL *string `json:"html_url"`
	ID      string  `json:"id"`
	Self    *string `json:"self"`
	Summary string  `json:"summary"`
	Type    string  `json:"type"`
}

type envelope struct {
	Event struct {
		ID           string    `json:"id"`
		Type         Type      `json:"event_type"`
		ResourceType string    `json:"resource_type"`
		OccurredAt   string    `json:"occurred_at"`
		Agent        *Ref      `json:"agent"`
		Client       *struct{} `json:"client"`
		Data         incident  `json:"data"`
	} `json:"event"`
}

type incident struct {
	ID               string    `json:"id"`
	Type             string    `json:"type"`
	Self             string    `json:"self"`
	HTMLURL          string    `json:"html_url"`
	Number           int       `json:"number"`
	Status           string    `json:"status"`
	IncidentKey      string    `json:"incident_key"`
	CreatedAt        string    `json:"created_at"`
	Title            string    `json:"title"`
	Service          Ref       `json:"service"`
	Assignees        []Ref     `json:"assignees"`
	EscalationPolicy *Ref      `json:"escalation_policy"`
	Teams            []Ref     `json:"teams"`
	Priority         *struct{} `json:"priority"`
	Urgency          string    `json:"urgency"`
	ConferenceBridge *struct{} `json:"conference_bridge"`
	ResolveReason    *struct{} `json:"resolve_reason"`
}

// Told is all that a body is made of.
type Told struct {
	ID      string // of the event in the log
	At      time.Time
	News    News
	Page    oncall.Page
	Team    string            // of the page's service, or ""
	Names   map[string]string // of services ("service/checkout"), teams and people, where the catalog has them
	BaseURL string
}

// Number is the number of a page, which PagerDuty's incidents have: always the
// same for one page, and fit for 32 bits.
func Number(page string) int {
	h := fnv.New32a()
	h.Write([]byte(page))
	return int(h.Sum32() >> 1)
}

func (t Told) ref(kind, id, path string) Ref {
	r := Ref{ID: id, Summary: id, Type: kind}
	if name := t.Names[strings.TrimSuffix(kind, "_reference")+"/"+id]; name != "" {
		r.Summary = name
	}
	if path != "" {
		page, self := t.BaseURL+path, t.BaseURL+"/api/v1"+path
		r.HTMLURL, r.Self = &page, &self
	}
	return r
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// Body is what is posted, byte for byte: it is what is signed.
func (t Told) Body() ([]byte, error) {
	var out envelope
	e, p := &out.Event, t.Page
	e.ID, e.Type, e.ResourceType, e.OccurredAt = t.ID, t.News.Type, "incident", stamp(t.At)
	if person, ok := strings.CutPrefix(t.News.Agent, "person/"); ok {
		agent := t.ref("user_reference", person, "")
		e.Agent = &agent
	}
	e.Data = incident{
		ID: p.ID, Type: "incident", Self: t.BaseURL + "/api/v1/pages/" + p.ID, HTMLURL: t.BaseURL + "/pages/" + p.ID, Number: Number(p.ID),
		Status: t.News.Type.status(), IncidentKey: p.ID, CreatedAt: stamp(p.OpenedAt), Title: p.Summary, Urgency: "high",
		Service: t.ref("service_reference", p.Service, "/services/"+p.Service), Assignees: []Ref{}, Teams: []Ref{},
	}
	for _, who := range t.News.People {
		e.Data.Assignees = append(e.Data.Assignees, t.ref("user_reference", who, ""))
	}
	if p.Policy != "" {
		policy := t.ref("escalation_policy_reference", p.Policy, "")
		e.Data.EscalationPolicy = &policy
	}
	if t.Team != "" {
		e.Data.Teams = append(e.Data.Teams, t.ref("team_reference", t.Team, "/teams/"+t.Team))
	}
	return json.Marshal(out)
}

// Signature is the value of X-PagerDuty-Signature.
func Signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}
