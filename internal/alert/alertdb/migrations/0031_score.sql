CREATE INDEX alert_by_rule ON alert_alert (source, rule, opened_at);
CREATE TABLE alert_rule_text (
	rule  TEXT PRIMARY KEY,
	sum   TEXT NOT NULL,
	since BIGINT NOT NULL
);
