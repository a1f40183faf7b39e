CREATE TABLE oncall_hook_since (
	subscription TEXT PRIMARY KEY,
	since        BIGINT NOT NULL
);
CREATE TABLE oncall_hook (
	id           TEXT PRIMARY KEY,
	subscription TEXT NOT NULL,
	event        TEXT NOT NULL,
	seq          BIGINT NOT NULL,
	page         TEXT NOT NULL,
	service      TEXT NOT NULL,
	type         TEXT NOT NULL,
	body         TEXT NOT NULL,
	state        TEXT NOT NULL,
	created_at   BIGINT NOT NULL,
	due_at       BIGINT NOT NULL,
	attempts     BIGINT NOT NULL,
	status       BIGINT NOT NULL,
	done_at      BIGINT NOT NULL,
	error        TEXT NOT NULL,
	tried_at     BIGINT NOT NULL
);
CREATE UNIQUE INDEX oncall_hook_once ON oncall_hook (subscription, event);
CREATE INDEX oncall_hook_waiting ON oncall_hook (subscription, page, seq) WHERE state = 'waiting';
CREATE INDEX oncall_hook_tried ON oncall_hook (subscription, tried_at);
