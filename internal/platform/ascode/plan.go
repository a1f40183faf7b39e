package ascode

import (
	"slices"
	"strings"
)

// Change is one line of a plan.
type Change struct {
	Op   string   `json:"op"` // "+" added, "-" removed, "~" changed
	Kind string   `json:"kind"`
	Name string   `json:"name"`
	File string   `json:"file"`
	Diff []string `json:"diff,omitempty"` // for "~": lines that begin with "- " or "+ "
}

// Plan says what changes when next takes the place of now. It is pure.
func Plan(now, next *Set) []Change {
	old := map[string]Document{}
	for _, d := range now.Documents {
		old[d.key()] = d
	}
	var out []Change
	for _, d := range next.Documents {
		was, ok := old[d.key()]
		delete(old, d.key())
		switch {
		case !ok:
			out = append(out, Change{Op: "+", Kind: d.Kind, Name: d.name(), File: d.File})
		case was.Text != d.Text:
			out = append(out, Change{Op: "~", Kind: d.Kind, Name: d.name(), File: d.File, Diff: diff(lines(was.Text), lines(d.Text))})
		}
	}
	for _, d := range old {
		out = append(out, Change{Op: "-", Kind: d.Kind, Name: d.name(), File: d.File})
	}
	slices.SortFunc(out, func(a, b Change) int {
		return strings.Compare(a.Kind+" "+a.Name, b.Kind+" "+b.Name)
	})
	return out
}

func lines(s string) []string { return strings.Split(strings.TrimRight(s, "\n"), "\n") }

// diff returns the lines that differ, by the longest common subsequence. Very
// long documents are cut to their first 2,000 lines.
func diff(a, b []string) []string {
	const most = 2000
	a, b = a[:min(most, len(a))], b[:min(most, len(b))]
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i, x := range slices.Backward(a) {
		for j, y := range slices.Backward(b) {
			if x == y {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case j == len(b) || (i < len(a) && common[i+1][j] >= common[i][j+1]):
			out = append(out, "- "+a[i])
			i++
		default:
			out = append(out, "+ "+b[j])
			j++
		}
	}
	return out
}
