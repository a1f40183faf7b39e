// Package alert is the inbox: every signal that may need a person ends here,
// and leaves as one alert per rule and service, however often it repeats.
//
// # Words
//
// A Signal is what a room above, or a program outside, reports. An Alert is
// open until it is resolved; while it is open somebody may acknowledge it. Its
// fingerprint is its source, its service and its rule. A Group is the open
// alerts of one service.
//
// # Rules
//
//   - At most one open alert per fingerprint; a resolved one never opens again.
//   - A signal that was taken once is not taken again: its id decides.
//   - A repeat adds to the count and renews the evidence; only a rise of the
//     severity is news. A rise to page level takes an acknowledgement back: it was
//     given for less.
//   - Each alert can say why it fired: the expression with its values.
//
// # Events
//
// Publishes [Fired], [Raised], [Acked], [Unacked] and [ResolvedEvent].
package alert
