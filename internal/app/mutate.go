package app

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/mutate"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/metrics"
	"github.com/hinoban/hinoban/internal/metrics/promreplay"
	"github.com/hinoban/hinoban/internal/metrics/promtest"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/burn"
	"github.com/hinoban/hinoban/internal/slo/meter"
	"github.com/hinoban/hinoban/internal/slo/replay"
	"github.com/hinoban/hinoban/internal/slo/slotest"
)

// MutateOptions say what is injected into which past.
type MutateOptions struct {
	Past      Past   // whose Since is how much of it; default 7 days
	Series    string // a file of `promtool test rules`: the series of its first test are the past
	Seed      uint64
	Within    time.Duration
	Rules     []string
	Mutations []string
	Progress  func(done, of int)
}

// Mutations is what came of a mutation test.
type Mutations = mutate.Report

// maxPast is how many samples of the past are held in memory, at 16 bytes each.
const maxPast = 20_000_000

// MutateRules injects failures into the past of what the rules and objectives of a
// folder select, and says which nothing would have caught. A nil folder is a made-up
// week with gaps that are known. Problems are those that keep rules from being read.
func MutateRules(ctx context.Context, folder fs.FS, o MutateOptions) (out mutate.Report, problems ascode.Problems, err error) {
	var series []metrics.Points
	var from, to time.Time
	if folder == nil {
		c := mutate.NewCorpus(o.Seed)
		files := fstest.MapFS{}
		for n, text := range c.Files {
			files[n] = &fstest.MapFile{Data: []byte(text)}
		}
		folder, series, from, to = files, c.Series, c.From, c.To
	}
	set, problems := loadFolder(folder)
	p, more := buildLoose(set)
	problems = append(problems, more...)
	m, err := newMutation(p)
	if err != nil {
		return out, problems, err
	}
	if series == nil {
		if series, from, to, err = m.past(ctx, o); err != nil {
			return out, problems, err
		}
	}
	m.samples = promreplay.NewSamples(series)
	run := mutate.Options{From: from, To: to, Seed: o.Seed, Within: o.Within, Rules: o.Rules, Progress: o.Progress, Skip: func(u metrics.Use) bool { return m.recorded[u.Metric] != nil }}
	for _, x := range o.Mutations {
		if !slices.Contains(mutate.Mutations(), mutate.Mutation(x)) {
			return out, problems, errs.New(errs.Invalid, "there is no mutation %q: drop, delay, halve, flat, vanish, errors5, errors100 and tenfold are", x)
		}
		run.Mutations = append(run.Mutations, mutate.Mutation(x))
	}
	for _, id := range o.Rules {
		if !slices.ContainsFunc(m.watches, func(w mutate.Watch) bool { return w.ID == id }) {
			return out, problems, errs.New(errs.NotFound, "there is no rule or objective %q with an expression", id)
		}
	}
	out, err = mutate.Run(ctx, m, m.watches, series, run)
	out.Notes = append(m.notes, out.Notes...)
	return out, problems, err
}

// mutation is the rules and objectives of a folder over a past. It implements
// mutate.Past.
type mutation struct {
	watches    []mutate.Watch
	objectives map[string]slo.Objective
	rules      *promreplay.Rules
	recorded   map[string][]metrics.Use // by the series that a rule records: what it is made of
	groups     map[string][]string      // by watch: the keys of the groups that it needs
	warm       map[string]time.Duration // by watch: how long what is recorded for it must be recorded first
	samples    *promreplay.Samples
	notes      []string
}

var _ mutate.Past = (*mutation)(nil)

func groupKeyOf(file, name string) string { return file + "\xff" + name }

func newMutation(p plans) (*mutation, error) {
	m := &mutation{objectives: map[string]slo.Objective{}, recorded: map[string][]metrics.Use{}, groups: map[string][]string{}, warm: map[string]time.Duration{}}
	var files []promreplay.File
	for _, f := range p.rules.Files() {
		files = append(files, promreplay.File(f))
	}
	var err error
	if m.rules, err = promreplay.Read(files, rule.DefaultEvery); err != nil {
		return nil, err
	}
	records := map[string][]string{} // by recorded series: the groups
	for _, g := range m.rules.Groups() {
		for _, r := range g.Rules {
			if uses, err := metrics.Uses(r.Expr); err == nil && r.Record {
				m.recorded[r.Name] = append(m.recorded[r.Name], uses...)
				records[r.Name] = append(records[r.Name], groupKeyOf(g.File, g.Name))
			}
		}
	}
	m.alerting(p, records)
	m.objectivesOf(p.objectives)
	return m, nil
}

// alerting adds the rules that alert as watches: those of one name are one.
func (m *mutation) alerting(p plans, records map[string][]string) {
	byID, look, with := map[string]int{}, map[string]time.Duration{}, assumed(p)
	for _, g := range m.rules.Groups() {
		for _, x := range g.Rules {
			uses, err := metrics.Uses(x.Expr)
			if err != nil || x.Record {
				continue
			}
			id := watchOf(g.File, x.Name)
			i, ok := byID[id]
			if !ok {
				i = len(m.watches)
				byID[id], m.watches = i, append(m.watches, mutate.Watch{ID: id})
			}
			w := &m.watches[i]
			m.groups[id] = append(m.groups[id], groupKeyOf(g.File, g.Name))
			for _, r := range p.rules.Named(id) {
				w.Reach = max(w.Reach, rule.Computed(r.Timing(with)).Worst)
			}
			w.Hold, w.Reach = max(w.Hold, x.For), max(w.Reach, x.For+2*g.Every)
			w.Uses = append(w.Uses, m.through(id, uses, records, 0)...)
			look[id] = max(look[id], longestRange(w.Uses))
		}
	}
	for i := range m.watches {
		m.watches[i].Reach += look[m.watches[i].ID]
	}
}

// longestRange is what an expression needs to see of the present.
func longestRange(uses []metrics.Use) (out time.Duration) {
	for _, u := range uses {
		if u.Offset == 0 {
			out = max(out, u.Range)
		}
	}
	return out
}

// watchOf is the id of the rule of an alert: of a document its name.
func watchOf(file, name string) string {
	if id, ok := strings.CutPrefix(file, rule.OwnPath("")); ok {
		return id
	}
	return name
}

// through are uses, and those of what records them.
func (m *mutation) through(id string, uses []metrics.Use, records map[string][]string, depth int) (out []metrics.Use) {
	for _, u := range uses {
		out = append(out, u)
		made, ok := m.recorded[u.Metric]
		if !ok || depth > 8 {
			continue
		}
		m.warm[id] += u.Range + u.Offset + 2*rule.DefaultEvery
		for _, g := range records[u.Metric] {
			if !slices.Contains(m.groups[id], g) {
				m.groups[id] = append(m.groups[id], g)
			}
		}
		for _, x := range m.through(id, made, records, depth+1) {
			if x.Ratio == 0 { // what is low above is low below
				x.Low, x.High = u.Low, u.High
			}
			x.Age = x.Age || u.Age
			out = append(out, x)
		}
	}
	return out
}

// objectivesOf adds objectives as watches.
func (m *mutation) objectivesOf(all []slo.Objective) {
	for _, o := range all {
		uses, err := usesOf(o)
		if err != nil || len(o.Pairs) == 0 {
			if err != nil {
				m.notes = append(m.notes, o.ID+" is not judged: "+err.Error())
			}
			continue
		}
		m.objectives[o.ID] = o
		m.watches = append(m.watches, mutate.Watch{ID: o.ID, Uses: uses, Reach: 2*time.Minute + o.Absent.After, Burns: func(bad float64) (after time.Duration, ok bool) {
			for _, p := range o.Pairs {
				if x := slo.Promised(o, p, bad); x.Fires && (!ok || x.After+p.For < after) {
					after, ok = x.After+p.For, true
				}
			}
			return after, ok
		}})
	}
}

// usesOf are the selectors of an objective, as a rule on it would have them.
func usesOf(o slo.Objective) ([]metrics.Use, error) {
	over := func(q string) (string, error) {
		fn := "sum_over_time"
		if o.SLI.Counter {
			fn = "increase"
		}
		return metrics.OverWindow(q, fn, 5*time.Minute)
	}
	part, op := o.SLI.Bad, "> 0.001"
	if part == "" {
		part, op = o.SLI.Good, "< 0.999"
	}
	switch {
	case o.Composite != nil:
		return nil, errors.New("a composite is judged by its parts")
	case o.SLI.Threshold != "":
		ops := map[string]string{"lt": ">=", "lte": ">", "gt": "<=", "gte": "<"}
		return metrics.Uses("(" + o.SLI.Threshold + ") " + ops[o.SLI.Op] + " 1")
	case o.SLI.Raw != "":
		q, err := metrics.OverWindow(o.SLI.Raw, "increase", 5*time.Minute)
		if err != nil {
			return nil, err
		}
		if o.SLI.RawFails {
			return metrics.Uses("(" + q + ") > 0.001")
		}
		return metrics.Uses("(" + q + ") < 0.999")
	}
	above, err := over(part)
	if err != nil {
		return nil, err
	}
	below, err := over(o.SLI.Total)
	if err != nil {
		return nil, err
	}
	return metrics.Uses("(" + above + ") / (" + below + ") " + op)
}

// Alarms implements mutate.Past.
func (m *mutation) Alarms(ctx context.Context, watches []string, changed []metrics.Points, from, to time.Time) (out []mutate.Alarm, err error) {
	s := m.samples.With(changed)
	needed, warm := map[string]bool{}, time.Duration(0)
	for _, id := range watches {
		for _, g := range m.groups[id] {
			needed[g] = true
		}
		warm = max(warm, min(m.warm[id], 24*time.Hour))
		if o, ok := m.objectives[id]; ok {
			mine, err := m.burns(ctx, s, o, from, to)
			if err != nil {
				return nil, err
			}
			out = append(out, mine...)
		}
	}
	fired, err := m.rules.Play(ctx, s, func(g promreplay.Group) bool { return needed[groupKeyOf(g.File, g.Name)] }, from.Add(-warm), to)
	for _, a := range fired {
		id := watchOf(a.File, a.Name)
		if alert.SeverityOf(a.Labels["severity"]) == alert.Info || !slices.Contains(watches, id) {
			continue
		}
		out = append(out, mutate.Alarm{Watch: id, Key: a.File + a.Group + metrics.Series{Labels: a.Labels}.Key(), From: a.From, To: a.To})
	}
	return out, err
}

// Try implements mutate.Past.
func (m *mutation) Try(ctx context.Context, p mutate.Proposal, changed []metrics.Points, from, to time.Time) (out []mutate.Alarm, err error) {
	set, problems := ascode.Parse(map[string]string{"proposal.yaml": p.Document()}, rule.Kinds())
	built, bad := rule.Build(set, rule.Deps{})
	if err := append(problems, bad...).Err(); err != nil {
		return nil, err
	}
	var files []promreplay.File
	for _, f := range built.Files() {
		files = append(files, promreplay.File(f))
	}
	r, err := promreplay.Read(files, rule.DefaultEvery)
	if err != nil {
		return nil, err
	}
	fired, err := r.Play(ctx, m.samples.With(changed), nil, from, to)
	for _, a := range fired {
		out = append(out, mutate.Alarm{Watch: a.Name, Key: metrics.Series{Labels: a.Labels}.Key(), From: a.From, To: a.To})
	}
	return out, err
}

// burns is when an objective would have paged or made a ticket: on the meter and the
// arithmetic of the server.
func (m *mutation) burns(ctx context.Context, s *promreplay.Samples, o slo.Objective, from, to time.Time) (out []mutate.Alarm, err error) {
	back := time.Hour
	for _, p := range o.Pairs {
		back = max(back, p.Long)
	}
	counts, err := meter.New(meter.Options{Reader: s, Engine: promreplay.Engine{Rules: m.rules, Samples: s}, Keeper: forgetful{}, Now: func() time.Time { return to }})
	if err != nil {
		return nil, err
	}
	h, err := pastOf{counts}.History(ctx, o, from.Add(-min(back, 7*24*time.Hour)), to)
	if err != nil {
		return nil, err
	}
	r := replay.Backtest(h, o, []replay.Plan{{Name: o.ID, Pairs: o.Pairs}}, nil, replay.Options{})[0]
	add := func(key string, from, to time.Time) {
		out = append(out, mutate.Alarm{Watch: o.ID, Key: key, From: from, To: to})
	}
	for _, i := range r.Pages {
		add("page", i.From, i.To)
	}
	for _, i := range r.Tickets {
		add("ticket", i.From, i.To)
	}
	for _, i := range h.Silent {
		if o.Absent.After > 0 && i.Length() >= o.Absent.After {
			add("absent", i.From.Add(o.Absent.After), i.To)
		}
	}
	return out, nil
}

// forgetful is a meter.Keeper of a past that is read once.
type forgetful struct{}

// Open implements meter.Keeper.
func (forgetful) Open(int, burn.Tier) (burn.Rows, error) { return &burn.Memory{}, nil }

// Load implements meter.Keeper.
func (forgetful) Load() (meter.Checkpoint, error) { return meter.Checkpoint{}, nil }

// Save implements meter.Keeper.
func (forgetful) Save(meter.Checkpoint) error { return nil }

// past reads the samples of all that the watches select.
func (m *mutation) past(ctx context.Context, o MutateOptions) (out []metrics.Points, from, to time.Time, err error) {
	if o.Series != "" {
		return seriesFile(o.Series)
	}
	if o.Past.Since == 0 {
		o.Past.Since = 7 * 24 * time.Hour
	}
	engine, done, err := openPast(ctx, o.Past)
	if err != nil {
		return nil, from, to, err
	}
	defer done()
	reader, ok := engine.(metrics.Reader)
	if !ok {
		return nil, from, to, errs.New(errs.Invalid, "raw samples cannot be had from there")
	}
	to = time.Now().Truncate(time.Minute)
	from = to.Add(-o.Past.Since)
	all, n := map[string]*metrics.Points{}, 0
	for _, sel := range m.selectors() {
		err := reader.Read(ctx, metrics.Watch{Selector: sel}, from, to, func(p metrics.Points) error {
			key := metrics.Series{Labels: p.Labels}.Key()
			s := all[key]
			if s == nil {
				s = &metrics.Points{Labels: maps.Clone(p.Labels)}
				all[key] = s
			}
			for i, t := range p.T {
				if len(s.T) == 0 || t > s.T[len(s.T)-1] {
					s.T, s.V, n = append(s.T, t), append(s.V, p.V[i]), n+1
				}
			}
			if n > maxPast {
				return errs.New(errs.Invalid, "the past has more than %d samples: shorten --since, or name rules by --rule", maxPast)
			}
			return nil
		})
		if err != nil {
			return nil, from, to, err
		}
	}
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, *all[k])
	}
	return out, from, to, nil
}

// selectors are those of all watches, each once.
func (m *mutation) selectors() (out []metrics.Selector) {
	seen := map[string]bool{}
	for _, w := range m.watches {
		for _, u := range w.Uses {
			sel := slices.Clone(u.Matchers)
			if u.Metric != "" {
				// All series of the metric: what is of its total alone can be among them.
				sel = metrics.Selector{{Name: metrics.NameLabel, Op: "=", Value: u.Metric}}
			}
			if !seen[sel.String()] {
				seen[sel.String()] = true
				out = append(out, sel)
			}
		}
	}
	return out
}

// seriesFile reads the past from a test file.
func seriesFile(name string) (out []metrics.Points, from, to time.Time, err error) {
	text, err := os.ReadFile(name) //nolint:gosec // the user names it
	if err != nil {
		return nil, from, to, errs.New(errs.NotFound, "read the series: %w", err)
	}
	f, problems := slotest.Parse(name, string(text))
	if err := problems.Err(); err != nil {
		return nil, from, to, err
	}
	if len(f.Tests) == 0 {
		return nil, from, to, errs.New(errs.Invalid, "%s has no test, and so no series", name)
	}
	from = f.Tests[0].Started()
	to = from
	for _, s := range f.Tests[0].Input {
		in, err := promtest.ParseSeries(s.Series, s.Values.Value)
		if err != nil {
			return nil, from, to, errs.New(errs.Invalid, "%s:%d: %w", name, s.Values.Line, err)
		}
		p := metrics.Points{Labels: in.Labels}
		for i, v := range in.Values {
			at := from.Add(time.Duration(i) * f.Tests[0].Interval.D)
			if v.Missing || v.Histogram != nil {
				continue
			}
			p.T, p.V = append(p.T, at.UnixMilli()), append(p.V, v.V)
			if at.After(to) {
				to = at
			}
		}
		out = append(out, p)
	}
	return out, from, to, nil
}
