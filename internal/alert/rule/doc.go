// Package rule holds alert rules as code: documents that say why, who, when,
// what, where and how, and the rule files of Prometheus.
//
// # Words
//
// A Rule is one document, or one alerting rule of a Prometheus file. Its
// instances are the resources for which where.forEach repeats it; a rule without
// one has one instance. A Lack is something that a rule does not say and should. A
// Term is one part of the time from a fault to a person.
//
// # Rules
//
//   - An instance's id is made of the rule's name and its key: it stays the same
//     whatever else changes.
//   - Urgency is always the label severity; a rule that wakes nobody cannot name
//     an escalation.
//   - The files that forEach reads are handed in; this package reads none.
package rule
