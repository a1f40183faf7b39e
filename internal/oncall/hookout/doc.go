// Package hookout tells other programs what becomes of pages, in the form of
// PagerDuty's webhooks, version 3: what listens to PagerDuty listens to Hinoban.
//
// # Words
//
// Subscription: an address, which events of which services it wants, and the
// secret that signs. News: what an event of the log means in PagerDuty's words.
// Message: one news for one subscription, with its body; it waits, is sent, or
// was given up.
//
// # Rules
//
//   - A message is on disk before it is sent. There is one for each subscription
//     and event of the log, however often the log tells of the event.
//   - The messages of one page are sent in their order: the next one waits until
//     the one before is sent or given up.
//   - What is not taken is sent again with growing pauses for [GiveUp], and is then
//     given up, with [Failed] in the log. 410 gives up at once.
//   - One subscription never waits for another.
//   - A message is sent at least once; a crash can repeat it, with the same id.
//
// # Events
//
// Publishes [Failed].
package hookout
