CREATE TABLE alert_filter (
	id         TEXT PRIMARY KEY,
	name       TEXT NOT NULL,
	query      TEXT NOT NULL,
	owner      TEXT NOT NULL,
	team       TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	UNIQUE (owner, name)
);
CREATE INDEX alert_filter_team ON alert_filter (team) WHERE team <> '';
