package ical

import (
	"strconv"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/rota"
)

// zones finds zones by the names that calendars give them.
type zones struct {
	known    map[string]*rota.Zone
	alias    map[string]string // by VTIMEZONE's X-LIC-LOCATION
	utc      *rota.Zone
	floating *rota.Zone // of times that name no zone
}

const maxZones = 100 // of one calendar: each is a table

// find returns the zone with a name, or nil.
func (z zones) find(name string) *rota.Zone {
	if found, ok := z.known[name]; ok {
		return found
	}
	if len(z.known) >= maxZones {
		return nil
	}
	out := z.load(name)
	if out == nil && z.alias[name] != "" {
		out = z.load(z.alias[name])
	}
	z.known[name] = out
	return out
}

func (z zones) load(name string) *rota.Zone {
	name = strings.Trim(strings.TrimSpace(name), `"`)
	if iana := windowsZone(name); iana != "" {
		name = iana
	}
	if strings.EqualFold(name, "UTC") || name == "Etc/UTC" || name == "GMT" {
		return z.utc
	}
	// Some write /mozilla.org/20050126_1/Europe/Berlin.
	for rest := strings.TrimPrefix(name, "/"); rest != ""; {
		if out, err := rota.LoadZone(rest); err == nil {
			for _, k := range z.known {
				if k != nil && k.String() == out.String() {
					return k // one zone, one pointer: see ends
				}
			}
			return out
		}
		_, after, ok := strings.Cut(rest, "/")
		if !ok {
			return nil
		}
		rest = after
	}
	return nil
}

// windowsZone is the IANA name of a zone as Windows and Outlook call it, or "".
func windowsZone(name string) string {
	if i := strings.Index(name, ") "); i > 0 && name[0] == '(' {
		name = name[i+2:] // (UTC+09:00) Osaka, Sapporo, Tokyo
	}
	return map[string]string{
		"utc":                                   "UTC",
		"coordinated universal time":            "UTC",
		"z":                                     "UTC",
		"tokyo standard time":                   "Asia/Tokyo",
		"osaka, sapporo, tokyo":                 "Asia/Tokyo",
		"japan standard time":                   "Asia/Tokyo",
		"korea standard time":                   "Asia/Seoul",
		"seoul":                                 "Asia/Seoul",
		"china standard time":                   "Asia/Shanghai",
		"beijing, chongqing, hong kong, urumqi": "Asia/Shanghai",
		"singapore standard time":               "Asia/Singapore",
		"kuala lumpur, singapore":               "Asia/Singapore",
		"india standard time":                   "Asia/Kolkata",
		"chennai, kolkata, mumbai, new delhi":   "Asia/Kolkata",
		"aus eastern standard time":             "Australia/Sydney",
		"canberra, melbourne, sydney":           "Australia/Sydney",
		"gmt standard time":                     "Europe/London",
		"dublin, edinburgh, lisbon, london":     "Europe/London",
		"greenwich mean time : dublin, edinburgh, lisbon, london": "Europe/London",
		"w. europe standard time":                                 "Europe/Berlin",
		"amsterdam, berlin, bern, rome, stockholm, vienna":        "Europe/Berlin",
		"romance standard time":                                   "Europe/Paris",
		"brussels, copenhagen, madrid, paris":                     "Europe/Paris",
		"central europe standard time":                            "Europe/Budapest",
		"belgrade, bratislava, budapest, ljubljana, prague":       "Europe/Budapest",
		"eastern standard time":                                   "America/New_York",
		"eastern time (us & canada)":                              "America/New_York",
		"central standard time":                                   "America/Chicago",
		"central time (us & canada)":                              "America/Chicago",
		"mountain standard time":                                  "America/Denver",
		"mountain time (us & canada)":                             "America/Denver",
		"us mountain standard time":                               "America/Phoenix",
		"arizona":                                                 "America/Phoenix",
		"pacific standard time":                                   "America/Los_Angeles",
		"pacific time (us & canada)":                              "America/Los_Angeles",
		"e. south america standard time":                          "America/Sao_Paulo",
		"brasilia":                                                "America/Sao_Paulo",
	}[strings.ToLower(name)]
}

// clock reads a date or a time.
func (z zones) clock(p prop, value string) (clock, error) {
	value = strings.TrimSpace(value)
	remedy := "write 20261128, 20261128T090000Z or, with TZID, 20261128T090000"
	wrong := func() (clock, error) {
		return clock{}, p.wrong(strconv.Quote(shortened(value))+" is no date or time", remedy)
	}
	c := clock{zone: z.floating, date: p.params["VALUE"] == "DATE" || len(value) == 8}
	layout := dateLayout
	text := value
	if c.date {
		c.zone = z.utc
	} else {
		layout = "20060102T150405"
		switch name := p.params["TZID"]; {
		case strings.HasSuffix(value, "Z"):
			text, c.zone = value[:len(value)-1], z.utc
		case name != "":
			if c.zone = z.find(name); c.zone == nil {
				return clock{}, p.wrong("names the unknown zone "+strconv.Quote(shortened(name)), "use an IANA name such as TZID=Asia/Tokyo")
			}
		}
	}
	t, err := time.Parse(layout, text)
	if err != nil || t.Year() < 1900 || t.Year() > 2199 {
		return wrong()
	}
	c.local = t.Unix()
	return c, nil
}
