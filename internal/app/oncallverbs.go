package app

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/drill"
	"github.com/hinoban/hinoban/internal/oncall/oncallweb"
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

// WhoReport is who is on call at a time, as the API answers it.
type WhoReport = oncallweb.OnCallPeople

// OnCallProof is what was looked at and found, as the API answers it.
type OnCallProof = oncall.Proof

// PageExplained is why an alert paged whom, as the API answers it.
type PageExplained = oncallweb.Explained

// OnCallTurns are the turns of rotas.
type OnCallTurns struct {
	Turns map[string][]oncall.Turn `json:"turns"`
}

// Of are the turns of a person, the earliest first.
func (t OnCallTurns) Of(person string) []oncall.Turn {
	out := []oncall.Turn{}
	for _, list := range t.Turns {
		for _, v := range list {
			if v.Person == person {
				out = append(out, v)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b oncall.Turn) int { return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.Rota, b.Rota)) })
	return out
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
	if err != nil {
		return WhoReport{}, err
	}
	return WhoReport{At: at, Rotas: p.oncall.At(nil, at)}, nil
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

// TurnsOf are the turns of rotas by the documents of a folder alone.
func TurnsOf(dir string, from, to time.Time) (OnCallTurns, error) {
	p, err := folderPlan(dir)
	if err != nil {
		return OnCallTurns{}, err
	}
	out := OnCallTurns{Turns: map[string][]oncall.Turn{}}
	for i := range p.oncall.Rotas {
		r := &p.oncall.Rotas[i]
		out.Turns[r.ID] = r.Turns(nil, from, to)
	}
	return out, nil
}

func drillCatalog(p plans) func(string) (catalog.Person, error) {
	c := catalog.New()
	c.Replace(p.catalog)
	return func(id string) (catalog.Person, error) { return c.Person(context.Background(), id) }
}
