CREATE TABLE incident_incident (
	id           TEXT PRIMARY KEY,
	number       BIGINT NOT NULL UNIQUE,
	title        TEXT NOT NULL,
	service      TEXT NOT NULL,
	severity     BIGINT NOT NULL,
	status       TEXT NOT NULL,
	doc          JSONB NOT NULL,
	declared_at  BIGINT NOT NULL,
	resolved_at  BIGINT NOT NULL
);
CREATE INDEX incident_open ON incident_incident (service) WHERE resolved_at = 0;
