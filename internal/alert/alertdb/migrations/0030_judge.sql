CREATE TABLE alert_judgement (
	alert_id TEXT NOT NULL,
	person   TEXT NOT NULL,
	verdict  TEXT NOT NULL,
	note     TEXT NOT NULL,
	source   TEXT NOT NULL,
	at       BIGINT NOT NULL,
	PRIMARY KEY (alert_id, person)
);
CREATE INDEX alert_judgement_at ON alert_judgement (at);
CREATE TABLE alert_miss (
	id       TEXT PRIMARY KEY,
	service  TEXT NOT NULL,
	at       BIGINT NOT NULL,
	what     TEXT NOT NULL,
	rule     TEXT NOT NULL,
	person   TEXT NOT NULL,
	incident TEXT NOT NULL,
	said_at  BIGINT NOT NULL
);
CREATE INDEX alert_miss_at ON alert_miss (at);
CREATE INDEX alert_by_opened ON alert_alert (opened_at);
CREATE TABLE alert_weekly (
	team    TEXT NOT NULL,
	week    TEXT NOT NULL,
	lease   BIGINT NOT NULL,
	sent_at BIGINT NOT NULL DEFAULT 0,
	error   TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (team, week)
);
