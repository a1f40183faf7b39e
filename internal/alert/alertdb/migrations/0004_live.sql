CREATE TABLE alert_rev (
	id  BIGINT PRIMARY KEY,
	rev BIGINT NOT NULL
);
INSERT INTO alert_rev (id, rev) VALUES (1, 0);
CREATE TABLE alert_live (
	fp         BIGINT PRIMARY KEY,
	ends_at    BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	rev        BIGINT NOT NULL,
	doc        TEXT NOT NULL
);
CREATE TABLE alert_silence (
	id      TEXT PRIMARY KEY,
	ends_at BIGINT NOT NULL,
	rev     BIGINT NOT NULL,
	doc     TEXT NOT NULL
);
CREATE TABLE alert_told (
	key         BIGINT PRIMARY KEY,
	group_hash  BIGINT NOT NULL,
	group_key   TEXT NOT NULL,
	receiver    TEXT NOT NULL,
	integration TEXT NOT NULL,
	idx         BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL,
	rev         BIGINT NOT NULL,
	doc         TEXT NOT NULL
);
CREATE TABLE alert_notice (
	id          TEXT PRIMARY KEY,
	at          BIGINT NOT NULL,
	decided_at  BIGINT NOT NULL,
	group_key   TEXT NOT NULL,
	receiver    TEXT NOT NULL,
	integration TEXT NOT NULL,
	idx         BIGINT NOT NULL,
	reason      TEXT NOT NULL,
	attempts    BIGINT NOT NULL,
	error       TEXT NOT NULL
);
CREATE TABLE alert_notice_of (
	fp BIGINT NOT NULL,
	id TEXT NOT NULL,
	PRIMARY KEY (fp, id)
);
CREATE INDEX alert_notice_at ON alert_notice (at);
