CREATE TABLE auth_person (
	id          TEXT PRIMARY KEY,
	name        TEXT NOT NULL,
	email       TEXT NOT NULL,
	role        TEXT NOT NULL CHECK (role IN ('viewer', 'responder', 'admin')),
	password    TEXT NOT NULL, -- PHC string, or '' while there is none
	created_at  BIGINT NOT NULL,
	disabled_at BIGINT NOT NULL -- 0 while enabled
);
CREATE UNIQUE INDEX auth_person_email ON auth_person (email) WHERE email <> '';

CREATE TABLE auth_session (
	id         TEXT PRIMARY KEY,
	hash       TEXT NOT NULL UNIQUE, -- SHA-256 of what the cookie holds
	person     TEXT NOT NULL REFERENCES auth_person (id) ON DELETE CASCADE,
	created_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL,
	address    TEXT NOT NULL,
	agent      TEXT NOT NULL
);
CREATE INDEX auth_session_person ON auth_session (person, created_at);
CREATE INDEX auth_session_seen ON auth_session (seen_at);

CREATE TABLE auth_token (
	id         TEXT PRIMARY KEY,
	hash       TEXT NOT NULL UNIQUE, -- SHA-256 of the token
	person     TEXT NOT NULL REFERENCES auth_person (id) ON DELETE CASCADE,
	name       TEXT NOT NULL,
	scopes     TEXT NOT NULL, -- separated by spaces
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL, -- 0 for never
	used_at    BIGINT NOT NULL
);
CREATE INDEX auth_token_person ON auth_token (person, created_at);

CREATE TABLE auth_link (
	hash       TEXT PRIMARY KEY, -- SHA-256 of the token in the link
	person     TEXT NOT NULL,    -- whose password it sets; '' makes a first admin
	expires_at BIGINT NOT NULL
);
