CREATE TABLE slo_gate_state (
	service TEXT PRIMARY KEY,
	state   TEXT NOT NULL,
	since   BIGINT NOT NULL
);

CREATE TABLE slo_override (
	id       TEXT PRIMARY KEY,
	service  TEXT NOT NULL,
	class    TEXT NOT NULL,
	reason   TEXT NOT NULL,
	approver TEXT NOT NULL,
	made     BIGINT NOT NULL,
	expires  BIGINT NOT NULL
);

CREATE INDEX slo_override_expires ON slo_override (expires);

CREATE TABLE slo_correction (
	id        TEXT PRIMARY KEY,
	objective TEXT NOT NULL,
	start     BIGINT NOT NULL,
	seconds   BIGINT NOT NULL,
	rule      TEXT NOT NULL,
	zone      TEXT NOT NULL,
	category  TEXT NOT NULL,
	reason    TEXT NOT NULL,
	made_by   TEXT NOT NULL,
	created   BIGINT NOT NULL
);

CREATE TABLE slo_overspent (
	incident  TEXT NOT NULL,
	objective TEXT NOT NULL,
	at        BIGINT NOT NULL,
	PRIMARY KEY (incident)
);

CREATE TABLE slo_review (
	id        TEXT PRIMARY KEY,
	service   TEXT NOT NULL,
	due       BIGINT NOT NULL,
	held      BIGINT NOT NULL,
	held_by   TEXT NOT NULL,
	decision  TEXT NOT NULL,
	notes     TEXT NOT NULL,
	agenda    JSONB NOT NULL
);

CREATE INDEX slo_review_service ON slo_review (service, held);
