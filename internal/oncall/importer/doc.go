// Package importer reads what other on-call products export and makes documents
// of it.
//
// # Words
//
// A File is one export. A Result is the documents, the adjustments of the weeks
// to come, and Notes: what could not be taken over exactly, and what to do. A
// reference is a model of the other product: who is on call by its own rules. A
// Difference is a stretch of time in which the reference and the rota disagree.
//
// # Rules
//
//   - Nothing is dropped silently: what is left out or changed has a Note.
//   - The references do not use the arithmetic of package rota, so that they can
//     find its faults and those of the readers.
//   - Reading is bounded, and refuses broken JSON with the place of the fault.
//
// Everything here is a function of its arguments.
package importer
