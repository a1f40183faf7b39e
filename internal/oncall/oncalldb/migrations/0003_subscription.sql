CREATE TABLE oncall_subscription (
	id       TEXT PRIMARY KEY,
	person   TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	p256dh   BYTEA NOT NULL,
	auth     BYTEA NOT NULL,
	agent    TEXT NOT NULL,
	at       BIGINT NOT NULL
);
CREATE INDEX oncall_subscription_person ON oncall_subscription (person, at);
