// Package openslo reads and writes OpenSLO: v1, v1alpha and v2alpha.
//
// # Rules
//
//   - All three become the same [Objective]s of package slo; v1 is what is
//     written.
//   - What the specification's own examples do, though its schema forbids it, is
//     accepted with a note.
//   - What Hinoban adds is an annotation of an SLO under hinoban.dev/, so that
//     every other reader of the file is left alone.
package openslo
