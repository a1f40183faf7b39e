// Package period says when the windows of objectives begin and end: calendar
// periods in a time zone, and corrections that repeat.
//
// # Words
//
// A [Calendar] divides all time into periods in the civil time of a zone. An
// [Interval] is a stretch of time that a [Correction] takes out of a budget: once,
// or again and again by a rule of iCalendar (RFC 5545).
//
// # Rules
//
//   - Periods follow each other without a gap and without an overlap.
//   - A civil time that does not exist, or exists twice, is the first instant at
//     which the clock shows it or a later one.
//   - A correction changes no count that was taken. It says which counts do not
//     matter, and may be added, and removed, long after.
package period
