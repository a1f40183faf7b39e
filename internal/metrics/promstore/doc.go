// Package promstore is the embedded metrics store: a Prometheus TSDB, the
// PromQL engine over it, and the scraping that feeds it.
//
// Durability. The TSDB writes each commit to its write-ahead log but leaves the
// fsync to the kernel, so a commit survives a crash of the process and not one
// of the machine. What was acknowledged to a sender must survive both:
// Batch.Commit returns after an fsync of the log. One fsync serves all batches that
// were committed before it began, so its cost is shared and grows with the
// speed of the disk, not with the number of senders (durable.go). Scrapes are
// acknowledged to nobody and do not wait.
//
// The price, by BenchmarkCommit with batches of 2,000 samples on two cores and
// a virtual disk: one sender 5.2 M samples/s written, 0.57 M/s durable (3 ms a
// batch); sixteen senders 5.5 M/s written, 3.5 M/s durable. A Prometheus with
// its default of 50 shards hardly notices; a 2xx that a power cut takes back
// would be noticed once, and never be found.
package promstore
