package catalog

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Service is something that can be up or down and that somebody owns.
type Service struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Description string       `json:"description,omitempty"`
	Team        string       `json:"team,omitempty"`
	Tier        int          `json:"tier"` // 1 the most important to 4; 0 not said
	DependsOn   []Dependency `json:"depends_on"`
	Hosts       []string     `json:"hosts,omitempty"`
	Paths       []string     `json:"paths,omitempty"` // "repository/path/"
	Runbook     string       `json:"runbook,omitempty"`
	Links       []Link       `json:"links,omitempty"`
	Source      string       `json:"source"` // file:line of its document
}

// Dependency is one service that another needs.
type Dependency struct {
	Service string `json:"service"`
	Hard    bool   `json:"hard"` // the service fails with it
}

// Link is something worth a click.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url" format:"uri"`
}

// Team owns services.
type Team struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Members []string `json:"members"` // ids of people
	Aliases []string `json:"aliases,omitempty"`
	Source  string   `json:"source"`
	Tell    *Tell    `json:"-"` // an address may be a capability
}

// Tell is where a team as a whole is told of its week.
type Tell struct {
	Channel, Address string
	Zone             string // "" is UTC
	Lang             string // "en" or "ja"
}

// Person is somebody who can be told.
type Person struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Email   string   `json:"email,omitempty"`
	Lang    string   `json:"lang"` // "en" or "ja"
	Zone    string   `json:"zone,omitempty"`
	Aliases []string `json:"aliases,omitempty"`
	Skills  []string `json:"skills,omitempty"`
	Devices []Device `json:"devices"`
}

// Device is one way to reach a person.
type Device struct {
	ID         string        `json:"id"` // unique within the person
	Channel    string        `json:"channel"`
	Address    string        `json:"address"`
	After      time.Duration `json:"after"`                // how long after the page began this device is used
	From       int           `json:"from"`                 // minutes of the person's day; To before From ends on the next
	To         int           `json:"to"`                   // From and To alike: always
	Severities []string      `json:"severities,omitempty"` // of pages, as their senders call them; none: any
}

// Use returns the devices to use for a page of a severity at t: those that are for
// it, in whose hours t is by the person's clocks. Where that would be none, the
// hours do not count, and where it still would, all are used.
func (p Person) Use(severity string, t time.Time) []Device {
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		zone = time.UTC
	}
	now := t.In(zone).Hour()*60 + t.In(zone).Minute()
	var fit, out []Device
	for _, d := range p.Devices {
		if len(d.Severities) > 0 && !slices.ContainsFunc(d.Severities, func(s string) bool { return strings.EqualFold(s, severity) }) {
			continue
		}
		fit = append(fit, d)
		in := d.From <= now && now < d.To
		if d.To < d.From {
			in = now >= d.From || now < d.To
		}
		if d.From == d.To || in {
			out = append(out, d)
		}
	}
	switch {
	case len(out) > 0:
		return out
	case len(fit) > 0:
		return fit
	}
	return p.Devices
}

// Owner is the answer to "who owns this?".
type Owner struct {
	Service string   `json:"service,omitempty"`
	Teams   []string `json:"teams"`
	People  []string `json:"people"`
	Names   []string `json:"names,omitempty"` // owners that are no team or person we know
	Why     string   `json:"why"`             // what decided, with file and line
}

// Snapshot is one whole catalog. It is not changed once it is in use.
type Snapshot struct {
	Services []Service
	Teams    []Team
	People   []Person
	Owners   []OwnersFile
}

// Catalog answers from the snapshot in use. It is safe for concurrent use.
type Catalog struct{ now atomic.Pointer[indexed] }

// indexed is a snapshot with the places of its entries by their ids.
type indexed struct {
	*Snapshot
	services, people map[string]int
}

// New returns an empty catalog.
func New() *Catalog {
	c := &Catalog{}
	c.Replace(&Snapshot{})
	return c
}

// Replace puts s in use.
func (c *Catalog) Replace(s *Snapshot) {
	x := &indexed{Snapshot: s, services: make(map[string]int, len(s.Services)), people: make(map[string]int, len(s.People))}
	for i, v := range slices.Backward(s.Services) { // of two with one id the first counts
		x.services[v.ID] = i
	}
	for i, p := range slices.Backward(s.People) {
		x.people[p.ID] = i
	}
	c.now.Store(x)
}

// Services returns all services, by id.
func (c *Catalog) Services(context.Context) []Service { return c.now.Load().Services }

// Service returns one service, or an error of kind NotFound.
func (c *Catalog) Service(_ context.Context, id string) (Service, error) {
	s := c.now.Load()
	if i, ok := s.services[id]; ok {
		return s.Services[i], nil
	}
	return Service{}, errs.New(errs.NotFound, "service %q is not in the catalog", id)
}

// Dependents returns the ids of the services that need id.
func (c *Catalog) Dependents(_ context.Context, id string) []string {
	var out []string
	for _, s := range c.now.Load().Services {
		if slices.ContainsFunc(s.DependsOn, func(d Dependency) bool { return d.Service == id }) {
			out = append(out, s.ID)
		}
	}
	return out
}

// Teams returns all teams, by id.
func (c *Catalog) Teams(context.Context) []Team { return c.now.Load().Teams }

// Team returns one team, or an error of kind NotFound.
func (c *Catalog) Team(_ context.Context, id string) (Team, error) {
	for _, t := range c.now.Load().Teams {
		if t.ID == id {
			return t, nil
		}
	}
	return Team{}, errs.New(errs.NotFound, "team %q is not in the catalog", id)
}

// People returns everybody, by id.
func (c *Catalog) People(context.Context) []Person { return c.now.Load().People }

// Person returns one person, or an error of kind NotFound.
func (c *Catalog) Person(_ context.Context, id string) (Person, error) {
	s := c.now.Load()
	if i, ok := s.people[id]; ok {
		return s.People[i], nil
	}
	return Person{}, errs.New(errs.NotFound, "person %q is not in the catalog", id)
}

// Question asks for an owner by exactly one of its fields.
type Question struct{ Service, Host, Path string }

// Owner says who owns what q asks for and why; NotFound where nobody does.
func (c *Catalog) Owner(_ context.Context, q Question) (Owner, error) {
	s := c.now.Load()
	switch {
	case q.Service != "":
		return s.ownerOf(func(v Service) string { return v.ID }, q.Service, "service")
	case q.Host != "":
		return s.ownerOfHost(strings.ToLower(q.Host))
	case q.Path != "":
		return s.OwnerOfPath(q.Path)
	}
	return Owner{}, errs.New(errs.Invalid, "ask by service, host or path")
}

func (s *Snapshot) ownerOf(key func(Service) string, want, what string) (Owner, error) {
	for _, v := range s.Services {
		if key(v) == want {
			return s.answer(v, v.Source), nil
		}
	}
	return Owner{}, errs.New(errs.NotFound, "nobody owns %s %q", what, want)
}

// ownerOfHost finds the longest match: the host itself, or a suffix "*.shop.example".
func (s *Snapshot) ownerOfHost(host string) (Owner, error) {
	best, length := Service{}, -1
	for _, v := range s.Services {
		for _, h := range v.Hosts {
			h = strings.ToLower(h)
			suffix, wild := strings.CutPrefix(h, "*")
			if (h == host || (wild && strings.HasSuffix(host, suffix))) && len(h) > length {
				best, length = v, len(h)
			}
		}
	}
	if length < 0 {
		return Owner{}, errs.New(errs.NotFound, "nobody owns host %q", host)
	}
	return s.answer(best, best.Source+": hosts"), nil
}

// OwnerOfPath says who owns a path and why; NotFound where nobody does.
func (s *Snapshot) OwnerOfPath(path string) (Owner, error) {
	return s.ownerOfPath(strings.TrimPrefix(path, "/"))
}

// ownerOfPath asks the services' paths, the longest first, then the owners files.
func (s *Snapshot) ownerOfPath(path string) (Owner, error) {
	best, length := Service{}, -1
	for _, v := range s.Services {
		for _, p := range v.Paths {
			p = strings.Trim(p, "/")
			if (path == p || strings.HasPrefix(path, p+"/")) && len(p) > length {
				best, length = v, len(p)
			}
		}
	}
	if length >= 0 {
		return s.answer(best, best.Source+": paths"), nil
	}
	for _, f := range s.Owners {
		inside, ok := strings.CutPrefix(path, f.Repository)
		if f.Repository != "" {
			if inside, ok = strings.CutPrefix(path, f.Repository+"/"); !ok {
				continue
			}
		}
		rule, found := f.Match(inside)
		switch {
		case ok && found:
			return s.named(rule, f), nil
		case ok && rule.Line > 0:
			return Owner{}, errs.New(errs.NotFound, "%s:%d: %s gives path %q to nobody", f.Path, rule.Line, rule.Pattern, path)
		}
	}
	return Owner{}, errs.New(errs.NotFound, "nobody owns path %q", path)
}

func (s *Snapshot) answer(v Service, why string) Owner {
	o := Owner{Service: v.ID, Why: why}
	if v.Team == "" {
		return o
	}
	o.Teams = []string{v.Team}
	for _, t := range s.Teams {
		if t.ID == v.Team {
			o.People = t.Members
		}
	}
	return o
}
