// Package auth knows who is calling and what they may do: people with
// passwords, browser sessions, API tokens, three roles, and the guard that
// every request passes.
//
// # Words
//
// A person has a handle, such as aoi, and a role: viewer < responder < admin.
// A session is a browser that logged in; a token is a program that acts for a
// person with some of the person's rights. A link lets its holder set a
// password once, within an hour: the first admin's, or an invited person's. A
// principal is whoever a request comes from.
//
// # Rules
//
//   - Only SHA-256 sums of session, token and link secrets are stored, and only
//     argon2id sums of passwords.
//   - A role, a disabled account and a revoked token count from the next request.
//   - A token never may more than its person.
//   - There is always an enabled admin, once there was one.
//   - Cookies act across origins for nobody; without authentication nobody but
//     this machine, under its own name, is listened to.
//   - An answer to a bad login tells nothing about whether the person exists.
//
// # Events
//
// auth.logged_in, auth.login_failed, auth.logged_out, auth.session_revoked,
// auth.token_created, auth.token_revoked, auth.person_created,
// auth.person_changed, auth.role_changed, auth.password_changed,
// auth.link_made. Subjects are "person/aoi", the actor likewise; the payload
// has the remote address.
package auth
