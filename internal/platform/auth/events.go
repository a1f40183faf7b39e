package auth

// LoggedIn says that a person opened a session.
type LoggedIn struct {
	Person  string `json:"person"`
	Session string `json:"session"`
	Address string `json:"address"`
}

// EventName is "auth.logged_in".
func (LoggedIn) EventName() string { return "auth.logged_in" }

// LoginFailed says that somebody gave a wrong password, or a name that nobody
// has. Person is "" then: people type passwords into the wrong field. Not
// every failure is told, see Quiet.
type LoginFailed struct {
	Person  string `json:"person,omitempty"`
	Address string `json:"address"`
	Quiet   int    `json:"quiet"` // how many failures went untold since the last
}

// EventName is "auth.login_failed".
func (LoginFailed) EventName() string { return "auth.login_failed" }

// LoggedOut says that a person closed a session.
type LoggedOut struct {
	Person  string `json:"person"`
	Session string `json:"session"`
	Address string `json:"address"`
}

// EventName is "auth.logged_out".
func (LoggedOut) EventName() string { return "auth.logged_out" }

// SessionRevoked says that sessions of a person were closed from elsewhere.
type SessionRevoked struct {
	Person   string   `json:"person"`
	Sessions []string `json:"sessions"`
	Address  string   `json:"address"`
}

// EventName is "auth.session_revoked".
func (SessionRevoked) EventName() string { return "auth.session_revoked" }

// TokenCreated says that a person has a new token.
type TokenCreated struct {
	Person  string  `json:"person"`
	Token   string  `json:"token"` // its id
	Name    string  `json:"name"`
	Scopes  []Scope `json:"scopes"`
	Address string  `json:"address"`
}

// EventName is "auth.token_created".
func (TokenCreated) EventName() string { return "auth.token_created" }

// TokenRevoked says that a token is worth nothing any more.
type TokenRevoked struct {
	Person  string `json:"person"`
	Token   string `json:"token"`
	Name    string `json:"name"`
	Address string `json:"address"`
}

// EventName is "auth.token_revoked".
func (TokenRevoked) EventName() string { return "auth.token_revoked" }

// PersonCreated says that there is a new person.
type PersonCreated struct {
	Person  string `json:"person"`
	Name    string `json:"name"`
	Email   string `json:"email,omitempty"`
	Role    Role   `json:"role"`
	Address string `json:"address"`
}

// EventName is "auth.person_created".
func (PersonCreated) EventName() string { return "auth.person_created" }

// PersonChanged says that a person's name or mail address changed, or that the
// account was disabled or enabled.
type PersonChanged struct {
	Person   string `json:"person"`
	Name     string `json:"name"`
	Email    string `json:"email,omitempty"`
	Disabled bool   `json:"disabled"`
	Address  string `json:"address"`
}

// EventName is "auth.person_changed".
func (PersonChanged) EventName() string { return "auth.person_changed" }

// RoleChanged says that a person may more or less than before.
type RoleChanged struct {
	Person  string `json:"person"`
	Before  Role   `json:"before"`
	After   Role   `json:"after"`
	Address string `json:"address"`
}

// EventName is "auth.role_changed".
func (RoleChanged) EventName() string { return "auth.role_changed" }

// PasswordChanged says that a person has a new password.
type PasswordChanged struct {
	Person  string `json:"person"`
	Address string `json:"address"`
}

// EventName is "auth.password_changed".
func (PasswordChanged) EventName() string { return "auth.password_changed" }

// LinkMade says that a link was made with which a password can be set.
type LinkMade struct {
	Person  string `json:"person,omitempty"` // "" for a new admin
	Address string `json:"address"`
}

// EventName is "auth.link_made".
func (LinkMade) EventName() string { return "auth.link_made" }
