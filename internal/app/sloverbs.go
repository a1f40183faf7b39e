package app

import (
	"io/fs"
	"strconv"
	"time"

	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/slo"
	"github.com/hinoban/hinoban/internal/slo/catalogue"
	"github.com/hinoban/hinoban/internal/slo/replay"
)

// DrillCell is one outage that was injected into one pair of an entry.
type DrillCell struct {
	Entry      string `json:"entry"`
	Pair       string `json:"pair"`
	BadPercent string `json:"bad_percent"`
	Fires      bool   `json:"fires"`
	After      string `json:"after"` // measured, or "never"
	Reset      string `json:"reset"`
	Promised   string `json:"promised_after"`
	Agrees     bool   `json:"agrees"` // within one tick of what the formulas promise
}

// Drill injects outages of eight sizes into every entry of the catalogues: the
// seeds, and those of files (path to text). target is in percent.
func Drill(files map[string]string, target string) ([]DrillCell, error) {
	t, err := slo.ParseTarget(target, true)
	if err != nil {
		return nil, errs.New(errs.Invalid, "target: %w", err)
	}
	set, problems := ascode.Parse(files, Kinds())
	if err := problems.Err(); err != nil {
		return nil, err
	}
	out := []DrillCell{}
	for _, c := range catalogue.Build(set).All() {
		for _, e := range c.Entries {
			at, period := e.Shown(t)
			o := slo.Objective{ID: e.ID, Target: at, Window: period}
			for _, cell := range replay.Drill(o, e.PairsFor(at, period), replay.DrillShares()) {
				out = append(out, drillCell(c.Ref()+"/"+e.ID, cell))
			}
		}
	}
	return out, nil
}

func drillCell(entry string, c replay.Cell) DrillCell {
	out := DrillCell{Entry: entry, Pair: c.Promise.Pair.Name(), BadPercent: strconv.FormatFloat(100*c.Promise.Bad, 'g', 4, 64), Fires: c.Fired, After: "never", Reset: "-", Promised: "never", Agrees: c.Agrees()}
	if c.Fired {
		out.After, out.Reset = c.After.String(), c.Reset.String()
	}
	if c.Promise.Fires {
		out.Promised = c.Promise.After.Round(time.Second).String()
	}
	return out
}

// TestedCatalogue is a catalogue and what it does not keep.
type TestedCatalogue struct {
	Catalogue string              `json:"catalogue"`
	Source    string              `json:"source"`
	Entries   int                 `json:"entries"`
	Failures  []catalogue.Failure `json:"failures"`
}

// TestCatalogues holds every catalogue of a folder to what it promises.
func TestCatalogues(folder fs.FS) ([]TestedCatalogue, error) {
	set, problems := ascode.Load(folder, Kinds())
	if err := problems.Err(); err != nil {
		return nil, err
	}
	out := []TestedCatalogue{}
	for _, c := range catalogue.Build(set).All() {
		if !c.Seed {
			out = append(out, TestedCatalogue{Catalogue: c.Ref(), Source: c.Source, Entries: len(c.Entries), Failures: append([]catalogue.Failure{}, catalogue.Test(c)...)})
		}
	}
	return out, nil
}
