-- The learning loop: suggestions made of messages that the bot did not answer, and decisions that people judged.
-- Texts of customers are not copied: members and labels point at messages, whose texts are in payloads.
CREATE TABLE suggestions (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  language TEXT NOT NULL,
  rule_id TEXT NOT NULL,
  messages INTEGER NOT NULL,
  customers INTEGER NOT NULL,
  snoozed_until BIGINT,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  data TEXT NOT NULL
);
CREATE INDEX suggestions_status ON suggestions (status, customers);

CREATE TABLE suggestion_members (
  suggestion_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  PRIMARY KEY (suggestion_id, message_id)
) {{clustered}};
CREATE INDEX suggestion_members_message ON suggestion_members (message_id);

CREATE TABLE labels (
  trace_id TEXT NOT NULL PRIMARY KEY,
  message_id TEXT NOT NULL,
  session TEXT NOT NULL,
  was_right INTEGER NOT NULL,
  rule_id TEXT,
  note TEXT NOT NULL,
  labelled_by TEXT NOT NULL,
  created BIGINT NOT NULL
);
CREATE INDEX labels_message ON labels (message_id);
