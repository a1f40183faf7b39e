CREATE TABLE slo_burn (
	objective TEXT PRIMARY KEY,
	service   TEXT NOT NULL,
	name      TEXT NOT NULL,
	severity  TEXT NOT NULL,
	pair      TEXT NOT NULL,
	since     BIGINT NOT NULL
);
