// Package ical writes and reads calendars (RFC 5545, RFC 7986).
//
// What is written: lines end in CRLF and fold at 75 octets, never inside a rune;
// text is escaped; times are UTC. A shift keeps its UID however it is extended,
// because the UID is made of what put the person on call and of when the shift
// begins, never of its end.
package ical
