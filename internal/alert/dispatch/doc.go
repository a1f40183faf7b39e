// Package dispatch tells receivers of alerts: it groups what senders say along a
// routing tree, holds back what is silenced or inhibited, and sees to it that
// each receiver is told, once, what it has to know. It keeps Alertmanager's rules
// and loses nothing in a crash.
//
// # Words
//
// An [Alert] is what senders say now of one label set. A group is the alerts
// that one route tells of together. A [Flush] is what is to be told of a group
// at a moment, a [Job] the part of one integration (a webhook, a channel) of
// its receiver. [Told] is what an integration was told of a group, and what it is
// owed. A [Silence] holds alerts back for a while.
//
// # Rules
//
//   - [State] decides and is pure: (configuration, alerts, what was told, now)
//     give what is to be told. [Runner] does it, [Live] keeps what comes in.
//   - A method of Live that returns nil has put it on disk.
//   - What is to be told follows from what is on disk: after a crash a State
//     made of it goes on. There is no queue that could be lost.
//   - A group has no goroutine and no timer: one heap holds all deadlines.
//   - What a receiver is owed is on disk before it is first tried; so what was
//     over before it could be told is told when it can be.
//   - An integration has one message in hand, and the next waits until the store
//     knows of the last: a crash repeats at most one. Where messages wait longer
//     than a second up to 16 are in hand, and as many may be repeated.
//
// The rules of matching, grouping, timing and repeating are those of
// Alertmanager 0.34 (its packages dispatch, notify, inhibit and silence).
// [Plan.Strict] keeps to them to the letter; otherwise a new alert of page level
// in a known group is told at once, what was over before it could be told is
// told as late, and the end of what was silenced or inhibited meanwhile is told
// to those who know of its beginning.
package dispatch
