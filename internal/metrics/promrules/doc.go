// Package promrules evaluates Prometheus rules on the embedded store, with the
// rule engine of Prometheus itself: groups, recording rules, for,
// keep_firing_for, limits, query offsets and templates are its own.
//
// What is ours is when: each group has its slot, as in Prometheus, a slow one does
// not hold up the others, and who is told: what fires and what resolves is handed
// over in batches, and kept until it was taken. ALERTS and ALERTS_FOR_STATE are
// written to the store, so that for survives a restart, however short it is
// (Prometheus forgets a for below ten minutes).
//
// Where the metrics are remote, expressions are asked over HTTP; nothing can be
// recorded there, so recording rules report that, and for begins anew after a
// restart.
package promrules
