CREATE TABLE alert_mutation (
	rule     TEXT PRIMARY KEY,
	at       BIGINT NOT NULL,
	injected BIGINT NOT NULL,
	caught   BIGINT NOT NULL,
	gaps     TEXT NOT NULL
);
