// Package catalogue holds burn rates that an organisation has agreed on. It is
// pure.
//
// # Words
//
// A [Catalogue] has versions; each is a list of entries, an owner and a day of
// review. An [Entry] says for which objectives it is ([Match]: tier, period,
// target, traffic) and what calls: pairs of windows, what the budget does, and
// silence. An objective refers to one by name: std/tier1@3, std/tier1 (its
// newest version), google-30d. The seeds are sets that others have published,
// ready under their names.
//
// # Rules
//
//   - The first entry that matches wins. What is not known of an objective never
//     makes an entry for little traffic match.
//   - A document takes the place of a seed of its name.
//   - A published set stays as published, also where it is wrong: what is wrong
//     with it is found by package lint and said beside it.
package catalogue
