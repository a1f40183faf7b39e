// Package oncall knows who is on call, and pages until somebody answers.
//
// # Words
//
// A Rota is a schedule with its editions; package rota has the arithmetic, and
// Adjustments are what people change for a while. A Policy is an escalation: steps
// with conditions, each with whom it tells. A Page is one call for help for one
// service: it gathers the service's page-level alerts. A Delivery is one message to
// one device of one person, an Attempt one try to hand it over; they are the
// ledger. A Canary is a message that a machine sends to see that a channel works.
//
// # Rules
//
//   - Deciding is [Page.Advance], a pure function of the page, its policy, who
//     is on call and now. Its deadlines are rows, saved with the news that set them,
//     so a restart goes on. [Simulation] decides by the same functions.
//   - A delivery is a row before the provider is called. It is handed over at
//     least once: a crash may repeat one message, with the same id, never lose it. Who
//     sends holds a lease under a fence; a late outcome decides nothing.
//   - An acknowledgement cancels what was not sent. Silence escalates. Where a
//     step finds nobody, the next step follows at once; where a device fails, the next
//     device, and then the next person.
//   - Who is on call is asked when a step fires, not when the page opened.
//   - The first page of a person is never held back; in a storm later ones are said
//     together. Alerts that join an open page do not call again unless nobody has
//     answered, or the answer is older than five minutes.
//   - A shadow covers nothing, is never the last one told, and stops nothing.
//   - History does not change: an edit opens an edition, an adjustment that has
//     begun is ended.
//
// # Events
//
// Publishes those of events.go. Hears alert.fired, alert.raised, alert.acked,
// alert.unacked and alert.resolved.
package oncall
