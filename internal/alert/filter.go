package alert

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// SavedFilter is a question to the inbox that somebody gave a name.
type SavedFilter struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Query     string    `json:"query"` // of the inbox's address: severity=page&service=shop
	Owner     string    `json:"owner"` // a person's id
	Team      string    `json:"team"`  // who else sees it; "" is nobody
	CreatedAt time.Time `json:"created_at"`
}

// Validate says what is wrong with f: Invalid.
func (f SavedFilter) Validate() error {
	switch {
	case strings.TrimSpace(f.Name) == "" || utf8.RuneCountInString(f.Name) > 60 || strings.ContainsFunc(f.Name, func(r rune) bool { return r < ' ' }):
		return errs.New(errs.Invalid, "a filter needs a name of at most 60 characters, on one line")
	case len(f.Query) > 2000:
		return errs.New(errs.Invalid, "a filter of at most 2,000 bytes")
	case f.Owner == "":
		return errs.New(errs.Invalid, "a filter needs an owner")
	}
	if _, err := url.ParseQuery(f.Query); err != nil {
		return errs.New(errs.Invalid, "the filter cannot be read: %w", err)
	}
	return nil
}

// MayChange reports whether a person of these teams may rename or delete f.
func (f SavedFilter) MayChange(person string, teams []string) bool {
	return f.Owner == person || slices.Contains(teams, f.Team)
}

// FilterStore keeps saved filters. One call is one transaction.
type FilterStore interface {
	// Filters returns those of a person and those shared with the teams, by name.
	Filters(ctx context.Context, person string, teams []string) ([]SavedFilter, error)
	// PutFilter keeps a new one. Conflict where the person has one of that name, or 50.
	PutFilter(ctx context.Context, f SavedFilter) error
	// ChangeFilter hands one to fn, and keeps what it makes of it; nil deletes it.
	// NotFound where there is none.
	ChangeFilter(ctx context.Context, id string, fn func(SavedFilter) (*SavedFilter, error)) error
}
