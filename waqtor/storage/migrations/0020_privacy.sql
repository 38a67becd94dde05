-- Who did what and when, for sensitive actions. Pseudonyms only: no texts, no addresses. Rows are never changed.
CREATE TABLE audit (
  id TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL, -- an id, or the pseudonym of a contact
  key_id TEXT NOT NULL,
  key_name TEXT NOT NULL,
  request_id TEXT NOT NULL,
  details TEXT NOT NULL
);
CREATE INDEX audit_subject ON audit (subject, id);
CREATE INDEX audit_action ON audit (action, id);
CREATE INDEX audit_at ON audit (at);
{{append_only:audit}};

-- What became of consents; the table consents holds what is valid now.
CREATE TABLE consent_changes (
  id TEXT NOT NULL PRIMARY KEY,
  contact TEXT NOT NULL,
  purpose TEXT NOT NULL,
  change TEXT NOT NULL, -- given, withdrawn
  source TEXT NOT NULL,
  at BIGINT NOT NULL,
  key_id TEXT NOT NULL
);
CREATE INDEX consent_changes_contact ON consent_changes (contact, id);
CREATE INDEX consents_purpose ON consents (purpose, created);

-- Erasures, under way and done. The contact is sealed, and gone when the erasure is done.
CREATE TABLE erasures (
  id TEXT NOT NULL PRIMARY KEY,
  pseudonym TEXT NOT NULL,
  state TEXT NOT NULL, -- running, done
  step TEXT NOT NULL,
  sealed TEXT,
  counts TEXT NOT NULL,
  error TEXT,
  key_id TEXT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  finished BIGINT
);
CREATE UNIQUE INDEX erasures_running ON erasures (pseudonym) WHERE state = 'running';

-- Ids of the messages, decisions and payloads that an erasure takes: every engine finds its own traces by them.
CREATE TABLE erasure_subjects (
  erasure_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  PRIMARY KEY (erasure_id, subject)
) {{clustered}};

-- Keyed hashes of provider ids of erased messages: a late redelivery or receipt does not bring them back.
CREATE TABLE forgotten (
  digest TEXT NOT NULL PRIMARY KEY,
  created BIGINT NOT NULL
) {{clustered}};
CREATE INDEX forgotten_created ON forgotten (created);
