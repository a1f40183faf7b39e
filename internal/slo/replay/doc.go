// Package replay runs burn rates over the past, and over pasts that are made up,
// through the same arithmetic that judges the present. It is pure.
//
// # Words
//
// A [History] is what was counted, in steps of ten seconds as a rule. A [Plan] is
// a list of pairs under a name. [Backtest] says what a plan would have called and
// how that agrees with incidents; [Fit] looks for a plan that calls seldom enough
// and still finds them; [Drill] injects outages of a known size and compares what
// happens with what the formulas promise.
//
// # Rules
//
//   - A page is one episode: from the first page-level pair that burns until none
//     does, as in the product.
//   - Where nothing was counted nothing is known, and what burned still burns.
//   - What cannot be told is not a number: without incidents there is no recall.
package replay
