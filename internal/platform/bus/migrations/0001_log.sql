CREATE TABLE bus_head (
	id   BIGINT PRIMARY KEY,
	seq  BIGINT NOT NULL,
	hash TEXT NOT NULL
);
INSERT INTO bus_head (id, seq, hash) VALUES (1, 0, '');
CREATE TABLE bus_event (
	seq         BIGINT PRIMARY KEY,
	id          TEXT NOT NULL UNIQUE,
	name        TEXT NOT NULL,
	at          BIGINT NOT NULL,
	recorded_at BIGINT NOT NULL,
	service     TEXT NOT NULL,
	subject     TEXT NOT NULL,
	actor       TEXT NOT NULL,
	source      TEXT NOT NULL,
	payload     TEXT NOT NULL,
	hash        TEXT NOT NULL
);
CREATE INDEX bus_event_service ON bus_event (service, seq);
CREATE INDEX bus_event_subject ON bus_event (subject, seq);
CREATE INDEX bus_event_name ON bus_event (name, seq);
CREATE INDEX bus_event_at ON bus_event (at, seq);
CREATE TABLE bus_cursor (
	subscriber TEXT PRIMARY KEY,
	seq        BIGINT NOT NULL
);
CREATE TABLE bus_parked (
	subscriber TEXT NOT NULL,
	seq        BIGINT NOT NULL,
	reason     TEXT NOT NULL,
	parked_at  BIGINT NOT NULL,
	PRIMARY KEY (subscriber, seq)
);
