CREATE TABLE alert_alert (
	id          TEXT PRIMARY KEY,
	fingerprint TEXT NOT NULL,
	source      TEXT NOT NULL,
	service     TEXT NOT NULL,
	rule        TEXT NOT NULL,
	severity    TEXT NOT NULL,
	summary     TEXT NOT NULL,
	expr        TEXT NOT NULL,
	evidence    TEXT NOT NULL,
	url         TEXT NOT NULL,
	count       BIGINT NOT NULL,
	opened_at   BIGINT NOT NULL,
	last_at     BIGINT NOT NULL,
	acked_at    BIGINT NOT NULL DEFAULT 0,
	acked_by    TEXT NOT NULL DEFAULT '',
	resolved_at BIGINT NOT NULL DEFAULT 0,
	resolved_by TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX alert_one_open ON alert_alert (fingerprint) WHERE resolved_at = 0;
CREATE INDEX alert_by_service ON alert_alert (service, id);
CREATE INDEX alert_unresolved ON alert_alert (severity) WHERE resolved_at = 0;
CREATE TABLE alert_signal (
	id       TEXT PRIMARY KEY,
	alert_id TEXT NOT NULL,
	at       BIGINT NOT NULL
);
