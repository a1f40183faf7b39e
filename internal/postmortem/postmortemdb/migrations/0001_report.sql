CREATE TABLE postmortem_report (
	id       TEXT PRIMARY KEY,
	incident TEXT NOT NULL UNIQUE,
	number   BIGINT NOT NULL,
	doc      JSONB NOT NULL
);
CREATE INDEX postmortem_report_number ON postmortem_report (number);
