-- Which firing of its page made a delivery: an answer to it counts for that one.
ALTER TABLE oncall_ledger ADD COLUMN firing BIGINT NOT NULL DEFAULT 0;
-- When a page's deadline was decided: by it a clock that was ahead is found out.
ALTER TABLE oncall_page ADD COLUMN set_at BIGINT NOT NULL DEFAULT 0;
UPDATE oncall_page SET set_at = opened_at;
-- Pages that are open: whoever was called was told, and where there was no policy it
-- is looked for again.
UPDATE oncall_page SET doc = CASE doc WHEN '{}' THEN '{"told":["*"]}' ELSE '{"told":["*"],' || substr(doc, 2) END WHERE state = 'calling' AND step > 0;
UPDATE oncall_page SET step_at = 1 WHERE state = 'no_policy' AND closed_at = 0;
DROP INDEX oncall_page_open;
CREATE INDEX oncall_page_set ON oncall_page (set_at) WHERE closed_at = 0;
CREATE INDEX oncall_page_service ON oncall_page (service, id);
