// Package rota is the arithmetic of schedules: who is on call at an instant,
// right in every zone and across every change of its clocks.
//
// # Words
//
// A Rotation hands over from member to member; its Windows are the times of the
// week in which it counts. A Schedule is rotations in layers. An Adjustment is
// what people change of it for a while: an override, a temporary schedule, a
// swap, an absence, a shadow. A Turn is one person's stretch of time; a Turn
// without a person is a gap.
//
// # Rules
//
//   - The k-th hand-over is at wall clock W on the local date D0 + k·n days (7·n,
//     or n months, clamped to the month's end and always counted from D0). Where W
//     happens twice that day the first is meant; where it does not happen, the
//     first instant after the gap. A window's end takes the last.
//   - Hours that divide the day hand over by the clock, others by elapsed time.
//   - Instants come from local dates, never from an instant plus a duration.
//   - I1 a turn covers its instant; I2 the next begins where it ends; I3 every
//     hand-over shows W, unless W did not happen that day; I4 exactly one member
//     has an instant; I5 hand-overs only go forward. They are tested over every
//     zone of the IANA database.
//
// Everything here is a function of its arguments.
package rota
