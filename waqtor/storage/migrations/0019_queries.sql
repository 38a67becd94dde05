-- Queries over the traffic log that people keep; "name_key" is the name without its case.
CREATE TABLE queries (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  statement TEXT NOT NULL,
  about TEXT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL
);
CREATE UNIQUE INDEX queries_name ON queries (name_key);
