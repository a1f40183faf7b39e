// Package catalog knows who runs what for whom.
//
// # Words
//
// A Service is something that can be up or down and that somebody owns. Its
// tier says how much it matters: 1 the most, 4 the least. A Team owns services;
// a Person is a member of teams and has Devices. A Dependency is hard when the
// service fails with it, soft when it degrades. An owners file (CODEOWNERS)
// says who owns the paths of a repository.
//
// # Rules
//
//   - The catalog is configuration: it lives in documents, is replaced as a
//     whole, and never changes halfway.
//   - Every name that a document refers to exists, or the folder is refused.
//   - "Who owns this?" always says why: the document or the line that decided.
//
// # Events
//
// None of its own: the platform's config.applied says what changed.
package catalog
