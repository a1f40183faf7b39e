ALTER TABLE alert_alert ADD COLUMN labels TEXT NOT NULL DEFAULT '';
ALTER TABLE alert_alert ADD COLUMN annotations TEXT NOT NULL DEFAULT '';
ALTER TABLE alert_alert ADD COLUMN ends_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX alert_ends ON alert_alert (ends_at) WHERE resolved_at = 0 AND ends_at > 0;
