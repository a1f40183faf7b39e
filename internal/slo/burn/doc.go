// Package burn is the streaming engine: it keeps, for every instance of every
// objective, how many events were good and how many there were, so exactly and
// so near at hand that any window of the last period is two subtractions.
//
// # Words
//
//   - Cell: what was counted up to a time, ever growing: a part (good or bad
//     events, as the SLI has it), the total, and samples seen.
//   - Column: the cells of one instance. Slab: up to [Columns] columns that share
//     their rows. Row: the cells of a slab at one edge.
//   - Edge: a time at which rows are cut: every 10 s in the hot ring (memory), every
//     minute for three days and every five minutes for the period (a [Rows], on
//     disk). Five minutes, because the midnight of every time zone is on such an
//     edge.
//   - Horizon: the edge up to which rows are settled. Nothing late can come before
//     it, for the store of samples refuses what is older; so settled rows never
//     change and a crash cannot tear them.
//   - Afterthought: events that a counter tells of only after a gap. They belong to
//     the time when the series fell silent, which may be long settled; they are kept
//     beside the rows.
//
// # Rules
//
//   - The count over (s, t] is cell(t) - cell(s). It equals
//     increase(x[t-s] anchored) to the event where s is on an edge; between two
//     edges it is interpolated in whole numbers.
//   - What a counter grew by between two samples a and b belongs to b's time, or,
//     where the gap is longer than [Lookback], to a's time plus Lookback: so PromQL
//     has it, and so two engines agree whenever they saw the samples.
//   - The state is a function of the samples with their times, not of when or in
//     which order they came. So it can be had again from the store of samples.
//   - No float is ever added up. There is no NaN.
//
// An [Engine] is not safe for concurrent use.
package burn
