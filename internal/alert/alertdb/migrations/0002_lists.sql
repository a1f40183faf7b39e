CREATE INDEX alert_unresolved_newest ON alert_alert (id) WHERE resolved_at = 0;
CREATE INDEX alert_history ON alert_alert (fingerprint, id);
