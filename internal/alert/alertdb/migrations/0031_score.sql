CREATE INDEX alert_by_rule ON alert_alert (source, rule, opened_at);
