// Package bus is the log: every event of the house, once, in one order, chained
// by hash, and delivered from there to the rooms that subscribe.
//
// # Words
//
// A Fact is published inside the transaction that changed the state, and is a
// Record from then on. A subscriber is a room; its cursor is the seq up to
// which it has handled everything.
//
// # Rules
//
//   - seq is 1, 2, 3 … in the order of commits, without a hole.
//   - hash(n) = SHA-256 over hash(n-1) and the fields of row n, so that a later
//     edit, deletion or reordering shows; the head row holds the last of both.
//   - Delivery is at least once, in the order of seq. Handlers are idempotent
//     by the record's id. A handler that fails is tried again with growing
//     pauses; one that cannot succeed has its record parked, and the health
//     check says so until somebody looks.
//
// The chain proves that nobody changed a row without rewriting every later row
// and the head. Against one who can do that, keep the head's hash elsewhere:
// `hinoban log verify` prints it.
package bus
