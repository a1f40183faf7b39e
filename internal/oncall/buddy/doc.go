// Package buddy is what two hosts agree on so that pages go out when one of them
// is dead: the plan that the server gives its buddy, how it is signed, when the
// buddy takes over and when it hands back.
//
// # Words
//
// The server is the primary. Its buddy is a second, small host that is passive
// while the server works and active while it pages in its place. A Plan is all
// that paging needs. A Beat is what the server says of itself, every few seconds.
//
// # Rules
//
//   - Whoever does not know the shared secret learns nothing and changes nothing:
//     a plan is sealed and signed, a call is signed for its path and its body.
//   - What is old is not taken for new: an answer carries the nonce of its
//     question, a plan a number that only grows, and so does a call.
//   - The buddy pages when nothing good was heard for a while, and hands back when
//     the server has been good for a while. Deciding is [Standing.Decide], which is
//     pure.
//   - Of two that see each other one pages: the server pauses while an active buddy
//     calls ([Server.Role]). Where they do not see each other both page: twice is
//     better than never.
//
// # Events
//
// Publishes [TookOver] and [HandedBack].
package buddy
