// Package oncall knows who is on call, and pages until somebody answers.
//
// # Words
//
// A Rota is a weekly rotation in a zone, with Overrides. An Escalation is a
// policy of steps, each with a delay and whom it tells. A Page is one call for
// help for one service: it gathers the service's page-level alerts. A Delivery
// is one message to one device of one person; the deliveries are the ledger.
//
// # Rules
//
//   - Deciding is [Page.Advance], a pure function of the page, its policy, who
//     is on call and now. Its deadlines are rows, so a restart goes on.
//   - A delivery is a row before the provider is called. It is handed over at
//     least once: a crash may repeat one message, with the same id, never lose it.
//   - An acknowledgement cancels what was not sent. Silence escalates. Where a
//     step finds nobody, the next step follows at once.
//   - Who is on call is asked when a step fires, not when the page opened.
//   - The first page of a service is never held back; alerts that join an open
//     page do not call again unless nobody has answered, or the answer is older than
//     five minutes.
//
// # Events
//
// Publishes [PageOpened], [AlertJoined], [StepFired], [Delivered],
// [DeliveryFailed], [PageAcked], [Exhausted], [PageClosed], [OverrideAdded] and
// [OverrideRemoved]. Hears alert.fired, alert.raised, alert.acked,
// alert.unacked and alert.resolved.
package oncall
