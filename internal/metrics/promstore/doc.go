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
// a virtual disk whose fsync takes a quarter of a millisecond: one sender 5.3 to
// 6.1 M samples/s written, 3.3 to 3.4 M/s durable; sixteen senders 8.2 to 11.4
// M/s written, 7.8 to 8.0 M/s durable. On a disk whose fsync takes 3 ms one
// sender comes down to 0.6 M/s. That is far more than anybody sends to one
// machine, and a 2xx that a power cut takes back would never be found.
package promstore
