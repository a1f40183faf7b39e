// Package slo holds objectives, error budgets and burn rates.
//
// # Words
//
// An Objective promises a share of good events over a window. Its error budget
// is the share that may be bad. The burn rate is how many times faster than
// "just enough for the window" the budget is being spent: e / (1 - target),
// where e is the share of bad events. A Pair is a burn rate over a long and a
// short window (SRE Workbook, chapter 5); it burns when both exceed it.
//
// # Rules
//
//   - Judging is pure: [Judge] takes counts and returns a [Status]. No data is
//     unknown, never good and never 0 %.
//   - A budget below zero is shown below zero.
//   - A pair that can never fire, because its burn rate exceeds 1 / (1 - target),
//     is refused when the document is read.
//   - A change of the burn is saved with its event in one transaction; the alert
//     room is told from the log, so that a crash in between loses nothing.
//
// # Events
//
// Publishes [Burning] and [Recovered]; hears both to tell the inbox.
package slo
