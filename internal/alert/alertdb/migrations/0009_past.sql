CREATE INDEX alert_notice_ids ON alert_notice_of (id);
