// Package sim lives a month of a three-person team in virtual time, on the real
// rooms and a real SQLite: services fail, people are woken, forget, answer and
// hand over, and invariants are checked every virtual minute.
package sim
