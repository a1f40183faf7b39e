// Package score says what rules are worth to the people they wake.
//
// # Words
//
// A Row is what is kept of an alert for counting. A Score is a rule over some
// days. A Proposal is a Change of a rule with its Replay: what would have been
// lost. The Board is everything at one moment; a Week is one of its weeks.
//
// # Rules
//
//   - Precision is actionable / (actionable + noise). What was known already or
//     somebody else's is counted apart: the rule was right, and told in vain or
//     told the wrong person.
//   - Fewer than [Enough] judgements cannot tell: a share carries its n and its
//     interval, and no proposal rests on less.
//   - A proposal is safe where nothing that was judged actionable and nothing that
//     belongs to an incident would have been lost. Two proposals never lean on
//     each other: what one lets go does not stand in for what the next lets go.
//   - Nothing is changed by itself.
package score
