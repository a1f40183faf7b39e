package webkit

import (
	"context"
	"strings"
)

// ColumnHead is the head of one column of a [Table].
type ColumnHead struct {
	Text       string
	Sort       string // the value of ?sort= that sorts by it; "" cannot be sorted
	Number     bool   // right-aligned
	Wide       bool   // hidden on a phone
	Definition string // what the numbers mean
}

// TableHead is what a [Table] needs besides its rows.
type TableHead struct {
	Caption string // read aloud
	Columns []ColumnHead
	Next    string // the cursor of the next page; "" at the end
}

// sortHref returns the link of a sortable head: the same column twice turns
// the order round. A leading "-" is descending, and comes first for numbers.
func sortHref(ctx context.Context, c ColumnHead) string {
	cur := Query(ctx, "sort")
	next := c.Sort
	if c.Number {
		next = "-" + c.Sort
	}
	switch cur {
	case c.Sort:
		next = "-" + c.Sort
	case "-" + c.Sort:
		next = c.Sort
	}
	return WithQuery(ctx, "sort", next, "after", "")
}

// ariaSort is the order of a column now.
func ariaSort(ctx context.Context, c ColumnHead) string {
	cur := Query(ctx, "sort")
	switch {
	case c.Sort == "" || strings.TrimPrefix(cur, "-") != c.Sort:
		return "none"
	case cur[0] == '-':
		return "descending"
	}
	return "ascending"
}

func cellClass(c ColumnHead) string {
	var cl []string
	if c.Number {
		cl = append(cl, "num")
	}
	if c.Wide {
		cl = append(cl, "wide-only")
	}
	return strings.Join(cl, " ")
}

func rowClass(s State) string {
	if s == "" {
		return ""
	}
	return s.class("row")
}
