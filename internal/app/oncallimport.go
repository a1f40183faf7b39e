package app

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/oncall/importer"
	"github.com/hinoban/hinoban/internal/platform/ascode"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Imported is what an export of another product became.
type Imported struct {
	Files       []string              `json:"files"`
	Notes       []importer.Note       `json:"notes"`
	Adjustments []oncall.Adjustment   `json:"adjustments"`
	Differences []importer.Difference `json:"differences"`
	Problems    []ascode.Problem      `json:"problems"`
}

// AdjustmentsFile is what people changed of rotas in the other product: it is no
// document, and is posted to a server that has the rotas.
const AdjustmentsFile = "adjustments.json"

// writeNew writes a file that is not there yet.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // documents are for the team to read
	if err != nil {
		return errs.New(errs.Conflict, "nothing is overwritten: %w", err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return errs.New(errs.Unavailable, "write %s: %w", path, err)
	}
	return nil
}

// ImportOnCall reads exports of a product, writes documents into dir, which must
// have none of their names, and compares who is on call by both for days.
func ImportOnCall(product string, paths []string, dir string, now time.Time, days int) (out Imported, err error) {
	out = Imported{Files: []string{}, Notes: []importer.Note{}, Adjustments: []oncall.Adjustment{}, Differences: []importer.Difference{}, Problems: []ascode.Problem{}}
	var files []importer.File
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			return out, errs.New(errs.NotFound, "%w", err)
		}
		files = append(files, importer.File{Name: filepath.Base(p), Data: text})
	}
	r, err := importer.Read(product, files, importer.Options{Now: now, Days: days})
	if err != nil {
		return out, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // documents are for the team to read
		return out, errs.New(errs.Unavailable, "%w", err)
	}
	documents := importer.Render(r)
	if len(r.Adjustments) > 0 {
		text, err := json.MarshalIndent(r.Adjustments, "", "  ")
		if err != nil {
			return out, err
		}
		documents[AdjustmentsFile] = string(text) + "\n"
	}
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		to := filepath.Join(dir, name)
		if err := writeNew(to, documents[name]); err != nil {
			return out, err
		}
		out.Files = append(out.Files, to)
	}
	out.Notes = append(out.Notes, r.Notes...)
	out.Adjustments = append(out.Adjustments, r.Adjustments...)
	out.Differences = append(out.Differences, importer.Diff(r, now, days)...)
	_, problems := Check(os.DirFS(dir))
	out.Problems = append(out.Problems, problems...)
	return out, nil
}
