// Package ical writes and reads iCalendar (RFC 5545), as far as schedules and
// holidays need it.
//
// # Words
//
// A Calendar has Events. An Event with a rule has many Occurrences. A Shift is an
// occurrence with a person in it.
//
// # Rules
//
//   - What is written has CRLF line ends, is folded at 75 octets and never inside
//     a character, and says its times in UTC.
//   - What identifies a shift is where it comes from and when it began, never when
//     it ends: a longer shift is the same event with a higher SEQUENCE.
//   - Rules repeat by the wall clock of the event's zone. A wall clock that comes
//     twice means the first; one that does not come is read with the offset before
//     the gap, as RFC 5545 says. An end in the start's zone is kept by the wall
//     clock too, so that daily shifts leave no hole when the clocks change.
//   - Reading is bounded in bytes, events and occurrences. What is not understood
//     and would change who is on call is an error, not a guess.
//
// Everything here is a function of its arguments.
package ical
