-- Notifications. "seq" counts per person, in commit order; everything up to "read_upto" is read, unless a row says
-- otherwise ("is_read" 0: marked unread again; 1: read by itself). The counters make a badge one row's read.

CREATE TABLE notifications (
  id TEXT NOT NULL PRIMARY KEY,
  owner TEXT NOT NULL,
  seq BIGINT NOT NULL,
  type TEXT NOT NULL,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  message TEXT NOT NULL,
  icon TEXT,
  link TEXT,
  is_read INTEGER,
  is_seen INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  dedupe_key TEXT,
  source TEXT,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL
);
CREATE UNIQUE INDEX notifications_order ON notifications (owner, seq);
CREATE INDEX notifications_open ON notifications (owner, seq) WHERE is_read IS NULL;
CREATE INDEX notifications_unread_again ON notifications (owner, seq) WHERE is_read = 0;
CREATE INDEX notifications_key ON notifications (owner, dedupe_key, seq) WHERE dedupe_key IS NOT NULL;
CREATE INDEX notifications_age ON notifications (created);

CREATE TABLE notification_marks (
  owner TEXT NOT NULL PRIMARY KEY,
  last_seq BIGINT NOT NULL,
  read_upto BIGINT NOT NULL,
  unread BIGINT NOT NULL,
  total BIGINT NOT NULL,
  muted TEXT NOT NULL
);
