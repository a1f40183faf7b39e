// Package ascode reads documents of a kind from a folder of YAML, says exactly
// what is wrong with them, and hands the rooms a [Set] that is right.
//
// # Words
//
// A Kind is what a room contributes: a Go struct whose JSON schema is the
// check, the editor's help and the manual. A Document is one YAML document of
// a kind. A Set is everything in a folder, valid as a whole. A native file,
// such as CODEOWNERS or prometheus.yml, is a kind that is known by its name.
//
// # Rules
//
//   - Unknown fields, unknown kinds, double keys and double names are errors.
//   - Each [Problem] says where (file:line:column), what, and how to mend it.
//   - All problems of a folder are reported at once.
//   - Only a Set without a problem is ever applied; the last good one stays.
package ascode
