// Package policy says what may be changed while an error budget is as it is.
//
// # Words
//
// A [Policy] maps the [State] of a service's budgets and the class of a change to
// a [Decision]: allow, warn or block. A change of an exempt class is always
// allowed. An [Exception] makes some days stricter. An [Override] lets changes
// through for a while; it has a reason, an approver and an end.
//
// # Rules
//
//   - [Decide] is pure, and says why in one line of English and one of Japanese.
//   - A state is compared as whole numbers. It becomes worse at once, and better
//     only past the limit by the hysteresis.
//   - No data is a state of its own and never healthy.
//   - Exempt, then override, then the stricter of state and calendar.
//   - A policy that has expired is replaced by the built-in one, and says so.
package policy
