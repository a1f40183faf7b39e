// Package drill runs tests of escalations: files that say what fires, who
// answers, and whom the server must have paged by then, to the second.
//
// # The file
//
//	world: {now: 2026-03-08T01:50:00, tz: America/Chicago, config: ./oncall/}
//	steps:
//	- {at: 0s, alert: {service: pay, key: k1, severity: critical}}
//	- {at: 0s, expect: [{page: ann, via: push, step: 0}]}
//	- {at: 6m, ack: {key: k1, by: bob}}
//	- {at: 36m, expect: [{retrigger: k1, reason: ack_timeout}, {page: ann}]}
//	never: [{page: carol}]
//
// Times count from world.now. An expect lists everything that happened since the
// one before it, in any order: who was paged or told as a shadow, what was
// retriggered, exhausted, put off. Fields that it leaves out may be anything. A
// file holds one test, or several in a list called tests.
package drill
