CREATE TABLE ascode_applied (
	id         BIGINT PRIMARY KEY,
	sum        TEXT NOT NULL,
	files      TEXT NOT NULL,
	applied_at BIGINT NOT NULL
);
