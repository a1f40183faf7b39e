package oncall

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall/rota"
	"github.com/hinoban/hinoban/internal/platform/ascode"
)

// RotaSpec is the spec of a Rota document: one rotation, or several in layers.
type RotaSpec struct {
	TimeZone  string         `json:"timeZone" doc:"The IANA zone of the hand-over, such as Asia/Tokyo."`
	Start     string         `json:"start,omitempty" doc:"The first hand-over, by the clock of the zone: 2026-11-16 09:00."`
	Every     string         `json:"every,omitempty" default:"1w" doc:"Between hand-overs: 8h, 1d, 2w or 1mo. Hours that divide the day, and days, go by the clock."`
	Members   []string       `json:"members,omitempty" doc:"Names of Person documents in turn; aoi+ren are on call together; an empty string is a gap that keeps the cadence."`
	Rotations []RotationSpec `json:"rotations,omitempty" maxItems:"50" doc:"Several rotations, in the place of start, every and members."`
	Holidays  []string       `json:"holidays,omitempty" doc:"japan, or names of HolidayCalendar documents: for hours and for fairness."`
	Gaps      string         `json:"gaps,omitempty" enum:"refuse,accept" default:"refuse" doc:"Whether it is a mistake that at times nobody is on call."`
	Requires  []string       `json:"requires,omitempty" doc:"Skills of Person documents that whoever is on call needs."`
	LongTurn  string         `json:"longTurn,omitempty" doc:"A turn longer than this is flagged: 24h, 7d."`
}

// RotationSpec is one rotation of several.
type RotationSpec struct {
	Name        string       `json:"name" minLength:"1" maxLength:"100"`
	TimeZone    string       `json:"timeZone,omitempty" doc:"Where it is another than the rota's."`
	Start       string       `json:"start,omitempty" doc:"The first hand-over, by the clock of the zone: 2026-11-16 09:00."`
	Every       string       `json:"every,omitempty" default:"1w" doc:"Between hand-overs: 8h, 1d, 2w or 1mo."`
	Members     []string     `json:"members" minItems:"1"`
	PerMember   int          `json:"perMember,omitempty" minimum:"1" maximum:"100" default:"1" doc:"Shifts in a row for each member."`
	EveryMember bool         `json:"everyMember,omitempty" doc:"No turns: all members are on call."`
	Hours       []WindowSpec `json:"hours,omitempty" maxItems:"20" doc:"The part of the week in which it counts; nothing is always."`
	Priority    int          `json:"priority,omitempty" minimum:"-100" maximum:"100" doc:"Of the rotations that have somebody, only those of the highest count; the lower fill the rest."`
}

// WindowSpec is a part of the week.
type WindowSpec struct {
	Days     []string `json:"days,omitempty" doc:"mon, tue … sun, or mon-fri; nothing is every day."`
	From     string   `json:"from,omitempty" default:"00:00"`
	To       string   `json:"to,omitempty" default:"00:00" doc:"Before from: on the next day. The same as from: the whole day."`
	Holidays string   `json:"holidays,omitempty" enum:"skip,also,only" doc:"skip: not on holidays; also: on holidays too, whatever day they are; only: on holidays alone."`
}

// HolidayCalendarSpec is the spec of a HolidayCalendar document.
type HolidayCalendarSpec struct {
	Dates []HolidaySpec `json:"dates,omitempty" maxItems:"2000"`
	ICS   string        `json:"ics,omitempty" maxLength:"1000000" doc:"The text of an iCalendar file: its all-day events are holidays."`
}

// HolidaySpec is one holiday.
type HolidaySpec struct {
	Date string `json:"date" doc:"2026-12-30"`
	Name string `json:"name" minLength:"1"`
}

// EscalationSpec is the spec of an Escalation document.
type EscalationSpec struct {
	Teams      []string   `json:"teams,omitempty" doc:"Pages of their services come here."`
	Services   []string   `json:"services,omitempty" doc:"Pages of these services come here first."`
	Default    bool       `json:"default,omitempty" doc:"Pages that no other escalation covers come here."`
	Repeat     int        `json:"repeat,omitempty" minimum:"0" maximum:"5" doc:"How often to begin again after the last step."`
	Acks       int        `json:"acks,omitempty" minimum:"1" maximum:"20" default:"1" doc:"How many people must answer before it stops; an answer ends only one's own calls until then."`
	AckTimeout string     `json:"ackTimeout,omitempty" doc:"An answer that has closed nothing by then is forgotten, and it calls again: 30m. Nothing means never."`
	Steps      []StepSpec `json:"steps" minItems:"1" maxItems:"20"`
}

// StepSpec is one step.
type StepSpec struct {
	Rotas      []string      `json:"rotas,omitempty" doc:"Whoever is on call there when the step fires."`
	People     []string      `json:"people,omitempty"`
	Wait       string        `json:"wait,omitempty" default:"5m" doc:"For an answer, before the next step: 30s, 5m."`
	RoundRobin bool          `json:"roundRobin,omitempty" doc:"One of them alone: whoever was paged least recently."`
	Severities []string      `json:"severities,omitempty" doc:"Only where the alert's label severity is one of these."`
	Hours      *HoursSpec    `json:"hours,omitempty" doc:"Only in this part of the week."`
	MoreThan   *MoreThanSpec `json:"moreThan,omitempty" doc:"Only where more alerts came for the service."`
}

// HoursSpec is when a step may fire.
type HoursSpec struct {
	TimeZone string       `json:"timeZone"`
	Holidays []string     `json:"holidays,omitempty" doc:"japan, or names of HolidayCalendar documents."`
	Windows  []WindowSpec `json:"windows" minItems:"1" maxItems:"20"`
	Outside  string       `json:"outside,omitempty" enum:"skip,wait" default:"skip" doc:"skip: the next step follows at once; wait: this one fires when the hours come."`
}

// MoreThanSpec counts alerts.
type MoreThanSpec struct {
	Alerts int    `json:"alerts" minimum:"1" maximum:"90"`
	Within string `json:"within" doc:"10m"`
}

// PagingCanarySpec is the spec of a PagingCanary document.
type PagingCanarySpec struct {
	Every   string              `json:"every,omitempty" default:"1h" doc:"Between two messages to each device."`
	Devices []PagingCanaryEntry `json:"devices" minItems:"1" maxItems:"50" doc:"Numbers, rooms and mailboxes that nobody sleeps beside, one for each channel that pages."`
}

// PagingCanaryEntry is one device of a canary.
type PagingCanaryEntry struct {
	Channel string `json:"channel" enum:"webpush,slack,mail,sms,voice,telegram,line,discord,teams,mattermost,ntfy,webhook"`
	Address string `json:"address" minLength:"1"`
}

const canaryExample = `apiVersion: hinoban/v1
kind: PagingCanary
metadata: {name: channels}
spec:
  every: 1h
  devices:
  - {channel: mail, address: pager-canary@shop.example}
  - {channel: slack, address: "#pager-canary"}
`

func checkCanary(e ascode.Envelope[PagingCanarySpec]) (out []ascode.FieldError) {
	if _, err := e.Spec.every(); err != nil {
		out = append(out, ascode.Fieldf("spec.every", "write 1h", "%v", err))
	}
	return out
}

func (s PagingCanarySpec) every() (time.Duration, error) {
	if s.Every == "" {
		return time.Hour, nil
	}
	d, err := length(s.Every)
	if err == nil && (d < time.Minute || d > 7*24*time.Hour) {
		err = fmt.Errorf("%q is not a time between 1m and 7d", s.Every)
	}
	return d, err
}

// Kinds are the documents that the room reads.
func Kinds() []ascode.Kind {
	return []ascode.Kind{
		ascode.Define(catalog.APIVersion, "Rota", "Who is on call when: rotations in layers.", rotaExample, checkRota),
		ascode.Define(catalog.APIVersion, "HolidayCalendar", "Days that are not like others.", holidayExample, checkHolidays),
		ascode.Define(catalog.APIVersion, "Escalation", "Who is told, in which order, until somebody answers.", escalationExample, checkEscalation),
		ascode.Define(catalog.APIVersion, "PagingCanary", "Devices that a machine pages every hour, to see that the channels work.", canaryExample, checkCanary),
	}
}

const rotaExample = `apiVersion: hinoban/v1
kind: Rota
metadata: {name: shop-primary, displayName: Shop primary}
spec:
  timeZone: Asia/Tokyo
  holidays: [japan]
  rotations:
  - name: office hours
    priority: 1
    start: 2026-11-16 09:00
    every: 1d
    members: [aoi, ren]
    hours: [{days: [mon-fri], from: "09:00", to: "18:00", holidays: skip}]
  - name: nights and weekends
    start: 2026-11-16 09:00
    every: 1w
    members: [ren, aoi]
`

const holidayExample = `apiVersion: hinoban/v1
kind: HolidayCalendar
metadata: {name: company}
spec:
  dates:
  - {date: 2026-12-30, name: 年末休業}
  - {date: 2026-12-31, name: 年末休業}
`

const escalationExample = `apiVersion: hinoban/v1
kind: Escalation
metadata: {name: shop}
spec:
  teams: [shop]
  repeat: 1
  ackTimeout: 30m
  steps:
  - {rotas: [shop-primary], wait: 5m}
  - {people: [ren], wait: 10m}
`

const startLayout = "2006-01-02 15:04"

func checkRota(e ascode.Envelope[RotaSpec]) (out []ascode.FieldError) {
	if _, err := rota.LoadZone(e.Spec.TimeZone); err != nil {
		out = append(out, ascode.Fieldf("spec.timeZone", "use an IANA name such as Asia/Tokyo", "unknown time zone %q", e.Spec.TimeZone))
	}
	if s := e.Spec.LongTurn; s != "" {
		if _, err := length(s); err != nil {
			out = append(out, ascode.Fieldf("spec.longTurn", "write 24h or 7d", "%q is no length of time", s))
		}
	}
	if len(e.Spec.Rotations) == 0 {
		one := RotationSpec{Start: e.Spec.Start, Every: e.Spec.Every, Members: e.Spec.Members}
		if len(one.Members) == 0 {
			out = append(out, ascode.Fieldf("spec.members", "add members:, or rotations:", "nobody is ever on call"))
		}
		return append(out, one.check("spec")...)
	}
	if len(e.Spec.Members) > 0 || e.Spec.Start != "" || e.Spec.Every != "" {
		out = append(out, ascode.Fieldf("spec.rotations", "move start, every and members into a rotation", "a rota has either one rotation or a list"))
	}
	seen := map[string]bool{}
	for i, r := range e.Spec.Rotations {
		at := fmt.Sprintf("spec.rotations[%d]", i)
		if seen[r.Name] {
			out = append(out, ascode.Fieldf(at+".name", "give each a name of its own", "there is a rotation %q already", r.Name))
		}
		seen[r.Name] = true
		out = append(out, r.check(at)...)
	}
	return out
}

func (r RotationSpec) check(at string) (out []ascode.FieldError) {
	if _, err := time.Parse(startLayout, r.Start); err != nil && (!r.EveryMember || r.Start != "") {
		out = append(out, ascode.Fieldf(at+".start", "write it as 2026-11-16 09:00", "%q is not a date and a clock", r.Start))
	}
	if _, _, err := cadence(r.Every); err != nil {
		out = append(out, ascode.Fieldf(at+".every", "write 8h, 1d, 2w or 1mo", "%v", err))
	}
	if r.TimeZone != "" {
		if _, err := rota.LoadZone(r.TimeZone); err != nil {
			out = append(out, ascode.Fieldf(at+".timeZone", "use an IANA name such as Asia/Tokyo", "unknown time zone %q", r.TimeZone))
		}
	}
	return append(out, checkWindows(at+".hours", r.Hours)...)
}

func checkWindows(at string, ws []WindowSpec) (out []ascode.FieldError) {
	for i, w := range ws {
		if _, err := w.window(); err != nil {
			out = append(out, ascode.Fieldf(fmt.Sprintf("%s[%d]", at, i), `write {days: [mon-fri], from: "09:00", to: "18:00"}`, "%v", err))
		}
	}
	return out
}

func checkHolidays(e ascode.Envelope[HolidayCalendarSpec]) (out []ascode.FieldError) {
	for i, d := range e.Spec.Dates {
		if _, err := time.Parse(time.DateOnly, d.Date); err != nil {
			out = append(out, ascode.Fieldf(fmt.Sprintf("spec.dates[%d].date", i), "write it as 2026-12-30", "%q is no date", d.Date))
		}
	}
	return out
}

func checkEscalation(e ascode.Envelope[EscalationSpec]) (out []ascode.FieldError) {
	if len(e.Spec.Teams)+len(e.Spec.Services) == 0 && !e.Spec.Default {
		out = append(out, ascode.Fieldf("spec", "add teams:, services: or default: true", "the escalation covers nothing"))
	}
	if s := e.Spec.AckTimeout; s != "" {
		if d, err := length(s); err != nil || d < time.Minute {
			out = append(out, ascode.Fieldf("spec.ackTimeout", "write 30m or 1h", "%q is not a time of a minute or more", s))
		}
	}
	for i, s := range e.Spec.Steps {
		out = append(out, s.check(fmt.Sprintf("spec.steps[%d]", i))...)
	}
	return out
}

func (s StepSpec) check(at string) (out []ascode.FieldError) {
	if len(s.Rotas)+len(s.People) == 0 {
		out = append(out, ascode.Fieldf(at, "add rotas: or people:", "the step tells nobody"))
	}
	if d, err := wait(s.Wait); err != nil || d < time.Second || d > 7*24*time.Hour {
		out = append(out, ascode.Fieldf(at+".wait", "write 30s, 5m or 1h", "%q is not a wait between 1s and 7 days", s.Wait))
	}
	if s.MoreThan != nil {
		if d, err := length(s.MoreThan.Within); err != nil || d < time.Minute || d > 24*time.Hour {
			out = append(out, ascode.Fieldf(at+".moreThan.within", "write 10m", "%q is not a time between 1m and 24h", s.MoreThan.Within))
		}
	}
	if s.Hours == nil {
		return out
	}
	if _, err := rota.LoadZone(s.Hours.TimeZone); err != nil {
		out = append(out, ascode.Fieldf(at+".hours.timeZone", "use an IANA name such as Asia/Tokyo", "unknown time zone %q", s.Hours.TimeZone))
	}
	return append(out, checkWindows(at+".hours.windows", s.Hours.Windows)...)
}

func wait(s string) (time.Duration, error) {
	if s == "" {
		return 5 * time.Minute, nil
	}
	return length(s)
}

// length is a length of time; days are 24 hours.
func length(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 3660 {
			return 0, fmt.Errorf("%q is no length of time", s)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return time.ParseDuration(s)
}

// cadence reads 8h, 1d, 2w, 1mo.
func cadence(s string) (every int, unit rota.Unit, err error) {
	if s == "" {
		return 1, rota.Weekly, nil
	}
	m := regexp.MustCompile(`^([1-9][0-9]{0,3})(h|d|w|mo)$`).FindStringSubmatch(s)
	if m == nil {
		return 0, "", fmt.Errorf("%q is no time between hand-overs", s)
	}
	every, err = strconv.Atoi(m[1])
	return every, map[string]rota.Unit{"h": rota.Hourly, "d": rota.Daily, "w": rota.Weekly, "mo": rota.Monthly}[m[2]], err
}

// window reads a part of the week.
func (w WindowSpec) window() (out rota.Window, err error) {
	out.Holidays = rota.HolidayRule(w.Holidays)
	if out.From, err = minutes(w.From); err == nil {
		out.To, err = minutes(w.To)
	}
	if err != nil {
		return out, err
	}
	if len(w.Days) == 0 {
		w.Days = []string{"mon-sun"}
	}
	for _, d := range w.Days {
		first, last, ranged := strings.Cut(d, "-")
		if !ranged {
			last = first
		}
		a, okA := weekday(first)
		b, okB := weekday(last)
		if !okA || !okB {
			return out, fmt.Errorf("%q is no day of the week", d)
		}
		for ; ; a = (a + 1) % 7 {
			out.Days[a] = true
			if a == b {
				break
			}
		}
	}
	return out, nil
}

func weekday(s string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(s, d.String()[:3]) || strings.EqualFold(s, d.String()) {
			return d, true
		}
	}
	return 0, false
}

func minutes(s string) (int, error) {
	if s == "" || s == "24:00" {
		return 0, nil
	}
	at, err := time.Parse("15:04", s)
	if err != nil {
		return 0, fmt.Errorf("%q is no clock such as 09:00", s)
	}
	return at.Hour()*60 + at.Minute(), nil
}
