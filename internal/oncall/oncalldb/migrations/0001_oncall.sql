CREATE TABLE oncall_page (
	id        TEXT PRIMARY KEY,
	service   TEXT NOT NULL,
	policy    TEXT NOT NULL,
	summary   TEXT NOT NULL,
	alerts    TEXT NOT NULL,
	state     TEXT NOT NULL,
	step      BIGINT NOT NULL,
	round     BIGINT NOT NULL,
	step_at   BIGINT NOT NULL,
	opened_at BIGINT NOT NULL,
	acked_at  BIGINT NOT NULL,
	acked_by  TEXT NOT NULL,
	closed_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX oncall_one_open_page ON oncall_page (service) WHERE closed_at = 0;
CREATE INDEX oncall_page_due ON oncall_page (step_at) WHERE state = 'calling';
CREATE TABLE oncall_delivery (
	id       TEXT PRIMARY KEY,
	page     TEXT NOT NULL REFERENCES oncall_page (id) ON DELETE CASCADE,
	kind     TEXT NOT NULL,
	person   TEXT NOT NULL,
	device   TEXT NOT NULL,
	channel  TEXT NOT NULL,
	address  TEXT NOT NULL,
	step     BIGINT NOT NULL,
	state    TEXT NOT NULL,
	due_at   BIGINT NOT NULL,
	lease    BIGINT NOT NULL,
	holder   TEXT NOT NULL DEFAULT '',
	attempts BIGINT NOT NULL,
	sent_at  BIGINT NOT NULL,
	receipt  TEXT NOT NULL,
	error    TEXT NOT NULL
);
CREATE INDEX oncall_delivery_due ON oncall_delivery (due_at) WHERE state = 'pending';
CREATE INDEX oncall_delivery_page ON oncall_delivery (page, id);
CREATE TABLE oncall_override (
	id      TEXT PRIMARY KEY,
	rota    TEXT NOT NULL,
	person  TEXT NOT NULL,
	start   BIGINT NOT NULL,
	until   BIGINT NOT NULL,
	made_by TEXT NOT NULL,
	reason  TEXT NOT NULL,
	created BIGINT NOT NULL
);
CREATE INDEX oncall_override_time ON oncall_override (until, start);
CREATE TABLE oncall_inbox (
	id      TEXT PRIMARY KEY,
	person  TEXT NOT NULL,
	kind    TEXT NOT NULL,
	title   TEXT NOT NULL,
	body    TEXT NOT NULL,
	link    TEXT NOT NULL,
	at      BIGINT NOT NULL,
	read_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX oncall_inbox_person ON oncall_inbox (person, id);
