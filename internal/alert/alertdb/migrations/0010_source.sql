CREATE TABLE alert_source (
	name       TEXT PRIMARY KEY,
	kind       TEXT NOT NULL,
	service    TEXT NOT NULL,
	severity   TEXT NOT NULL,
	every      BIGINT NOT NULL,
	silence    TEXT NOT NULL,
	mapping    TEXT NOT NULL,
	key_hash   TEXT NOT NULL UNIQUE,
	key_sealed TEXT NOT NULL,
	secret     TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	created_by TEXT NOT NULL,
	paused_at  BIGINT NOT NULL,
	watched_at BIGINT NOT NULL,
	heard_at   BIGINT NOT NULL,
	silent_at  BIGINT NOT NULL,
	accepted   BIGINT NOT NULL,
	refused    BIGINT NOT NULL
);
CREATE TABLE alert_source_payload (
	id      TEXT PRIMARY KEY,
	source  TEXT NOT NULL,
	at      BIGINT NOT NULL,
	body    BYTEA NOT NULL,
	size    BIGINT NOT NULL,
	taken   BIGINT NOT NULL,
	lost    BIGINT NOT NULL,
	said    TEXT NOT NULL
);
CREATE INDEX alert_source_payload_newest ON alert_source_payload (source, id);
CREATE TABLE alert_source_pin (
	source  TEXT NOT NULL,
	key     TEXT NOT NULL,
	service TEXT NOT NULL,
	rule    TEXT NOT NULL,
	at      BIGINT NOT NULL,
	PRIMARY KEY (source, key)
);
CREATE INDEX alert_source_pin_age ON alert_source_pin (at);
CREATE TABLE alert_source_had (
	source TEXT NOT NULL,
	once   TEXT NOT NULL,
	at     BIGINT NOT NULL,
	PRIMARY KEY (source, once)
);
CREATE INDEX alert_source_had_age ON alert_source_had (at);
