package ascode

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Problem is one thing that is wrong at one place.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // 1 is the first; 0 where the whole file is meant
	Column  int    `json:"column"` // 1 is the first
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// String is file:line:column: message (fix).
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Fix != "" {
		s += " — " + p.Fix
	}
	return s
}

// Problems is an error of kind Invalid that lists what is wrong.
type Problems []Problem //nolint:errname // a list first: it is an error only where it is returned as one

// Error is one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err is nil where there is no problem, else an error of kind Invalid.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return errs.New(errs.Invalid, "%w", ps)
}

func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		return (a.Line-b.Line)*10_000 + a.Column - b.Column
	})
	return ps
}

// FieldError is what a room's own check says of one field.
type FieldError struct {
	Path    string // from the document's root: "spec.objectives[0].target"
	Message string
	Fix     string
	Lenient bool // accepted all the same: a note, and an error only to the strict
}

// Notef returns a lenient FieldError: what is accepted, though the format does
// not allow it or does not mean what it seems to.
func Notef(path, fix, format string, args ...any) FieldError {
	return FieldError{Path: path, Fix: fix, Message: fmt.Sprintf(format, args...), Lenient: true}
}

// Fieldf returns a FieldError whose message is formatted.
func Fieldf(path, fix, format string, args ...any) FieldError {
	return FieldError{Path: path, Fix: fix, Message: fmt.Sprintf(format, args...)}
}

// nearest returns the word of known that is most like word, or "".
func nearest(word string, known []string) string {
	if len(word) > 100 {
		return ""
	}
	best, dist := "", 1+max(2, len(word)/3)
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < dist {
			best, dist = k, d
		}
	}
	return best
}

// distance counts insertions, deletions, substitutions and swaps of neighbours
// (optimal string alignment), over bytes.
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
