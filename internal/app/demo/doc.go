// Package demo runs the product on a small shop of its own: three real HTTP
// services on loopback, bounded traffic, thirty days of history, two people on
// call. What breaks is broken on purpose; what follows happens for real.
//
// # Rules
//
//   - Traffic goes to loopback only, at most 100 requests a second in all, and
//     ends with the demo.
//   - The history is marked: its series carry origin="demo-history".
package demo
