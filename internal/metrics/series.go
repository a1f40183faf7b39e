package metrics

import (
	"slices"
	"strings"
	"time"
)

// NameLabel is the label that holds the name of a series.
const NameLabel = "__name__"

// Point is one value at one time.
type Point struct {
	T time.Time // UTC, in milliseconds
	V float64   // may be NaN or infinite
}

// Series is one labelled line of points, oldest first.
type Series struct {
	Labels map[string]string // never nil in an answer of an Engine
	Points []Point
}

// Key returns the labels in one canonical form, equal for equal labels.
func (s Series) Key() string {
	names := make([]string, 0, len(s.Labels))
	for n := range s.Labels {
		names = append(names, n)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, n := range names {
		b.WriteString(n)
		b.WriteByte(0xff)
		b.WriteString(s.Labels[n])
		b.WriteByte(0xff)
	}
	return b.String()
}

// Last returns the newest point, and false where there is none.
func (s Series) Last() (Point, bool) {
	if len(s.Points) == 0 {
		return Point{}, false
	}
	return s.Points[len(s.Points)-1], true
}
