// Package budget is the arithmetic of error budgets: exact targets, burn rates
// over pairs of windows, and what a pair promises. It is pure and knows nothing
// of where events are counted.
//
// # Words
//
// A [Target] T leaves a budget B = 1 - T. A share e of bad events burns it at
// e / B. A [Pair] of rate k over a long and a short window burns when both
// windows do at k or more. A [Limit] is k·B as a fraction of whole numbers.
//
// # Rules
//
//   - What is decided is decided on whole numbers: bad·den ≥ num·total. A float
//     is for showing.
//   - No events is no burn, and no data is unknown.
package budget
