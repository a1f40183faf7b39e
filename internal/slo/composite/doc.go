// Package composite is the arithmetic of objectives made of others, and of
// services that need others.
//
// # Words
//
// A composite's slice is made of its parts' slices: see [Slice]. A dependency is
// critical where the service fails with it, and redundant where k of n suffice.
//
// # Rules
//
//   - Events are whole numbers, in millionths of a slice.
//   - Products hold where failures are independent. [Bounds] hold always:
//     max(0, 1 - Σ(1 - aᵢ)) ≤ A ≤ min aᵢ.
//   - A proof names the path and the numbers, and is made of exact fractions.
package composite
