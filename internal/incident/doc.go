// Package incident is the room where people work while something is broken:
// from declared to resolved, with roles and a timeline.
//
// # Words
//
// An Incident has a Severity (1 the worst to 4), a Status, Roles held by
// people, and the alerts that belong to it. Its timeline is a view of the log:
// what was published about it, its alerts, its pages, its objectives and its
// service while it lasted, plus the notes people wrote.
//
// # Rules
//
//   - A page-level SLO alert of a tier-1 service declares one, or joins the open
//     one of its service. People declare the others.
//   - investigating → mitigated → resolved. Its times are kept once: a later
//     change appends, it does not rewrite.
//   - An incident that an alert declared is mitigated and resolved when its last
//     alert is. One that a person declared waits for a person.
//   - Whoever answers its page first is its commander, until somebody else is.
//
// # Events
//
// Publishes [Declared], [AlertAttached], [RoleChanged], [SeverityChanged],
// [NoteAdded], [Mitigated], [ResolvedEvent] and [Reopened]. Hears alert.fired,
// alert.raised, alert.resolved and oncall.acked.
package incident
