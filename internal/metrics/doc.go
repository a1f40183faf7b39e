// Package metrics takes samples in (scrape, remote write, OTLP) and answers
// PromQL. The samples live in an embedded Prometheus TSDB (promstore) or in any
// server that speaks the Prometheus HTTP API (remotestore); the rest of the
// house sees only Engine.
//
// # Words
//
//   - Sample: one value of one series at one time. Point is its form here.
//   - Series: a set of labels and its points. The name is the label __name__.
//   - Engine: what answers PromQL.
//   - Target: an endpoint that is scraped, with its health.
//   - Batch: the samples of one request; it is stored, and on disk, as one.
//
// # Rules
//
//   - A write that was answered with success is on disk. A scrape is answered to
//     nobody and is not waited for.
//   - One bad sample does not take the good ones of its batch with it.
//   - A sample that is refused is counted and its sender is told why.
//   - Missing data is missing: a query over it answers no series, never zero.
//   - A configuration that does not load leaves the last good one at work.
//   - Errors have kinds: Invalid for a query or a sample that cannot be right,
//     Unavailable for a store that cannot answer now.
//
// # Events
//
// None. Samples are no events; who needs to know that new ones are there asks
// the store to be called after each commit.
package metrics
