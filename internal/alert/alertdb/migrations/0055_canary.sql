CREATE TABLE alert_canary (
	id      TEXT PRIMARY KEY,
	canary  TEXT NOT NULL,
	at      BIGINT NOT NULL,
	settled BIGINT NOT NULL,
	doc     TEXT NOT NULL
);
CREATE INDEX alert_canary_at ON alert_canary (canary, at);
