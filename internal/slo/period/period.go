// Package period says when the windows of objectives begin and end: calendar
// periods in a time zone, and corrections that repeat.
package period

import "time"

// Calendar is a period that begins anew at a civil time: every month from
// January 31st, every week from Monday 09:00.
type Calendar struct {
	Start time.Time `json:"start"` // of the first period, in its zone
	Every int       `json:"every"` // how many units a period lasts
	Unit  string    `json:"unit"`  // "h", "d", "w", "M", "Q" or "Y"
	Zone  string    `json:"zone"`  // IANA
}
