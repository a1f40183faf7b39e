// Package ingest reads what other products say of alerts: it turns the payload
// of a sender into signals for the inbox, and says what it could not take and why.
//
// # Words
//
// Source: one integration, with a key of its own. Kind: the protocol that its
// sender speaks. Delivery: one request as it came. Batch: what a delivery says.
// Refusal: a member of a batch that is not taken, with its place. Pin: service and
// rule that a sender's key of a matter was opened with, so that an end that
// says only the key finds what it ends. Silence: a source that was expected to
// report and did not.
//
// # Rules
//
// A parser is a function of bytes, source and time. It never panics, and what it
// costs is bounded by the number of values and the depth of a payload, which are
// checked before anything is decoded. What is wrong with one member leaves the
// others alone. A delivery that comes twice makes the same signals, with the same
// ids. No key and no secret of a request is kept.
package ingest
