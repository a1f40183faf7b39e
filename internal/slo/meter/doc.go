// Package meter counts the events of objectives as samples come: it takes SLIs
// apart into selectors, listens to the store of samples, and feeds the streaming
// engine of package burn.
//
// # Words
//
//   - Plan: an SLI taken apart: which selectors add to its part and which to its
//     total. An SLI that cannot be taken apart has a plan that asks: one query over
//     each minute.
//   - Instance: one line of a grouped objective, or the objective itself. It has a
//     column of the engine, and a second one where its budget is of slices.
//   - Series: what is remembered of one series for one selector: its last sample.
//
// # Rules
//
//   - An instance is loaded from the store of samples first: its period in one pass,
//     then what is newer while nothing is committed. From then on it lives by the tap.
//   - What the tap cannot place (a late sample) makes an instance
//     dirty, and it is counted again from the horizon on.
//   - A checkpoint holds what the settled rows do not: which column is whose,
//     afterthoughts, and series that fell silent before the horizon. All else is read
//     again from the store of samples after a start, whether the stop was clean or not.
//   - The instances of an objective are capped; what is beyond is not counted and said.
package meter
