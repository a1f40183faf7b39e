// Package promstore is the embedded metrics store: a Prometheus TSDB, the
// PromQL engine over it, and the scraping that feeds it.
//
// Durability. The TSDB writes each commit to its write-ahead log but leaves the
// fsync to the kernel, so a commit survives a crash of the process and not one
// of the machine. What was acknowledged to a sender must survive both: Batch.
// Commit returns after an fsync of the log. One fsync serves all batches that
// were committed before it began, so its cost is shared and grows with the
// speed of the disk, not with the number of senders (durable.go). Scrapes are
// acknowledged to nobody and do not wait.
package promstore
