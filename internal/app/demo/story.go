package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/client"
	"github.com/hinoban/hinoban/internal/app"
	"github.com/hinoban/hinoban/internal/platform/bus"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/postmortem"
)

// Story is what an unattended demo ends with. A time is null where the step
// was not seen in the log.
type Story struct {
	SLOBurnedAt         *time.Time `json:"slo_burned_at"`
	PagedAt             *time.Time `json:"paged_at"`
	EscalatedAt         *time.Time `json:"escalated_at"`
	AckedAt             *time.Time `json:"acked_at"`
	IncidentID          string     `json:"incident_id"`
	RecoveredAt         *time.Time `json:"recovered_at"`
	PostmortemSentences int        `json:"postmortem_sentences"`
	CitedSentences      int        `json:"cited_sentences"`
	LogVerified         bool       `json:"log_verified"`
}

// Complete reports which steps are missing.
func (s Story) Complete() error {
	var missing []error
	for name, ok := range map[string]bool{
		"slo_burned_at": s.SLOBurnedAt != nil, "paged_at": s.PagedAt != nil, "escalated_at": s.EscalatedAt != nil, "acked_at": s.AckedAt != nil,
		"incident_id": s.IncidentID != "", "recovered_at": s.RecoveredAt != nil, "log_verified": s.LogVerified,
		"postmortem_sentences": s.PostmortemSentences > 0 && s.CitedSentences == s.PostmortemSentences,
	} {
		if !ok {
			missing = append(missing, fmt.Errorf("not seen in the log: %s", name))
		}
	}
	return errors.Join(missing...)
}

const broken = "payment"

// teller watches the log of a running demo from outside, as a user would, and
// does what the second person does.
type teller struct {
	demo  *Demo
	api   *client.Client
	out   io.Writer
	start time.Time
	last  int64
	story Story
	mend  time.Time // when to mend the fault; zero while it is not known
}

// Once plays the story unattended and tells it line by line: the first person
// stays silent, the second answers. The fault begins after the given time. It
// returns when the postmortem is written, or when ctx ends.
func (d *Demo) Once(ctx context.Context, out io.Writer, faultAfter time.Duration) (Story, error) {
	t := &teller{demo: d, api: client.New(d.URL(), ""), out: out, start: time.Now()}
	if !d.ready(ctx) {
		return t.story, ctx.Err()
	}
	t.say("the shop is open: storefront → checkout → payment; %s", d.URL())
	hold(ctx, faultAfter)
	d.deploy(ctx)
	if err := d.Break(ctx, broken, Errors, "demo"); err != nil {
		return t.story, err
	}
	for ctx.Err() == nil && t.story.PostmortemSentences == 0 {
		hold(ctx, 200*time.Millisecond)
		if err := t.look(ctx); err != nil && ctx.Err() == nil {
			return t.story, err
		}
	}
	var rep bus.Report
	verify, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := t.api.Get(verify, "/api/v1/log/verify", &rep); err != nil {
		return t.story, err
	}
	t.story.LogVerified = rep.Intact && rep.Events > 0
	t.say("log verified: %d events, head %.12s…", rep.Events, rep.Head)
	return t.story, nil
}

func (t *teller) say(format string, args ...any) {
	// The story goes on where nobody listens.
	_, _ = fmt.Fprintf(t.out, "%6.1fs  %s\n", time.Since(t.start).Seconds(), fmt.Sprintf(format, args...))
}

// look reads what is new in the log and acts on it.
func (t *teller) look(ctx context.Context) error {
	if !t.mend.IsZero() && time.Now().After(t.mend) {
		t.mend = time.Time{}
		if err := t.demo.Break(ctx, broken, NoFault, "person/second"); err != nil {
			return err
		}
	}
	var page app.LogPage
	if err := t.api.Get(ctx, "/api/v1/log", &page, "after", strconv.FormatInt(t.last, 10), "limit", "500"); err != nil {
		return err
	}
	for _, r := range page.Records {
		t.last = r.Seq
		if r.Service != broken && r.Name != "demo.fault_injected" {
			continue
		}
		if err := t.hear(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// fields are what the story needs of any payload.
type fields struct {
	Sentence string   `json:"sentence"`
	Name     string   `json:"name"`
	Page     string   `json:"page"`
	Kind     string   `json:"kind"`
	Person   string   `json:"person"`
	Channel  string   `json:"channel"`
	People   []string `json:"people"`
	Step     int      `json:"step"`
	By       string   `json:"by"`
	Incident string   `json:"incident"`
	Number   int      `json:"number"`
	Report   string   `json:"report"`
	Service  string   `json:"service"`
	Fault    string   `json:"fault"`
}

func (t *teller) hear(ctx context.Context, r event.Record) error {
	var f fields
	if err := json.Unmarshal(r.Payload, &f); err != nil {
		return fmt.Errorf("read %s: %w", r.Name, err)
	}
	at := r.At
	switch r.Name {
	case "demo.fault_injected":
		t.say("%s: fault %q", f.Service, f.Fault)
	case "slo.burning":
		if t.story.SLOBurnedAt == nil {
			t.story.SLOBurnedAt = &at
		}
		t.say("SLO burns: %s %s", f.Name, f.Sentence)
	case "alert.fired":
		t.say("alert opened")
	case "incident.declared":
		t.story.IncidentID = f.Incident
		t.say("incident #%d opened", f.Number)
	case "oncall.delivered":
		return t.delivered(ctx, f, at)
	case "oncall.step_fired":
		if f.Step > 0 && t.story.EscalatedAt == nil {
			t.story.EscalatedAt = &at
			t.say("no answer: escalated to %v", f.People)
		}
	case "oncall.acked":
		t.story.AckedAt = &at
		t.mend = time.Now().Add(2 * time.Second)
		t.say("answered by %s, who mends it", f.By)
	case "slo.recovered":
		t.story.RecoveredAt = &at
		t.say("SLO recovered")
	case "incident.resolved":
		t.say("incident #%d resolved", f.Number)
	case "postmortem.drafted":
		return t.read(ctx, f.Report)
	}
	return nil
}

// delivered notes the first page, and answers as the second person.
func (t *teller) delivered(ctx context.Context, f fields, at time.Time) error {
	t.say("%s message handed to %s by %s (step %d)", f.Kind, f.Person, f.Channel, f.Step+1)
	if f.Kind != "page" {
		return nil
	}
	if t.story.PagedAt == nil {
		t.story.PagedAt = &at
	}
	if f.Step == 0 || t.story.AckedAt != nil {
		return nil
	}
	t.say("%s acknowledges", f.Person)
	form := "?as=" + url.QueryEscape(f.Person)
	return t.api.Post(ctx, "/api/v1/pages/"+f.Page+"/ack"+form, map[string]string{"as": f.Person}, nil)
}

// read counts the sentences of the report, and checks that each citation is in
// the log.
func (t *teller) read(ctx context.Context, id string) error {
	var report struct {
		Report  postmortem.Report `json:"report"`
		Records []event.Record    `json:"records"`
	}
	if err := t.api.Get(ctx, "/api/v1/postmortems/"+id, &report); err != nil {
		return err
	}
	var known []int64
	for _, r := range report.Records {
		known = append(known, r.Seq)
	}
	for _, s := range report.Report.Sections {
		for _, sentence := range s.Sentences {
			t.story.PostmortemSentences++
			cited := len(sentence.Cites) > 0
			for _, c := range sentence.Cites {
				cited = cited && slices.Contains(known, c.Seq)
			}
			if cited {
				t.story.CitedSentences++
			}
		}
	}
	t.say("postmortem drafted: %d sentences, %d cite the log; %s/postmortems/%s", t.story.PostmortemSentences, t.story.CitedSentences, t.demo.URL(), id)
	return nil
}
