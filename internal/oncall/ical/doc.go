// Package ical reads iCalendar files (RFC 5545): events, their recurrences by the
// clocks of their zones, and the holidays among them. It does no I/O.
package ical
