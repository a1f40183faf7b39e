// Package id makes identifiers: UUIDv7, so that rows sort by the time of their birth.
package id

import "github.com/google/uuid"

// New returns a fresh UUIDv7. It panics only when the system has no randomness.
func New() string { return uuid.Must(uuid.NewV7()).String() }
