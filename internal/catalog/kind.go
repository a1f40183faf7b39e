package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// APIVersion is the version of our own kinds.
const APIVersion = "hinoban/v1"

// ServiceSpec is the spec of a Service document.
type ServiceSpec struct {
	Description string           `json:"description,omitempty" maxLength:"1050"`
	Team        string           `json:"team" doc:"The team that owns it: the name of a Team document."`
	Tier        int              `json:"tier" minimum:"1" maximum:"4" doc:"1 the most important, 4 the least. A page-level SLO alert of tier 1 declares an incident."`
	DependsOn   []DependencySpec `json:"dependsOn,omitempty" doc:"The services it needs."`
	Hosts       []string         `json:"hosts,omitempty" doc:"Host names it answers on; *.shop.example matches all below."`
	Paths       []string         `json:"paths,omitempty" doc:"Code it is built from: repository/path/."`
	Runbook     string           `json:"runbook,omitempty" doc:"The first page to open when it burns."`
	Links       []Link           `json:"links,omitempty"`
}

// DependencySpec is one needed service.
type DependencySpec struct {
	Service string `json:"service"`
	Kind    string `json:"kind,omitempty" enum:"hard,soft" default:"hard" doc:"hard: it fails with it; soft: it degrades."`
}

// TeamSpec is the spec of a Team document.
type TeamSpec struct {
	Members []string  `json:"members" minItems:"1" doc:"Names of Person documents."`
	Aliases []string  `json:"aliases,omitempty" doc:"Its names elsewhere, such as @org/payments in CODEOWNERS."`
	Tell    *TellSpec `json:"tell,omitempty" doc:"Where the team as a whole is told of its week, on Mondays at 9. Nothing means nowhere."`
}

// TellSpec is where a team as a whole is told something.
type TellSpec struct {
	Channel  string `json:"channel" enum:"slack,mail,webhook" doc:"What carries the message."`
	Address  string `json:"address" minLength:"1" doc:"A URL, a mail address, a Slack channel."`
	TimeZone string `json:"timeZone,omitempty" doc:"An IANA zone, such as Asia/Tokyo: whose Monday. Nothing means UTC."`
	Language string `json:"language,omitempty" enum:"en,ja" doc:"What it is written in."`
}

// PersonSpec is the spec of a Person document.
type PersonSpec struct {
	Email    string       `json:"email,omitempty" format:"email"`
	Language string       `json:"language,omitempty" enum:"en,ja" doc:"What messages to this person are written in."`
	TimeZone string       `json:"timeZone,omitempty" doc:"An IANA zone, such as Asia/Tokyo."`
	Aliases  []string     `json:"aliases,omitempty" doc:"Names elsewhere, such as @aoi in CODEOWNERS."`
	Skills   []string     `json:"skills,omitempty" doc:"What a rota may ask of whoever is on call."`
	Devices  []DeviceSpec `json:"devices,omitempty" doc:"How to reach this person, in the order of their delays. None means the built-in inbox."`
}

// DeviceSpec is one way to reach a person.
type DeviceSpec struct {
	Channel    string   `json:"channel" enum:"inbox,webpush,slack,mail,sms,voice,telegram,line,discord,teams,mattermost,ntfy,webhook" doc:"What carries the message."`
	Address    string   `json:"address,omitempty" doc:"A URL, a mail address, a phone number, an id of the service: see the manual, channels. The inbox and webpush need none."`
	After      string   `json:"after,omitempty" doc:"How long after the page began, such as 2m. Nothing means at once."`
	From       string   `json:"from,omitempty" doc:"By the person's clock, such as 22:00: used only from then until to. Where no device would be used, all are."`
	To         string   `json:"to,omitempty" doc:"07:00"`
	Severities []string `json:"severities,omitempty" doc:"Used only for pages of these severities, as their senders call them: critical, warning, page. Where no device would be used, all are."`
}

// OpenSLOServiceSpec is the spec of an OpenSLO v1 Service.
type OpenSLOServiceSpec struct {
	Description string `json:"description,omitempty" maxLength:"1050"`
}

// Kinds are the documents that the catalog reads.
func Kinds() []ascode.Kind {
	return []ascode.Kind{
		ascode.Define(APIVersion, "Service", "A service, its owner and what it needs.", serviceExample, checkService),
		ascode.Define(APIVersion, "Team", "A team and its members.", teamExample, checkTeam),
		ascode.Define(APIVersion, "Person", "A person and the devices that reach them.", personExample, checkPerson),
		openSLOService("openslo/v1"), openSLOService("openslo/v1alpha"), openSLOService("openslo.com/v2alpha"),
		ascode.Native("CODEOWNERS", "CodeOwners", "Who owns which paths, as on GitHub and GitLab.", ParseOwners),
	}
}

// openSLOService is the Service of a version of OpenSLO; it is the same in all.
func openSLOService(version string) ascode.Kind {
	return ascode.Define[OpenSLOServiceSpec](version, "Service", "An OpenSLO service: a name and a description.", strings.Replace(openSLOExample, "openslo/v1", version, 1), nil)
}

const serviceExample = `apiVersion: hinoban/v1
kind: Service
metadata: {name: checkout, displayName: Checkout}
spec:
  team: shop
  tier: 1
  dependsOn:
  - {service: payment, kind: hard}
  hosts: [checkout.shop.example]
  paths: [shop/checkout/]
  runbook: https://wiki.shop.example/checkout
`

const teamExample = `apiVersion: hinoban/v1
kind: Team
metadata: {name: shop, displayName: Shop}
spec:
  members: [aoi, ren]
  aliases: ["@example/shop"]
  tell: {channel: slack, address: "#shop-sre", timeZone: Asia/Tokyo, language: ja}
`

const personExample = `apiVersion: hinoban/v1
kind: Person
metadata: {name: aoi, displayName: Aoi Sato}
spec:
  email: aoi@shop.example
  language: ja
  timeZone: Asia/Tokyo
  devices:
  - {channel: inbox}
  - {channel: mail, address: aoi@shop.example, after: 2m}
`

const openSLOExample = `apiVersion: openslo/v1
kind: Service
metadata: {name: search, displayName: Search}
spec: {description: Finds things.}
`

func checkService(e ascode.Envelope[ServiceSpec]) (out []ascode.FieldError) {
	for i, d := range e.Spec.DependsOn {
		if d.Service == e.Metadata.Name {
			out = append(out, ascode.Fieldf(fmt.Sprintf("spec.dependsOn[%d].service", i), "delete the line", "a service does not depend on itself"))
		}
	}
	return out
}

func checkPerson(e ascode.Envelope[PersonSpec]) (out []ascode.FieldError) {
	if _, err := time.LoadLocation(e.Spec.TimeZone); err != nil {
		out = append(out, ascode.Fieldf("spec.timeZone", "use an IANA name such as Asia/Tokyo", "unknown time zone %q", e.Spec.TimeZone))
	}
	for i, d := range e.Spec.Devices {
		if !ownAddress(d.Channel) && d.Address == "" {
			out = append(out, ascode.Fieldf(fmt.Sprintf("spec.devices[%d]", i), "add address:", "a device on %s needs an address", d.Channel))
		}
		if after, err := delay(d.After); err != nil || after < 0 || after > 24*time.Hour {
			out = append(out, ascode.Fieldf(fmt.Sprintf("spec.devices[%d].after", i), "write 30s, 2m or 1h", "%q is not a delay between 0 and 24h", d.After))
		}
		if slices.Contains(d.Severities, "") {
			out = append(out, ascode.Fieldf(fmt.Sprintf("spec.devices[%d].severities", i), "write [critical], or leave it out", "a severity has a name"))
		}
		for name, s := range map[string]string{"from": d.From, "to": d.To} {
			if _, err := clock(s); err != nil {
				out = append(out, ascode.Fieldf(fmt.Sprintf("spec.devices[%d].%s", i, name), "write 22:00", "%q is not a time of the day", s))
			}
		}
	}
	return out
}

// clock reads 22:00 as minutes of the day; nothing is 0.
func clock(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	at, err := time.Parse("15:04", s)
	return at.Hour()*60 + at.Minute(), err
}

// ownAddress reports whether a channel knows people by our own names for them.
func ownAddress(channel string) bool { return channel == "inbox" || channel == "webpush" }

func delay(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	return time.ParseDuration(s)
}

// Build makes the snapshot of a set and checks what refers to what.
func Build(set *ascode.Set) (*Snapshot, ascode.Problems) {
	s := &Snapshot{}
	for _, d := range ascode.Of[PersonSpec](set) {
		s.People = append(s.People, person(d))
	}
	for _, d := range ascode.Of[TeamSpec](set) {
		s.Teams = append(s.Teams, team(d))
	}
	for _, d := range ascode.Of[ServiceSpec](set) {
		s.Services = append(s.Services, service(d))
	}
	for _, d := range ascode.Of[OpenSLOServiceSpec](set) {
		if !slices.ContainsFunc(s.Services, func(v Service) bool { return v.ID == d.Metadata.Name }) {
			s.Services = append(s.Services, Service{ID: d.Metadata.Name, Name: d.Metadata.Title(), Description: d.Spec.Description, Source: source(d.Document)})
		}
	}
	for _, d := range ascode.Of[OwnersFile](set) {
		s.Owners = append(s.Owners, d.Spec)
	}
	slices.SortFunc(s.Services, func(a, b Service) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(s.Teams, func(a, b Team) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(s.People, func(a, b Person) int { return strings.Compare(a.ID, b.ID) })
	// The longest folder first, so that a nested repository decides for itself.
	slices.SortFunc(s.Owners, func(a, b OwnersFile) int { return len(b.Repository) - len(a.Repository) })
	return s, s.refer(set)
}

func source(d ascode.Document) string { return fmt.Sprintf("%s:%d", d.File, d.Line) }

func team(d ascode.Doc[TeamSpec]) Team {
	t := Team{ID: d.Metadata.Name, Name: d.Metadata.Title(), Members: d.Spec.Members, Aliases: d.Spec.Aliases, Source: source(d.Document)}
	if s := d.Spec.Tell; s != nil {
		t.Tell = &Tell{Channel: s.Channel, Address: s.Address, Zone: s.TimeZone, Lang: s.Language}
		if t.Tell.Lang == "" {
			t.Tell.Lang = "en"
		}
	}
	return t
}

func checkTeam(e ascode.Envelope[TeamSpec]) (out []ascode.FieldError) {
	if e.Spec.Tell == nil {
		return nil
	}
	if _, err := time.LoadLocation(e.Spec.Tell.TimeZone); err != nil {
		out = append(out, ascode.Fieldf("spec.tell.timeZone", "write an IANA zone, such as Asia/Tokyo", "there is no zone %q", e.Spec.Tell.TimeZone))
	}
	return out
}

func service(d ascode.Doc[ServiceSpec]) Service {
	v := Service{
		ID: d.Metadata.Name, Name: d.Metadata.Title(), Description: d.Spec.Description, Team: d.Spec.Team, Tier: d.Spec.Tier,
		Hosts: d.Spec.Hosts, Paths: d.Spec.Paths, Runbook: d.Spec.Runbook, Links: d.Spec.Links, Source: source(d.Document),
	}
	for _, dep := range d.Spec.DependsOn {
		v.DependsOn = append(v.DependsOn, Dependency{Service: dep.Service, Hard: dep.Kind != "soft"})
	}
	return v
}

func person(d ascode.Doc[PersonSpec]) Person {
	p := Person{ID: d.Metadata.Name, Name: d.Metadata.Title(), Email: d.Spec.Email, Lang: d.Spec.Language, Zone: d.Spec.TimeZone, Aliases: d.Spec.Aliases, Skills: d.Spec.Skills}
	if p.Lang == "" {
		p.Lang = "en"
	}
	specs := d.Spec.Devices
	if len(specs) == 0 {
		specs = []DeviceSpec{{Channel: "inbox"}}
	}
	for i, v := range specs {
		after, _ := delay(v.After) // checkPerson has refused what does not parse
		address := v.Address
		if ownAddress(v.Channel) {
			address = p.ID
		}
		from, _ := clock(v.From) // as above
		to, _ := clock(v.To)     // as above
		p.Devices = append(p.Devices, Device{ID: fmt.Sprintf("%s-%d", v.Channel, i+1), Channel: v.Channel, Address: address, After: after, From: from, To: to, Severities: v.Severities})
	}
	return p
}

// refer checks that everything a document names exists.
func (s *Snapshot) refer(set *ascode.Set) (out ascode.Problems) {
	team := func(id string) bool { return slices.ContainsFunc(s.Teams, func(t Team) bool { return t.ID == id }) }
	svc := func(id string) bool {
		return slices.ContainsFunc(s.Services, func(v Service) bool { return v.ID == id })
	}
	who := func(id string) bool { return slices.ContainsFunc(s.People, func(p Person) bool { return p.ID == id }) }
	for _, d := range ascode.Of[ServiceSpec](set) {
		if !team(d.Spec.Team) {
			out = append(out, d.At("spec.team", "add a Team document of this name, or mend the name", "there is no team %q", d.Spec.Team))
		}
		for i, dep := range d.Spec.DependsOn {
			if !svc(dep.Service) {
				out = append(out, d.At(fmt.Sprintf("spec.dependsOn[%d].service", i), "add a Service document of this name, or mend the name", "there is no service %q", dep.Service))
			}
		}
	}
	for _, d := range ascode.Of[TeamSpec](set) {
		for i, m := range d.Spec.Members {
			if !who(m) {
				out = append(out, d.At(fmt.Sprintf("spec.members[%d]", i), "add a Person document of this name, or mend the name", "there is no person %q", m))
			}
		}
	}
	return out
}
