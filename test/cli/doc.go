// Package cli runs the command line as a new user does, and holds the manual to
// what the program really has.
package cli
