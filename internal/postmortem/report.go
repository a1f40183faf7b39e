package postmortem

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Kind says what a sentence claims.
type Kind string

// The kinds of sentence.
const (
	Fact      Kind = "fact"      // a record says so
	Inference Kind = "inference" // follows from records; somebody may disagree
	Question  Kind = "question"  // nobody knows yet
	Statement Kind = "statement" // a person says so, without a record
)

// Cite names a record of the log.
type Cite struct {
	Seq int64  `json:"seq"`
	ID  string `json:"id"`
}

// Sentence is one claim with what it stands on.
type Sentence struct {
	Text  string `json:"text"`
	Kind  Kind   `json:"kind"`
	Cites []Cite `json:"cites"`
}

// Key names a section.
type Key string

// The sections, in their order.
const (
	Summary      Key = "summary"
	Impact       Key = "impact"
	Times        Key = "times"
	Contributing Key = "contributing"
	Timeline     Key = "timeline"
	Questions    Key = "questions"
	Lessons      Key = "lessons"
)

// Keys are all sections in order.
func Keys() []Key {
	return []Key{Summary, Impact, Times, Contributing, Timeline, Questions, Lessons}
}

// Section is some sentences under one heading.
type Section struct {
	Key       Key        `json:"key"`
	Sentences []Sentence `json:"sentences"`
}

// Status is where a report stands.
type Status string

// The statuses.
const (
	DraftStatus     Status = "draft"
	PublishedStatus Status = "published"
)

// Report is what happened in one incident.
type Report struct {
	ID          string    `json:"id"`
	Incident    string    `json:"incident"`
	Number      int       `json:"number"` // the incident's
	Service     string    `json:"service"`
	Title       string    `json:"title"`
	Lang        string    `json:"lang"`
	Status      Status    `json:"status"`
	Sections    []Section `json:"sections"`
	Editors     []string  `json:"editors"` // people who changed it
	Approver    string    `json:"approver,omitempty"`
	DraftedAt   time.Time `json:"drafted_at"`
	EditedAt    time.Time `json:"edited_at,omitzero"`
	PublishedAt time.Time `json:"published_at,omitzero"`
}

// Subject is the log's name for a report.
func Subject(id string) string { return "postmortem/" + id }

// Count returns how many sentences the report has, and how many of them cite
// the log.
func (r Report) Count() (sentences, cited int) {
	for _, s := range r.Sections {
		for _, t := range s.Sentences {
			sentences++
			if len(t.Cites) > 0 {
				cited++
			}
		}
	}
	return sentences, cited
}

// Cites returns the seqs that the report cites, each once, in order.
func (r Report) Cites() []int64 {
	var out []int64
	for _, s := range r.Sections {
		for _, t := range s.Sentences {
			for _, c := range t.Cites {
				out = append(out, c.Seq)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *Report) section(k Key) *Section {
	for i := range r.Sections {
		if r.Sections[i].Key == k {
			return &r.Sections[i]
		}
	}
	return nil
}

// Text is the section as people edit it: a sentence a line, its citations as
// [#12], its kind in front where it is not a fact.
func (s Section) Text() string {
	var b strings.Builder
	for _, t := range s.Sentences {
		if t.Kind == Question || t.Kind == Inference {
			fmt.Fprintf(&b, "(%s) ", t.Kind)
		}
		b.WriteString(t.Text)
		for _, c := range t.Cites {
			fmt.Fprintf(&b, " [#%d]", c.Seq)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

var citation = regexp.MustCompile(`\s*\[#(\d{1,18})\]`)

// ParseSentences reads what [Section.Text] writes. A sentence without a
// citation is a statement, unless it says that it is a question or an
// inference.
func ParseSentences(text string) (out []Sentence) {
	for line := range strings.Lines(text) {
		s := Sentence{}
		// Taking a citation out may put another together.
		for citation.MatchString(line) {
			s.cite(line)
			line = citation.ReplaceAllString(line, "")
		}
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "("+string(Question)+")"); ok {
			s.Kind, line = Question, rest
		} else if rest, ok := strings.CutPrefix(line, "("+string(Inference)+")"); ok {
			s.Kind, line = Inference, rest
		}
		s.Text = strings.TrimSpace(line)
		if s.Text == "" {
			continue
		}
		if s.Kind == "" {
			s.Kind = Statement
			if len(s.Cites) > 0 {
				s.Kind = Fact
			}
		}
		out = append(out, s)
	}
	return out
}

// cite adds the citations of line that s does not have.
func (s *Sentence) cite(line string) {
	for _, m := range citation.FindAllStringSubmatch(line, -1) {
		seq, err := strconv.ParseInt(m[1], 10, 64)
		if err == nil && !slices.ContainsFunc(s.Cites, func(c Cite) bool { return c.Seq == seq }) {
			s.Cites = append(s.Cites, Cite{Seq: seq})
		}
	}
}

// Edit replaces a section. known resolves the seqs that are cited.
func (r *Report) Edit(key Key, text string, known map[int64]event.Record, by string, at time.Time) ([]event.Fact, error) {
	if r.Status == PublishedStatus {
		return nil, errs.New(errs.Conflict, "the report is published and does not change any more")
	}
	if !slices.Contains(Keys(), key) {
		return nil, errs.New(errs.Invalid, "there is no section %q", key)
	}
	if len(text) > 200_000 {
		return nil, errs.New(errs.Invalid, "a section has at most 200,000 bytes")
	}
	sentences := ParseSentences(text)
	for i, s := range sentences {
		for j, c := range s.Cites {
			rec, ok := known[c.Seq]
			if !ok {
				return nil, errs.New(errs.Invalid, "line %d cites [#%d], which is not in the log", i+1, c.Seq)
			}
			sentences[i].Cites[j].ID = rec.ID
		}
	}
	s := r.section(key)
	if s == nil {
		r.Sections = append(r.Sections, Section{Key: key})
		s = &r.Sections[len(r.Sections)-1]
	}
	s.Sentences = sentences
	r.EditedAt = at
	if !slices.Contains(r.Editors, by) {
		r.Editors = append(r.Editors, by)
	}
	return []event.Fact{r.fact(at, by, Edited{Report: r.ID, Section: key, By: by, Sentences: len(sentences)})}, nil
}

// SoleAuthor is the person who alone wrote what the draft did not, and who
// therefore should not approve it; "" where there is none.
func (r Report) SoleAuthor() string {
	if len(r.Editors) == 1 {
		return r.Editors[0]
	}
	return ""
}

// Publish ends the editing. approver is the person who answers for it; people
// are all who could be asked. The only author may approve only where there is
// nobody else.
func (r *Report) Publish(approver string, people []string, at time.Time) ([]event.Fact, error) {
	others := slices.ContainsFunc(people, func(p string) bool { return p != approver })
	switch {
	case r.Status == PublishedStatus:
		return nil, errs.New(errs.Conflict, "the report is published already, approved by %s", r.Approver)
	case approver == "":
		return nil, errs.New(errs.Invalid, "publishing needs an approver: a person who is signed in")
	case r.SoleAuthor() == approver && others:
		return nil, errs.New(errs.Conflict, "%s is the only author: ask somebody else to approve", approver)
	}
	r.Status, r.Approver, r.PublishedAt = PublishedStatus, approver, at
	n, cited := r.Count()
	return []event.Fact{r.fact(at, approver, Published{Report: r.ID, Incident: r.Incident, Approver: approver, Sentences: n, Cited: cited})}, nil
}

func (r *Report) fact(at time.Time, by string, ev event.Event) event.Fact {
	actor := "postmortem.writer"
	if by != "" {
		actor = "person/" + by
	}
	return event.Fact{Event: ev, At: at, Service: r.Service, Subject: Subject(r.ID), Actor: actor, Source: "postmortem"}
}

// Markdown is the report as a file: headings, sentences with footnotes, and
// the cited records as the footnotes' text.
func (r Report) Markdown(records map[int64]event.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", r.Title)
	fmt.Fprintf(&b, "- %s: #%d · %s: %s · %s: %s\n", phrase(r.Lang, "incident"), r.Number, phrase(r.Lang, "service"), r.Service, phrase(r.Lang, "status"), phrase(r.Lang, string(r.Status)))
	if r.Approver != "" {
		fmt.Fprintf(&b, "- %s: %s, %s\n", phrase(r.Lang, "approved"), r.Approver, r.PublishedAt.Format(time.RFC3339))
	}
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "\n## %s\n\n", Heading(r.Lang, s.Key))
		for _, t := range s.Sentences {
			b.WriteString("- ")
			if t.Kind != Fact {
				fmt.Fprintf(&b, "*%s:* ", phrase(r.Lang, string(t.Kind)))
			}
			b.WriteString(t.Text)
			for _, c := range t.Cites {
				fmt.Fprintf(&b, "[^%d]", c.Seq)
			}
			b.WriteByte('\n')
		}
	}
	b.WriteByte('\n')
	for _, seq := range r.Cites() {
		rec := records[seq]
		fmt.Fprintf(&b, "[^%d]: %s %s %s %s `%s`\n", seq, rec.At.Format(time.RFC3339), rec.Name, rec.Subject, rec.Actor, rec.ID)
	}
	return b.String()
}
