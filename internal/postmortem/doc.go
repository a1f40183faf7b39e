// Package postmortem writes down what happened, with proof.
//
// # Words
//
// A Report belongs to one incident. It has Sections of Sentences. A sentence is
// a fact, an inference, an open question or a statement of a person; facts and
// questions cite the records of the log that they stand on.
//
// # Rules
//
//   - [Draft] is deterministic and pure: the same records give the same words.
//     It writes nothing that a record does not say, and every sentence of it
//     cites at least one.
//   - A citation names a record that exists; an edit that cites another is refused.
//   - Sentences about causes name roles and services, never people.
//   - A published report does not change. Publishing names an approver, who is
//     not its only author where somebody else could be asked.
//
// # Events
//
// Publishes [Drafted], [Edited] and [Published]. Hears incident.resolved.
package postmortem
