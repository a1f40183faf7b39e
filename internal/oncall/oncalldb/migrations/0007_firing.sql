-- Which firing of its page made a delivery: an answer to it counts for that one.
ALTER TABLE oncall_ledger ADD COLUMN firing BIGINT NOT NULL DEFAULT 0;
-- When a page's deadline was decided: by it a clock that was ahead is found out.
ALTER TABLE oncall_page ADD COLUMN set_at BIGINT NOT NULL DEFAULT 0;
UPDATE oncall_page SET set_at = opened_at;
DROP INDEX oncall_page_open;
CREATE INDEX oncall_page_set ON oncall_page (set_at) WHERE closed_at = 0;
CREATE INDEX oncall_page_service ON oncall_page (service, id);
