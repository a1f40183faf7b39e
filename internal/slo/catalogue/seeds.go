package catalogue

import (
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/slo"
)

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * time.Hour
)

// byBudget is a row whose rate follows from the share of the budget.
func byBudget(s alert.Severity, share float64, long, short time.Duration) Row {
	return Row{Budget: share, Pair: slo.Pair{Severity: s, Long: long, Short: short}}
}

// byRate is a row whose rate is given.
func byRate(s alert.Severity, rate float64, long, short time.Duration) Row {
	return Row{Pair: slo.Pair{Severity: s, Rate: rate, Long: long, Short: short}}
}

// holding is a row that must burn for a while.
func holding(r Row, d time.Duration) Row {
	r.For = d
	return r
}

func months() []time.Duration { return []time.Duration{28 * day, 30 * day} }

func seed(name, title, source string, e Entry) Catalogue {
	if e.ID == "" {
		e.ID = name
	}
	return Catalogue{Name: name, Title: title, Source: source, Seed: true, Entries: []Entry{e}}
}

// Seeds are sets of burn rates that are in use elsewhere, each as published, and
// our own for little traffic.
func Seeds() []Catalogue {
	out := append(workbookSeeds(), productSeeds()...)
	return append(out, lowTraffic())
}

func workbookSeeds() []Catalogue {
	google := func() []Row {
		return []Row{
			byBudget(alert.Page, 0.02, hour, 5*minute), byBudget(alert.Page, 0.05, 6*hour, 30*minute),
			byBudget(alert.Ticket, 0.10, day, 2*hour), byBudget(alert.Ticket, 0.10, 3*day, 6*hour),
		}
	}
	return []Catalogue{
		seed("google-30d", "Google, 30 days", "The Site Reliability Workbook, chapter 5, table 5-8 and the rules after it", Entry{
			Match: Match{Periods: []time.Duration{30 * day}}, Pairs: google(),
			Rationale: "2 % of the budget in an hour and 5 % in six hours page; 10 % in a day or in three is a ticket.",
		}),
		seed("sloth-30d", "Sloth, 30 days", "Sloth 0.16, built-in alert windows google-30d", Entry{
			Match: Match{Periods: []time.Duration{30 * day}}, Pairs: google(), Rationale: "As the workbook's.",
		}),
		seed("sloth-28d", "Sloth, 28 days", "Sloth 0.16, built-in alert windows google-28d", Entry{
			Match: Match{Periods: []time.Duration{28 * day}}, Pairs: google(),
			Rationale: "The workbook's shares over 28 days. The last pair is 0.933x: it calls while the objective keeps its promise.",
		}),
		seed("sloth-7d", "Sloth, 7 days", "Sloth, example of alert windows for 7 days", Entry{
			Match: Match{Periods: []time.Duration{7 * day}}, Pairs: []Row{
				byBudget(alert.Page, 0.08, hour, 5*minute), byBudget(alert.Page, 0.125, 6*hour, 30*minute),
				byBudget(alert.Ticket, 0.20, day, 2*hour), byBudget(alert.Ticket, 0.42, 3*day, 6*hour),
			},
			Rationale: "A week's budget is small, so the shares are larger. The last pair is 0.98x: it calls while the objective keeps its promise.",
		}),
		seed("pyrra", "Pyrra, any period", "Pyrra, slo/slo.go: windows of 28 days that scale with the period", Entry{
			ScaleFrom: 28 * day, Absent: Absence{Auto: true, Severity: alert.Page}, Pairs: []Row{
				holding(byRate(alert.Page, 14, hour, 5*minute), 2*minute), holding(byRate(alert.Page, 7, 6*hour, 30*minute), 15*minute),
				holding(byRate(alert.Ticket, 2, day, 2*hour), hour), holding(byRate(alert.Ticket, 1, 4*day, 6*hour), 3*hour),
			},
			Rationale: "Factors stay, windows scale with the period and are rounded to minutes.",
		}),
	}
}

func productSeeds() []Catalogue {
	datadog := func(name string, days int, fast, mid, slow float64) Catalogue {
		return seed(name, "Datadog, "+strconv.Itoa(days)+" days", "Datadog documentation, burn rate alerts, recommended values", Entry{
			Match: Match{Periods: []time.Duration{time.Duration(days) * day}}, Pairs: []Row{
				byBudget(alert.Page, fast, hour, 5*minute), byBudget(alert.Page, mid, 6*hour, 30*minute), byBudget(alert.Ticket, slow, day, 2*hour),
			},
			Rationale: "Three pairs; the longest window is below 48 hours.",
		})
	}
	elastic := func(id string, periods []time.Duration, rates [4]float64) Entry {
		return Entry{ID: id, Match: Match{Periods: periods}, Pairs: []Row{
			byRate(alert.Page, rates[0], hour, 5*minute), byRate(alert.Page, rates[1], 6*hour, 30*minute),
			byRate(alert.Ticket, rates[2], day, 2*hour), byRate(alert.Ticket, rates[3], 3*day, 6*hour),
		}, Rationale: "Critical and high page, medium and low are tickets."}
	}
	week := elastic("elastic-7d", []time.Duration{7 * day}, [4]float64{3.36, 1.4, 0.7, 0.234})
	week.Rationale = "The factors of 30 days divided by the days: the last two are below 1x and call while the objective keeps its promise."
	return []Catalogue{
		datadog("datadog-7", 7, 0.10, 0.20, 0.40),
		datadog("datadog-30", 30, 0.02, 0.05, 0.10),
		datadog("datadog-90", 90, 0.01, 0.03, 0.05),
		{Name: "elastic", Title: "Elastic, 7, 30 and 90 days", Source: "Elastic Observability, default burn rate rules", Seed: true, Entries: []Entry{
			elastic("elastic-30d", months(), [4]float64{14.4, 6, 3, 1}), week, elastic("elastic-90d", []time.Duration{90 * day}, [4]float64{43.2, 18, 9, 3}),
		}},
		seed("slo-generator", "slo-generator, 28 days", "google/slo-generator, sample error budget policy", Entry{
			Match: Match{Periods: months()}, Pairs: []Row{
				byRate(alert.Page, 9, hour, 0), byRate(alert.Page, 3, 12*hour, 0), byRate(alert.Ticket, 1.5, 7*day, 0), byRate(alert.Ticket, 1, 28*day, 0),
			},
			Rationale: "One window each, so an alert stays for most of it after the end. At 7 days a quarter of the engineers work on reliability; at 28 days releases stop.",
		}),
		seed("nobl9", "Nobl9", "Nobl9 documentation, alert policy presets", Entry{
			Pairs: []Row{byRate(alert.Page, 20, 5*minute, 0), {Pair: slo.Pair{Severity: alert.Ticket, Rate: 1, Long: 48 * hour, Short: 15 * minute, ShortRate: 2}}},
			Budgets: []slo.BudgetAlert{
				{Severity: alert.Page, Watch: "exhausts_in", ExhaustsIn: 72 * hour, Over: 10 * minute},
				{Severity: alert.Ticket, Watch: "exhausts_in", ExhaustsIn: 480 * hour, Over: 48 * hour},
				{Severity: alert.Page, Watch: "drop", Share: 0.10, Over: 15 * minute},
				{Severity: alert.Ticket, Watch: "drop", Share: 0.05, Over: hour},
				{Severity: alert.Ticket, Watch: "remaining", Share: 0.20},
			},
			Rationale: "A fast and a slow burn, and what the budget does: gone in three days at this pace, a tenth gone in a quarter of an hour, four fifths gone.",
		}),
	}
}

// lowTraffic is our own: for one to a hundred events an hour. A burn rate of a
// handful of events says little, so a page asks for a large share of bad events
// over a window that holds some, and for more failures than a service that keeps
// its target has by chance. The numbers were found by simulation; ADR 0018 tells
// how, and what they cost.
func lowTraffic() Catalogue {
	entry := func(id string, from, to float64, loose bool, bad, confidence float64, long, short time.Duration) Entry {
		page := Row{Bad: bad, Pair: slo.Pair{Severity: alert.Page, Long: long, Short: short, Gate: slo.Gate{Confidence: confidence, Against: "budget"}}}
		slow := Row{Budget: 0.10, Pair: slo.Pair{Severity: alert.Ticket, Long: 3 * day, Short: 6 * hour, Gate: slo.Gate{Confidence: 0.999, Against: "budget"}}}
		m := Match{MinEvents: from, MaxEvents: to, MaxEventsPresent: true, From: target("0.995"), To: target("0.9999"), Bounded: true}
		if loose {
			m.From, m.To = target("0.9"), target("0.995")
		}
		return Entry{
			ID: id, Match: m, Pairs: []Row{page, slow}, Absent: Absence{After: time.Duration(float64(20*hour) / max(from, 0.5)).Round(minute), Severity: alert.Ticket},
			Rationale: "At most 0.1 false pages a year for a service that just keeps its target, and at most a tenth later than without the gate where half of the events fail or more.",
		}
	}
	return Catalogue{Name: "std-low-traffic", Title: "Little traffic, 1 to 100 events an hour", Source: "Hinoban's own, by simulation (ADR 0018)", Seed: true, Entries: []Entry{
		entry("high-target-30", 30, 100, false, 0.12, 0.99999, hour, 5*minute),
		entry("high-target-10", 10, 30, false, 0.30, 0.99999, hour, 5*minute),
		entry("high-target-3", 3, 10, false, 0.30, 0.9999, 2*hour, 10*minute),
		entry("high-target-1", 1, 3, false, 0.34, 0.9999, 6*hour, 30*minute),
		entry("low-target-30", 30, 100, true, 0.17, 0.99999, hour, 5*minute),
		entry("low-target-10", 10, 30, true, 0.30, 0.99999, 2*hour, 10*minute),
		entry("low-target-3", 3, 10, true, 0.35, 0.9999, 4*hour, 20*minute),
		entry("low-target-1", 1, 3, true, 0.30, 0.9999, 12*hour, hour),
		{
			ID: "rare", Match: Match{MaxEvents: 1, MaxEventsPresent: true}, Absent: Absence{After: 2 * day, Severity: alert.Ticket},
			Pairs:     []Row{{Bad: 0.01, Pair: slo.Pair{Severity: alert.Ticket, Long: 3 * day, Short: 6 * hour}}},
			Rationale: "Below one event an hour no page is both soon and right: each failure is a ticket. Add synthetic traffic to be paged.",
		},
	}}
}

// target reads a target of this file.
func target(s string) slo.Target {
	t, err := slo.ParseTarget(s, false)
	if err != nil {
		panic(err) // a seed that is no target is a mistake in this file
	}
	return t
}
