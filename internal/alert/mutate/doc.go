// Package mutate asks rules the question that nobody likes to ask them: would you
// have told? It injects failures into the samples of the past, and says which of
// them no rule and no objective would have caught. It is pure: who evaluates is
// handed in.
//
// # Words
//
//   - Watch: a rule or an objective, with what its expression selects.
//   - Target: series that fail together: those of one metric of one service or job.
//   - Mutation: a kind of failure: drop, delay, halve, flat, vanish, errors5,
//     errors100, tenfold.
//   - Try: one mutation of one target at one time. A Case is all tries of one
//     mutation of one target: by day, by night and at the weekend.
//   - Reach: the longest that a watch may take to tell: its computed latency, the
//     ranges of its expression, and what the failure needs to show.
//   - Gap: a case of which a try was not caught in time.
//
// # Rules
//
//   - A failure is caught where an alert that pages or makes a ticket fires within
//     its watch's reach, which does not fire over the same time as it was.
//   - Only watches that select a changed series are evaluated: the others say what
//     they said.
//   - What the past shows by itself is no failure: a counter that is silent each
//     night is not flat-lined by night.
//   - A gap comes with a rule that catches it, evaluated over the same samples and
//     silent over those that were; where none is found, the gap says so.
package mutate
