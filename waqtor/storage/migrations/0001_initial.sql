-- The first schema. {{rowid}} is the 64-bit key that SQLite aliases to its rowid; {{clustered}} is WITHOUT ROWID there.

CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);

-- The journal: never rewritten; personal fields are in payloads under "subject".
CREATE TABLE journal (
  seq {{rowid}},
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  version INTEGER NOT NULL,
  created BIGINT NOT NULL,
  session TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  dedup_key TEXT,
  lane INTEGER NOT NULL,
  subject TEXT NOT NULL,
  data TEXT NOT NULL
);
CREATE UNIQUE INDEX journal_dedup ON journal (dedup_key) WHERE dedup_key IS NOT NULL;

CREATE TABLE payloads (
  id TEXT NOT NULL PRIMARY KEY,
  data TEXT NOT NULL
) {{clustered}};

CREATE TABLE cursors (
  reader TEXT NOT NULL PRIMARY KEY,
  epoch TEXT NOT NULL,
  position BIGINT NOT NULL,
  updated BIGINT NOT NULL
);

CREATE TABLE dead_letters (
  reader TEXT NOT NULL,
  position BIGINT NOT NULL,
  event_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL,
  state TEXT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (reader, position)
);

-- Both directions. Outgoing rows are the send ledger: queued, sending, sent, delivered, read, failed, skipped, in_doubt.
CREATE TABLE messages (
  message_id TEXT NOT NULL PRIMARY KEY,
  session TEXT NOT NULL,
  direction TEXT NOT NULL,
  chat_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  provider_id TEXT,
  key TEXT,
  body_hash TEXT,
  priority INTEGER NOT NULL,
  cause TEXT NOT NULL,
  cause_id TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  quoted_id TEXT,
  is_group INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  owner TEXT,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  open INTEGER, -- 1 while queued, sending or in_doubt: an index that a grant does not touch
  due_at BIGINT,
  not_after BIGINT,
  sending_at BIGINT,
  error_code TEXT,
  error_reason TEXT,
  retryable INTEGER
) {{clustered}};
CREATE UNIQUE INDEX messages_inbound ON messages (session, provider_id) WHERE direction = 'in';
CREATE UNIQUE INDEX messages_key ON messages (session, key) WHERE key IS NOT NULL;
CREATE INDEX messages_provider ON messages (provider_id) WHERE direction = 'out' AND provider_id IS NOT NULL;
CREATE INDEX messages_open ON messages (session, priority, message_id) WHERE open = 1;
CREATE INDEX messages_chat ON messages (session, chat_id, message_id);

CREATE TABLE chats (
  session TEXT NOT NULL,
  chat_id TEXT NOT NULL,
  name TEXT,
  is_group INTEGER NOT NULL,
  last_message_id TEXT NOT NULL,
  last_direction TEXT NOT NULL,
  last_at BIGINT NOT NULL,
  last_inbound_at BIGINT,
  unread INTEGER NOT NULL,
  paused_at BIGINT,
  paused_until BIGINT,
  paused_reason TEXT,
  PRIMARY KEY (session, chat_id)
) {{clustered}};
CREATE INDEX chats_recent ON chats (last_at);

CREATE TABLE contacts (
  id TEXT NOT NULL PRIMARY KEY,
  created BIGINT NOT NULL
);
CREATE TABLE identities (
  session TEXT NOT NULL,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  contact_id TEXT NOT NULL,
  PRIMARY KEY (session, kind, value)
);
CREATE INDEX identities_contact ON identities (contact_id);

CREATE TABLE opt_outs (
  contact TEXT NOT NULL PRIMARY KEY,
  source TEXT NOT NULL,
  created BIGINT NOT NULL
);

-- One row per message and plugin: what it decided. Only one plugin answers a message with parts.
CREATE TABLE answers (
  message_id TEXT NOT NULL,
  plugin TEXT NOT NULL,
  session TEXT NOT NULL,
  chat_id TEXT NOT NULL,
  parts INTEGER NOT NULL,
  trace_id TEXT NOT NULL,
  decision TEXT NOT NULL,
  rule_id TEXT,
  confidence DOUBLE PRECISION NOT NULL,
  language TEXT NOT NULL,
  reason TEXT NOT NULL,
  revision TEXT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (message_id, plugin)
);
CREATE UNIQUE INDEX answers_winner ON answers (message_id) WHERE parts > 0;
CREATE INDEX answers_trace ON answers (trace_id);

CREATE TABLE sessions (
  session TEXT NOT NULL PRIMARY KEY,
  transport TEXT NOT NULL,
  status TEXT NOT NULL,
  client_info TEXT,
  reason TEXT,
  updated BIGINT NOT NULL
);
CREATE TABLE leases (
  session TEXT NOT NULL PRIMARY KEY,
  owner TEXT NOT NULL,
  generation BIGINT NOT NULL,
  expires BIGINT NOT NULL
);

CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  digest TEXT NOT NULL,
  scopes TEXT NOT NULL,
  signing_secret TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT,
  last_used BIGINT,
  revoked BIGINT
);
CREATE UNIQUE INDEX api_keys_digest ON api_keys (digest);
