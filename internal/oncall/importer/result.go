package importer

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// File is one export.
type File struct {
	Name string // for errors
	Data []byte
}

// Options are what a reader needs besides the files.
type Options struct {
	Now  time.Time // what ended before is left out; required
	Days int       // how far calendars are written out as fixed shifts; 0 is 90
}

// Result is what was read.
type Result struct {
	People      []Person
	Teams       []Team
	Rotas       []Rota
	Escalations []Escalation
	Adjustments []rota.Adjustment // overrides and temporary schedules, by "import"
	Notes       []Note

	references map[string]reference // by the name of the rota
}

// Note says what was not taken over exactly, and what to do about it.
type Note struct {
	Rota   string // whose times may differ; "" where no times do
	Where  string // in the words of the other product
	Text   string
	Remedy string
	Nights bool // they differ only about the nights in which clocks change
}

// Person becomes a Person document.
type Person struct {
	Name, Title, Email, TimeZone string
	Aliases                      []string
	Devices                      []Device
}

// Device is one way to reach a person.
type Device struct{ Channel, Address, After string }

// Team becomes a Team document.
type Team struct {
	Name, Title string
	Members     []string
}

// Rota becomes a Rota document.
type Rota struct {
	Name, Title, TimeZone string
	Rotations             []Rotation
	Gaps                  bool // at times nobody is on call, as it is with them
}

// Rotation is one rotation of a rota.
type Rotation struct {
	Name     string
	TimeZone string // where it is another than the rota's
	Start    string // 2026-11-16 09:00
	Every    string // 8h, 1d, 2w, 1mo
	Members  []string
	All      bool // no turns
	Hours    []Hours
	Priority int
}

// Hours is a part of the week; minutes of the day. To up to From ends next day.
type Hours struct {
	Days     [7]bool // by time.Weekday
	From, To int
}

// Escalation becomes an Escalation document.
type Escalation struct {
	Name, Title     string
	Teams, Services []string
	Repeat          int
	Steps           []Step
}

// Step is one step of an escalation.
type Step struct {
	Rotas, People []string
	Wait          string
	RoundRobin    bool
}

// What an export may have at most.
const (
	maxBytes = 32 << 20
	maxItems = 5000
	maxDays  = 400
)

// Read reads the exports of a product: pagerduty, opsgenie, grafana, goalert, or
// calendars of any: ics.
// Errors are of kind Invalid.
func Read(product string, files []File, o Options) (*Result, error) {
	switch product {
	case "pagerduty":
		return PagerDuty(files, o)
	case "opsgenie":
		return Opsgenie(files, o)
	case "grafana":
		return Grafana(files, o)
	case "goalert":
		return GoAlert(files, o)
	case "ics":
		return Calendars(files, o)
	}
	return nil, errs.New(errs.Invalid, "unknown product %q: write pagerduty, opsgenie, grafana, goalert or ics", product)
}

// decode reads each file into the same value; lists are appended by the caller's
// each.
func decode[T any](files []File, each func(T) error) error {
	size := 0
	for _, f := range files {
		if size += len(f.Data); size > maxBytes {
			return errs.New(errs.Invalid, "%s: the exports have more than %d bytes: import fewer schedules at a time", f.Name, maxBytes)
		}
		var v T
		if err := json.Unmarshal(f.Data, &v); err != nil {
			return broken(f, err)
		}
		if err := each(v); err != nil {
			return err
		}
	}
	return nil
}

func broken(f File, err error) error {
	at := int64(0)
	what := "is no JSON"
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = s.Offset
	}
	if u, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at, what = u.Offset, "has an unexpected "+u.Value+" in "+strconv.Quote(u.Field)
	}
	before := f.Data[:min(int(at), len(f.Data))]
	line := 1 + strings.Count(string(before), "\n")
	return errs.New(errs.Invalid, "%s:%d: byte %d: the export %s: save the answer of the API unchanged (%w)", f.Name, line, at, what, err)
}

// list reads a JSON list that may also be one object, or GraphQL's nodes.
type list[T any] []T

// UnmarshalJSON reads [..], {"nodes": [..]} or one object.
func (l *list[T]) UnmarshalJSON(b []byte) error {
	var many []T
	if err := json.Unmarshal(b, &many); err == nil {
		*l = many
		return nil
	} else if len(b) > 0 && b[0] == '[' {
		return err
	}
	var nodes struct {
		Nodes []T `json:"nodes"`
	}
	if err := json.Unmarshal(b, &nodes); err != nil {
		return err
	}
	*l = nodes.Nodes
	return nil
}

// builder collects a result.
type builder struct {
	out    *Result
	o      Options
	taken  map[string]bool
	people map[string]string // names by the ids, mail addresses and names of theirs
	rotas  map[string]string // names by their ids
	teams  map[string]string
	read   int // bytes of calendars
}

func newBuilder(o Options) (*builder, error) {
	if o.Days <= 0 {
		o.Days = 90
	}
	o.Days = min(o.Days, maxDays)
	if o.Now.IsZero() || o.Now.Year() < 2000 || o.Now.Year() > 2190 {
		return nil, errs.New(errs.Invalid, "the time of the import is not set")
	}
	return &builder{
		out: &Result{references: map[string]reference{}}, o: o,
		taken: map[string]bool{}, people: map[string]string{}, rotas: map[string]string{}, teams: map[string]string{},
	}, nil
}

func (b *builder) note(rota, where, text, remedy string) {
	b.put(Note{Rota: rota, Where: where, Text: text, Remedy: remedy})
}

// night notes what differs only when clocks change.
func (b *builder) night(rota, where, text, remedy string) {
	b.put(Note{rota, where, text, remedy, true})
}

func (b *builder) put(n Note) {
	if len(b.out.Notes) < maxItems && !slices.Contains(b.out.Notes, n) {
		b.out.Notes = append(b.out.Notes, n)
	}
}

// name makes a document name of the first candidate that has letters.
func (b *builder) name(kind string, candidates ...string) string {
	out := ""
	for _, c := range candidates {
		if out = slug(c); out != "" {
			break
		}
	}
	if out == "" {
		out = kind
	}
	for n, base := 2, out; b.taken[kind+"/"+out]; n++ {
		out = base + "-" + strconv.Itoa(n)
	}
	b.taken[kind+"/"+out] = true
	return out
}

func slug(s string) string {
	var out strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			out.WriteRune(r)
		case out.Len() > 0 && !strings.HasSuffix(out.String(), "-"):
			out.WriteByte('-')
		}
		if out.Len() >= 50 {
			break
		}
	}
	return strings.Trim(out.String(), "-")
}

// person adds somebody; keys are by what the export refers to him.
func (b *builder) person(p Person, keys ...string) {
	local, _, _ := strings.Cut(p.Email, "@")
	p.Name = b.name("person", p.Title, local, keys[0])
	if p.Email != "" {
		p.Devices = append(p.Devices, Device{Channel: "mail", Address: p.Email})
	} else {
		p.Devices = append(p.Devices, Device{Channel: "inbox"})
	}
	b.out.People = append(b.out.People, p)
	for _, k := range append(keys, p.Email) {
		if k != "" && b.people[strings.ToLower(k)] == "" {
			b.people[strings.ToLower(k)] = p.Name
		}
	}
}

// who finds somebody, or adds him where the users were not exported.
func (b *builder) who(where, title string, keys ...string) string {
	for _, k := range keys {
		if n := b.people[strings.ToLower(k)]; n != "" && k != "" {
			return n
		}
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return k == "" })
	if len(keys) == 0 {
		return ""
	}
	p := Person{Title: title}
	if strings.Contains(keys[0], "@") {
		p.Email = keys[0]
	}
	b.person(p, keys...)
	b.note("", where, "the user "+keys[0]+" is not in the export; an empty Person document stands for him", "export the users too, or add devices to the document")
	return b.people[strings.ToLower(keys[0])]
}

// zone loads a zone; where there is none UTC is taken, with a note.
func (b *builder) zone(rotaName, where, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		if name != "" {
			b.note(rotaName, where, "the time zone "+strconv.Quote(name)+" is unknown; UTC was taken", "set timeZone in the document")
		}
		return time.UTC
	}
	return loc
}

func (b *builder) adjustment(a rota.Adjustment) {
	if !a.End.After(b.o.Now) || !a.End.After(a.Start) || len(b.out.Adjustments) >= maxItems {
		return
	}
	a.Start, a.End = a.Start.UTC(), a.End.UTC()
	for i, s := range a.Shifts {
		a.Shifts[i].Start, a.Shifts[i].End = s.Start.UTC(), s.End.UTC()
	}
	// Created orders them: later ones count more.
	a.Created = b.o.Now.Add(time.Duration(len(b.out.Adjustments)) * time.Microsecond)
	a.ID = "import-" + strconv.Itoa(len(b.out.Adjustments)+1)
	a.By = "import"
	b.out.Adjustments = append(b.out.Adjustments, a)
}
