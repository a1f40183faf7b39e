package app

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/drill"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// DrillReport is what came of tests of escalations.
type DrillReport struct {
	Files  []DrilledFile `json:"files"`
	Passed int           `json:"passed"` // tests
	Failed int           `json:"failed"` // tests, and files that could not be read
}

// DrilledFile is what came of one file.
type DrilledFile struct {
	File    string        `json:"file"`
	Problem string        `json:"problem,omitempty"`
	Tests   []DrilledTest `json:"tests,omitempty"`
}

// DrilledTest is what came of one test.
type DrilledTest struct {
	Name     string          `json:"name"`
	Failures []drill.Failure `json:"failures,omitempty"`
}

// TestOnCall runs tests of escalations: files, or all *_test.yaml of folders that
// begin with a world. What is wrong with a file is in the report.
func TestOnCall(paths []string) (out DrillReport, err error) {
	out.Files = []DrilledFile{}
	files, err := drillFiles(paths)
	if err != nil {
		return out, err
	}
	configs := map[string]*loaded{}
	for _, name := range files {
		f := drillFile(name, configs)
		if f.Problem != "" {
			out.Failed++
		}
		for _, t := range f.Tests {
			if len(t.Failures) > 0 {
				out.Failed++
			} else {
				out.Passed++
			}
		}
		out.Files = append(out.Files, f)
	}
	return out, nil
}

func drillFiles(paths []string) (out []string, err error) {
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, errs.New(errs.NotFound, "%w", err)
		}
		if !info.IsDir() {
			out = append(out, p)
			continue
		}
		err = filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(strings.TrimSuffix(name, path.Ext(name)), "_test") || !strings.HasPrefix(path.Ext(name), ".y") {
				return err
			}
			text, err := os.ReadFile(name)
			if err == nil && strings.Contains(string(text), "world:") {
				out = append(out, name)
			}
			return err
		})
		if err != nil {
			return nil, errs.New(errs.NotFound, "%w", err)
		}
	}
	if len(out) == 0 {
		return nil, errs.New(errs.NotFound, "no *_test.yaml with a world: in %s", strings.Join(paths, ", "))
	}
	return out, nil
}

// loaded is a folder of documents, read once.
type loaded struct {
	config  drill.Config
	problem error
}

func drillFile(name string, configs map[string]*loaded) DrilledFile {
	out := DrilledFile{File: name}
	text, err := os.ReadFile(name)
	if err != nil {
		out.Problem = err.Error()
		return out
	}
	f, err := drill.Parse(text)
	if err != nil {
		out.Problem = err.Error()
		return out
	}
	for _, t := range f.Tests {
		dir := filepath.Join(filepath.Dir(name), t.World.Config)
		if configs[dir] == nil {
			configs[dir] = loadDrill(dir)
		}
		if problem := configs[dir].problem; problem != nil {
			out.Problem = problem.Error()
			return out
		}
		out.Tests = append(out.Tests, DrilledTest{Name: t.Name, Failures: drill.Run(t, configs[dir].config)})
	}
	return out
}

func loadDrill(dir string) *loaded {
	set, problems := Check(os.DirFS(dir))
	if len(problems) > 0 {
		return &loaded{problem: errs.New(errs.Invalid, "%s: %d problem(s), the first: %s", dir, len(problems), problems[0])}
	}
	p, _ := build(set)
	return &loaded{config: drill.Config{Plan: p.oncall, Catalog: p.catalog}}
}

// WhoReport is who is on call at a time.
type WhoReport struct {
	At    time.Time    `json:"at"`
	Rotas []oncall.Now `json:"rotas"`
}

// folderPlan is the on-call plan of a folder of documents, without a server: no
// adjustments count.
func folderPlan(dir string) (plans, error) {
	set, problems := Check(os.DirFS(dir))
	if len(problems) > 0 {
		return plans{}, errs.New(errs.Invalid, "%s: %d problem(s), the first: %s", dir, len(problems), problems[0])
	}
	p, _ := build(set)
	return p, nil
}

// WhoOf says who is on call at a time by the documents of a folder alone.
func WhoOf(dir string, at time.Time) (WhoReport, error) {
	p, err := folderPlan(dir)
	return WhoReport{At: at, Rotas: p.oncallAt(at)}, err
}

func (p plans) oncallAt(at time.Time) []oncall.Now {
	if p.oncall == nil {
		return nil
	}
	return p.oncall.At(nil, at)
}

// ProveFolder looks at who will be on call by the documents of a folder alone. The
// channels that a server would have set up are taken to work.
func ProveFolder(dir string, from, to time.Time) (oncall.Proof, error) {
	p, err := folderPlan(dir)
	if err != nil {
		return oncall.Proof{}, err
	}
	c := drillCatalog(p)
	return oncall.Prove(p.oncall, nil, c, func(catalog.Device) error { return nil }, from, to), nil
}

// TurnsOf are the turns of a person by the documents of a folder alone.
func TurnsOf(dir, person string, from, to time.Time) (out []oncall.Turn, err error) {
	p, err := folderPlan(dir)
	if err != nil {
		return nil, err
	}
	for i := range p.oncall.Rotas {
		for _, t := range p.oncall.Rotas[i].Turns(nil, from, to) {
			if t.Person == person {
				out = append(out, t)
			}
		}
	}
	return out, nil
}

func drillCatalog(p plans) func(string) (catalog.Person, error) {
	c := catalog.New()
	c.Replace(p.catalog)
	return func(id string) (catalog.Person, error) { return c.Person(context.Background(), id) }
}
