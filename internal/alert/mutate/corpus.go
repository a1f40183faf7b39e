package mutate

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/metrics"
)

// Corpus is a made-up week of services and jobs with their rules, some of which
// have a gap that is known.
type Corpus struct {
	From, To time.Time
	Series   []metrics.Points
	Files    map[string]string // of rules and objectives, path to text
	Planted  []Planted
}

// Planted is a gap that was put there.
type Planted struct {
	Service  string
	Metric   string
	Mutation Mutation
	Why      string
}

// What is left out or wrong in the rules of a service or a job.
const (
	noAbsent   = "no rule says that it is gone"
	tooHigh    = "the limit of errors is 50 %"
	tooLong    = "the for is longer than the outage"
	onlyZero   = "only nothing at all is too little"
	noTraffic  = "only the share of errors is watched"
	tooSlow    = "the limit of the latency is a minute"
	aDay       = 24 * time.Hour
	corpusStep = time.Minute
)

// NewCorpus makes a corpus, always the same for a seed.
func NewCorpus(seed uint64) Corpus {
	from := time.Date(2026, 4, 7, 0, 0, 0, 0, time.UTC)                                                                             // a Tuesday
	b := corpus{dice: rand.New(rand.NewPCG(seed, 17)), out: Corpus{From: from, To: from.Add(7 * aDay), Files: map[string]string{}}} //nolint:gosec // made-up data
	for i, lack := range []string{"", "", "", "", "", "", tooHigh, noTraffic, tooSlow, noAbsent} {
		b.service([]string{"api", "cart", "search", "login", "stock", "mail", "payment", "report", "images", "geo"}[i], lack)
	}
	for i, lack := range []string{"", "", "", "", noAbsent, tooLong, onlyZero} {
		period := time.Hour
		if i == 1 {
			period = 6 * time.Hour
		}
		b.job([]string{"invoices", "backup", "ledger", "sync", "export", "cleanup", "import"}[i], period, lack)
	}
	b.objective("checkout")
	b.out.Files["rules.yaml"] = "groups:\n" + b.rules.String()
	return b.out
}

type corpus struct {
	dice  *rand.Rand
	out   Corpus
	rules strings.Builder
}

func (b *corpus) group(name string) { fmt.Fprintf(&b.rules, "- name: %s\n  rules:\n", name) }

func (b *corpus) rule(name, severity, hold, format string, args ...any) {
	fmt.Fprintf(&b.rules, "  - {alert: %s, for: %s, labels: {severity: %s}, expr: %q}\n", name, hold, severity, fmt.Sprintf(format, args...))
}

func (b *corpus) plant(service, metric, why string, all ...Mutation) {
	for _, m := range all {
		b.out.Planted = append(b.out.Planted, Planted{service, metric, m, why})
	}
}

// series adds one series: value says what it is at a time.
func (b *corpus) series(name string, labels map[string]string, value func(at time.Time) float64) {
	p := metrics.Points{Labels: map[string]string{metrics.NameLabel: name}}
	maps.Copy(p.Labels, labels)
	for at := b.out.From; !at.After(b.out.To); at = at.Add(corpusStep) {
		p.T, p.V = append(p.T, at.UnixMilli()), append(p.V, value(at))
	}
	b.out.Series = append(b.out.Series, p)
}

// usual is the traffic of a time of the day in events a second.
func usual(at time.Time) float64 {
	return 6 + 4*math.Sin(2*math.Pi*float64(at.Hour()*60+at.Minute()-540)/1440)
}

// traffic adds the counters and buckets of a service.
func (b *corpus) traffic(s string) {
	size := 0.5 + 2*b.dice.Float64()
	sum := map[string]float64{}
	grows := func(key string, share float64) func(time.Time) float64 {
		return func(at time.Time) float64 {
			sum[key] += share * size * usual(at) * 60 * (0.95 + 0.1*b.dice.Float64())
			return math.Floor(sum[key])
		}
	}
	b.series("http_requests_total", map[string]string{"service": s, "code": "200"}, grows("200", 0.999))
	b.series("http_requests_total", map[string]string{"service": s, "code": "500"}, grows("500", 0.0002))
	for _, le := range []struct {
		text  string
		share float64
	}{{"0.05", 0.3}, {"0.1", 0.6}, {"0.25", 0.9}, {"0.5", 0.99}, {"1", 0.995}, {"2.5", 0.999}, {"5", 1}, {"+Inf", 1}} {
		b.series("http_request_duration_seconds_bucket", map[string]string{"service": s, "le": le.text}, func(t time.Time) float64 {
			return math.Floor(le.share * size * 360 * t.Sub(b.out.From).Minutes())
		})
	}
	b.series("up", map[string]string{"job": s, "instance": s + "-0"}, func(time.Time) float64 { return 1 })
}

func (b *corpus) service(s, lack string) {
	b.traffic(s)
	b.group(s)
	id := fmt.Sprintf("{service=%q}", s)
	limit, slow := "0.02", "1"
	switch lack {
	case tooHigh:
		limit = "0.5"
		b.plant(s, "http_requests_total", lack, Errors5)
	case tooSlow:
		slow = "60"
		b.plant(s, "http_request_duration_seconds_bucket", lack, Tenfold)
	case noTraffic:
		b.plant(s, "http_requests_total", lack, Flat, Halve, Vanish)
	case noAbsent:
		b.plant(s, "up", lack, Vanish)
	}
	b.rule(s+"Errors", "page", "2m", `sum(rate(http_requests_total{service=%q,code=~"5.."}[5m])) / sum(rate(http_requests_total%s[5m])) > %s`, s, id, limit)
	if lack != noTraffic {
		b.rule(s+"Traffic", "page", "5m", "sum(rate(http_requests_total%s[10m])) < 0.7 * sum(rate(http_requests_total%s[10m] offset 1d))", id, id)
		b.rule(s+"Gone", "page", "5m", "absent(http_requests_total%s)", id)
	}
	b.rule(s+"Slow", "ticket", "5m", "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket%s[5m]))) > %s", id, slow)
	b.rule(s+"Down", "page", "2m", "up{job=%q} == 0", s)
	if lack != noAbsent {
		b.rule(s+"NoTarget", "ticket", "5m", "absent(up{job=%q})", s)
	}
}

func (b *corpus) job(j string, period time.Duration, lack string) {
	shift := time.Duration(b.dice.IntN(int(period/corpusStep))) * corpusStep
	last := func(at time.Time) time.Time { return at.Add(-shift).Truncate(period).Add(shift) }
	id := fmt.Sprintf("{job_name=%q}", j)
	labels := map[string]string{"job_name": j}
	b.series("job_last_success_timestamp_seconds", labels, func(at time.Time) float64 { return float64(last(at).Unix()) })
	rows := map[time.Time]float64{}
	b.series("job_rows_written", labels, func(at time.Time) float64 {
		l := last(at)
		if rows[l] == 0 {
			rows[l] = math.Round(10_000 * (0.95 + 0.1*b.dice.Float64()))
		}
		return rows[l]
	})
	b.group(j)
	hold, few := "1m", fmt.Sprintf("job_rows_written%s < 0.7 * job_rows_written%s offset 1d", id, id)
	switch lack {
	case tooLong:
		hold = "3h"
		b.plant(j, "job_last_success_timestamp_seconds", lack, Drop, Delay)
	case onlyZero:
		few = fmt.Sprintf("job_rows_written%s == 0", id)
		b.plant(j, "job_rows_written", lack, Halve)
	case noAbsent:
		b.plant(j, "job_last_success_timestamp_seconds", lack, Vanish)
	}
	b.rule(j+"Late", "page", hold, "time() - job_last_success_timestamp_seconds%s > %d", id, int(1.25*period.Seconds()))
	b.rule(j+"Rows", "ticket", "5m", "%s", few)
	b.rule(j+"Same", "ticket", "1m", "changes(job_rows_written%s[%dm]) == 0", id, int(2.5*period.Minutes()))
	if lack != noAbsent {
		b.rule(j+"Gone", "page", "5m", "absent(job_last_success_timestamp_seconds%s)", id)
		b.rule(j+"NoRows", "ticket", "5m", "absent(job_rows_written%s)", id)
	}
}

// objective adds a service whose errors an objective watches.
func (b *corpus) objective(s string) {
	b.traffic(s)
	id := fmt.Sprintf("{service=%q}", s)
	b.out.Files["service.yaml"] = "apiVersion: hinoban/v1\nkind: Service\nmetadata: {name: " + s + "}\nspec: {tier: 1, team: shop}\n---\napiVersion: hinoban/v1\nkind: Team\nmetadata: {name: shop}\nspec: {members: [aoi]}\n---\napiVersion: hinoban/v1\nkind: Person\nmetadata: {name: aoi, displayName: Aoi}\nspec: {email: aoi@example.org, timeZone: Asia/Tokyo}\n"
	b.out.Files["slo.yaml"] = fmt.Sprintf(`apiVersion: openslo/v1
kind: SLO
metadata: {name: %[1]s-availability}
spec:
  service: %[1]s
  budgetingMethod: Occurrences
  timeWindow: [{duration: 30d, isRolling: true}]
  indicator:
    metadata: {name: %[1]s-errors}
    spec:
      ratioMetric:
        counter: true
        bad: {metricSource: {type: Prometheus, spec: {query: 'sum(http_requests_total{service="%[1]s",code=~"5.."})'}}}
        total: {metricSource: {type: Prometheus, spec: {query: 'sum(http_requests_total{service="%[1]s"})'}}}
  objectives: [{displayName: good, target: 0.999}]
`, s)
	b.group(s)
	b.rule(s+"Traffic", "page", "5m", "sum(rate(http_requests_total%s[10m])) < 0.7 * sum(rate(http_requests_total%s[10m] offset 1d))", id, id)
	b.rule(s+"Gone", "page", "5m", "absent(http_requests_total%s)", id)
}
