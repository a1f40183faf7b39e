// Package canary makes faults on purpose and measures how long they take to reach
// a receiver, by the same way as every other alert.
//
// # Rules
//
//   - A fault is a sample of [Series] that is 0. A rule on it alerts as any rule
//     does; the alert goes through the inbox, the log, the routes and the receivers.
//   - When faults begin follows from a seed and from the end of the last one, so that
//     the same past has the same future.
//   - The time between two faults is exponential and never longer than twice its mean:
//     three times the mean without an arrival is never chance.
//   - Nobody is woken: see [Is].
package canary
