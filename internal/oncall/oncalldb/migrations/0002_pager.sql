ALTER TABLE oncall_page ADD COLUMN doc TEXT NOT NULL DEFAULT '{}';
DROP INDEX oncall_page_due;
CREATE INDEX oncall_page_due ON oncall_page (step_at) WHERE step_at > 0;
CREATE INDEX oncall_page_open ON oncall_page (opened_at) WHERE closed_at = 0;
-- A delivery of a canary belongs to no page.
CREATE TABLE oncall_ledger (
	id       TEXT PRIMARY KEY,
	page     TEXT NOT NULL,
	kind     TEXT NOT NULL,
	person   TEXT NOT NULL,
	device   TEXT NOT NULL,
	channel  TEXT NOT NULL,
	address  TEXT NOT NULL,
	step     BIGINT NOT NULL,
	state    TEXT NOT NULL,
	made_at  BIGINT NOT NULL,
	due_at   BIGINT NOT NULL,
	lease    BIGINT NOT NULL,
	holder   TEXT NOT NULL DEFAULT '',
	fence    BIGINT NOT NULL DEFAULT 0,
	attempts BIGINT NOT NULL,
	sent_at  BIGINT NOT NULL,
	receipt  TEXT NOT NULL,
	cost     TEXT NOT NULL DEFAULT '',
	bundle   TEXT NOT NULL DEFAULT '',
	error    TEXT NOT NULL
);
INSERT INTO oncall_ledger (id, page, kind, person, device, channel, address, step, state, made_at, due_at, lease, holder, attempts, sent_at, receipt, error)
	SELECT id, page, kind, person, device, channel, address, step, state, due_at, due_at, lease, holder, attempts, sent_at, receipt, error FROM oncall_delivery;
DROP TABLE oncall_delivery;
CREATE INDEX oncall_ledger_due ON oncall_ledger (due_at) WHERE state = 'pending';
CREATE INDEX oncall_ledger_page ON oncall_ledger (page, id);
CREATE INDEX oncall_ledger_person ON oncall_ledger (person, id);
CREATE INDEX oncall_ledger_receipt ON oncall_ledger (channel, receipt) WHERE receipt <> '';
CREATE INDEX oncall_ledger_address ON oncall_ledger (channel, address, id);
CREATE INDEX oncall_ledger_bundle ON oncall_ledger (bundle) WHERE bundle <> '';
CREATE INDEX oncall_ledger_made ON oncall_ledger (made_at);
CREATE TABLE oncall_attempt (
	delivery TEXT NOT NULL,
	at       BIGINT NOT NULL,
	took     BIGINT NOT NULL,
	receipt  TEXT NOT NULL,
	error    TEXT NOT NULL,
	late     BOOLEAN NOT NULL
);
CREATE INDEX oncall_attempt_delivery ON oncall_attempt (delivery, at);
CREATE TABLE oncall_adjustment (
	id         TEXT PRIMARY KEY,
	kind       TEXT NOT NULL,
	rota       TEXT NOT NULL,
	person     TEXT NOT NULL,
	of_person  TEXT NOT NULL,
	start      BIGINT NOT NULL,
	until      BIGINT NOT NULL,
	shifts     TEXT NOT NULL,
	mode       TEXT NOT NULL,
	graduates  BIGINT NOT NULL,
	made_by    TEXT NOT NULL,
	reason     TEXT NOT NULL,
	created    BIGINT NOT NULL
);
INSERT INTO oncall_adjustment (id, kind, rota, person, of_person, start, until, shifts, mode, graduates, made_by, reason, created)
	SELECT id, 'override', rota, person, '*', start, until, '[]', '', 0, made_by, reason, created FROM oncall_override;
DROP TABLE oncall_override;
CREATE INDEX oncall_adjustment_time ON oncall_adjustment (until, start);
CREATE TABLE oncall_edition (
	rota  TEXT NOT NULL,
	since BIGINT NOT NULL,
	doc   TEXT NOT NULL,
	PRIMARY KEY (rota, since)
);
