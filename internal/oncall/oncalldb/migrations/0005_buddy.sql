-- What a server and its buddy keep of each other, one row a name.
CREATE TABLE oncall_buddy (
	name TEXT PRIMARY KEY,
	doc  TEXT NOT NULL
);
-- What a buddy has handed back: kind is page or alert.
CREATE TABLE oncall_handed (
	kind TEXT NOT NULL,
	id   TEXT NOT NULL,
	at   BIGINT NOT NULL,
	PRIMARY KEY (kind, id)
);
