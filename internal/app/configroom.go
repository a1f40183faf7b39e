package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/hinoban/hinoban/internal/alert/am"
	"github.com/hinoban/hinoban/internal/alert/canary"
	"github.com/hinoban/hinoban/internal/alert/rule"
	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/hookout"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/ascode/ascodedb"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
	"github.com/hinoban/hinoban/internal/slo/composite"
	"github.com/hinoban/hinoban/internal/slo/dialect"
	"github.com/hinoban/hinoban/internal/slo/period"
	"github.com/hinoban/hinoban/internal/slo/policy"
)

// scrapeConfig is a prometheus.yml as it was read.
type scrapeConfig struct {
	path string
	text string
}

func scrapeKind() ascode.Kind {
	return ascode.Native("prometheus.yml", "ScrapeConfig", "What to scrape, in Prometheus' own form.", func(path string, text []byte) (scrapeConfig, ascode.Problems) {
		if err := promstore.CheckScrapeConfig(path, text); err != nil {
			return scrapeConfig{}, ascode.Problems{{File: path, Line: 1, Column: 1, Message: err.Error(), Fix: "static_configs, file_sd_configs and relabel_configs are read, as in Prometheus"}}
		}
		return scrapeConfig{path, string(text)}, nil
	})
}

// plans is what a set means to the rooms.
type plans struct {
	catalog    *catalog.Snapshot
	objectives []slo.Objective
	policies   []policy.Policy
	corrected  []period.Correction
	oncall     *oncall.Plan
	hooks      []hookout.Subscription
	routes     am.Set
	scrape     []ascode.Doc[scrapeConfig]
	rules      *rule.Set
	canaries   []canary.Canary
	notes      ascode.Problems // what was accepted leniently, and is a mistake as a rule
	rates      *catalogue.Set
	thoughts   ascode.Problems // what is no mistake and worth a thought
}

// build checks a set as a whole. It is pure.
func build(set *ascode.Set) (p plans, problems ascode.Problems) {
	var bad ascode.Problems
	p.catalog, bad = catalog.Build(set)
	problems = append(problems, bad...)
	known := map[string]bool{}
	for _, s := range p.catalog.Services {
		known[s.ID] = true
	}
	p.rates = ratesOf(set, p.catalog)
	built := dialect.Build(set, dialect.Deps{HasService: func(id string) bool { return known[id] }, Entry: entries(p.rates)})
	p.objectives, p.notes = built.Objectives, built.Notes
	problems = append(problems, built.Problems...)
	problems = append(problems, composites(p.objectives)...)
	p.policies, p.corrected, bad = buildBudgets(set, p)
	problems = append(problems, bad...)
	p.oncall, bad = oncall.Build(set)
	problems = append(problems, bad...)
	p.hooks, bad = hookout.Build(set)
	problems = append(problems, bad...)
	p.canaries = canary.Build(set)
	p.routes, bad = am.Of(set)
	problems = append(problems, bad...)
	p.scrape = ascode.Of[scrapeConfig](set)
	if len(p.scrape) > 1 {
		problems = append(problems, p.scrape[1].At("", "keep one prometheus.yml", "%s is read already", p.scrape[0].File))
	}
	p.rules, bad = buildRules(set, p, nil)
	problems = append(problems, bad...)
	found := lintSet(set, p)
	p.notes, p.thoughts = append(p.notes, found.warnings...), found.thoughts
	if len(problems) == 0 { // else what is found says again what was said
		problems = append(append(problems, found.errors...), lintRules(p)...)
	}
	return p, problems
}

// composites says which composites loop or are made of nothing.
func composites(list []slo.Objective) (out ascode.Problems) {
	by := map[string]slo.Objective{}
	for _, o := range list {
		by[o.ID] = o
	}
	for _, f := range composite.Check(list) {
		file, line, _ := strings.Cut(by[f.Objective].Source, ":")
		n, err := strconv.Atoi(line)
		if err != nil {
			n = 1
		}
		out = append(out, ascode.Problem{File: file, Line: n, Column: 1, Message: f.Message, Fix: "mend the parts of " + f.Objective})
	}
	return out
}

// entries finds the entries of burn-rate catalogues for objectives.
func entries(catalogues *catalogue.Set) func(string, slo.Objective) (dialect.Alerting, error) {
	return func(ref string, o slo.Objective) (a dialect.Alerting, err error) {
		a.Pairs, a.Budgets, a.Absent, err = catalogues.Pairs(ref, o)
		return a, err
	}
}

// Check reads a folder of documents and says what is wrong with it as a whole.
// The notes of the set are what was accepted leniently.
func Check(folder fs.FS) (*ascode.Set, ascode.Problems) {
	set, problems := loadFolder(folder)
	p, more := build(set)
	set.Notes = append(set.Notes, p.notes...)
	return set, append(problems, more...)
}

// configRoom keeps the documents in use and follows their folder.
type configRoom struct {
	app   *App
	log   *slog.Logger
	store *ascodedb.Store

	mu       sync.RWMutex
	set      *ascode.Set
	problems ascode.Problems // of the folder as it is now; the set in use is older then
	seen     string          // the signature of the folder that was applied or refused last
	last     string          // the signature of the last look
}

// openConfig applies the folder or, where it is broken, what was last applied.
func (a *App) openConfig(ctx context.Context) error {
	if err := a.db.Migrate(ctx, "ascode", ascodedb.Migrations); err != nil {
		return err
	}
	c := &configRoom{app: a, log: a.log, store: ascodedb.New(a.db, a.bus, a.sealer), set: &ascode.Set{}}
	a.config = c
	if a.standby != nil {
		return a.standby.usePlan(ctx)
	}
	files, err := c.store.Last(ctx)
	if errs.KindOf(err) == errs.Denied {
		a.log.WarnContext(ctx, "the last configuration cannot be opened: only the folder counts", "err", err)
	} else if err != nil {
		return err
	}
	last, _ := ascode.Parse(files, Kinds())
	p, problems := build(last)
	// What was good for an older version may be refused by this one: then only
	// the folder counts.
	if len(files) > 0 && len(problems) == 0 {
		if err := c.useScrape(p); err != nil {
			a.log.WarnContext(ctx, "the last scrape configuration is not usable", "err", err)
		}
		c.use(ctx, last, p)
	}
	if a.cfg.Folder == "" {
		return nil
	}
	if _, err := os.Stat(a.cfg.Folder); err != nil {
		return errs.New(errs.Invalid, "config folder: %w", err)
	}
	if err := c.reload(ctx); err != nil {
		return err
	}
	if bad := c.Problems(); len(bad) > 0 && len(c.Set().Documents) == 0 {
		return bad.Err() // there is no last good one to go on with
	}
	return nil
}

func (c *configRoom) module() module.Module {
	m := module.Module{Name: "config", Health: []httpd.HealthCheck{{Name: "config", Soft: true, Probe: func(context.Context) error {
		if bad := c.Problems(); len(bad) > 0 {
			return errs.New(errs.Invalid, "the last good configuration is in use; %d problem(s), the first: %s", len(bad), bad[0])
		}
		return nil
	}}}}
	if c.app.cfg.Folder != "" {
		m.Loops = []run.Loop{{Name: "config.reload", Every: c.app.cfg.ReloadEvery, Do: c.reload, Each: true}}
	}
	return m
}

// Set returns the documents in use.
func (c *configRoom) Set() *ascode.Set {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.set
}

// Problems returns what is wrong with the folder now; the set in use is good.
func (c *configRoom) Problems() ascode.Problems {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.problems
}

// reload looks at the folder and applies it where it changed and is right.
func (c *configRoom) reload(ctx context.Context) error {
	folder := os.DirFS(c.app.cfg.Folder)
	sign, err := signature(folder)
	if err != nil {
		return fmt.Errorf("look at the config folder: %w", err)
	}
	c.mu.Lock()
	settled := sign == c.last || c.seen == ""
	same := sign == c.seen
	c.last = sign
	c.mu.Unlock()
	// A folder in the middle of a checkout is not what anybody meant: it must
	// stay the same from one look to the next.
	if same || !settled {
		return nil
	}
	set, problems := loadFolder(folder)
	p, more := build(set)
	problems = append(problems, more...)
	if len(set.Documents) == 0 && len(c.Set().Documents) > 0 {
		problems = append(problems, ascode.Problem{File: ".", Message: "the folder is empty", Fix: "put the documents back; to run without any, start with an empty data folder"})
	}
	if len(problems) == 0 {
		if err = c.useScrape(p); err != nil {
			problems = append(problems, p.scrape[0].At("", "mend what it refers to", "%v", err))
		}
	}
	if len(problems) == 0 {
		if _, err = c.app.buildRoutes(p.routes); err != nil {
			problems = append(problems, p.routes.Problem(err))
		}
	}
	if len(problems) == 0 {
		err = c.apply(ctx, set, p)
	} else {
		c.log.ErrorContext(ctx, "configuration refused, the last good one stays", "problems", len(problems), "first", problems[0].String())
		err = c.store.Refuse(ctx, problems, c.app.now())
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen, c.problems = sign, problems
	return nil
}

func (c *configRoom) apply(ctx context.Context, set *ascode.Set, p plans) error {
	now := c.Set()
	changes := c.app.planned(set, p)
	if set.Sum() != now.Sum() {
		if err := c.store.Apply(ctx, set, changes, c.app.now()); err != nil {
			return fmt.Errorf("keep the configuration: %w", err)
		}
		c.log.InfoContext(ctx, "configuration applied", "documents", len(set.Documents), "changes", len(changes))
	}
	c.use(ctx, set, p)
	return nil
}

// useScrape puts the scrape configuration to work. It alone can fail, on what
// the folder refers to, and so comes before anything else is changed.
func (c *configRoom) useScrape(p plans) error {
	if c.app.tsdb != nil {
		name, text := "prometheus.yml", []byte("scrape_configs: []\n")
		if len(p.scrape) > 0 {
			name, text = c.app.cfg.Folder+"/"+p.scrape[0].Spec.path, []byte(p.scrape[0].Spec.text)
		}
		if err := c.app.tsdb.SetScrapeConfig(name, text); err != nil {
			return fmt.Errorf("apply %s: %w", name, err)
		}
	}
	return nil
}

// use puts a set to work in every room.
func (c *configRoom) use(ctx context.Context, set *ascode.Set, p plans) {
	c.app.catalog.Replace(p.catalog)
	if err := c.app.pager.Replace(ctx, p.oncall); err != nil {
		c.app.log.ErrorContext(ctx, "rotas are in use without what they were before", "err", err)
	}
	c.app.hooks.Replace(p.hooks)
	c.app.budgets.replace(p)
	c.app.rates.Store(p.rates)
	if err := c.app.useRoutes(p.routes); err != nil {
		c.app.log.ErrorContext(ctx, "the routes stay as they were", "err", err)
	}
	c.app.useRules(set, p)
	if err := c.app.meter.Replace(p.objectives); err != nil {
		c.app.log.ErrorContext(ctx, "some objectives are not counted", "err", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set = set
}

// signature changes when a file of the folder does: names, sizes and times.
func signature(folder fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(folder, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p != "." && (d.Name()[0] == '.' || d.Name()[0] == '_') { // as ascode.Load
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "%s %d %d\n", p, info.Size(), info.ModTime().UnixNano())
		return err
	})
	return string(sum.Sum(nil)), err
}
