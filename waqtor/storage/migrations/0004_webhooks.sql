-- Webhooks. Secrets and header values are encrypted. A delivery names its event by offset: its body is made when it is
-- sent, so nothing personal is copied here; only what the journal does not hold has a (sealed) body of its own.

CREATE TABLE webhooks (
  id TEXT NOT NULL PRIMARY KEY,
  url TEXT NOT NULL,
  name TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  sealed TEXT NOT NULL,
  options TEXT NOT NULL,
  since BIGINT NOT NULL,
  failing_since BIGINT,
  disabled_reason TEXT,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL
);

CREATE TABLE webhook_deliveries (
  id TEXT NOT NULL PRIMARY KEY,
  webhook_id TEXT NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  seq BIGINT NOT NULL,
  lane INTEGER NOT NULL,
  session TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  due_at BIGINT NOT NULL,
  status_code INTEGER,
  ms DOUBLE PRECISION,
  error TEXT,
  body TEXT,
  replace_key TEXT,
  test INTEGER NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL
) {{clustered}};
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook_id, seq) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (webhook_id, id);

CREATE TABLE webhook_attempts (
  delivery_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  webhook_id TEXT NOT NULL,
  name TEXT NOT NULL,
  at BIGINT NOT NULL,
  ok INTEGER NOT NULL,
  status_code INTEGER,
  ms DOUBLE PRECISION NOT NULL,
  error TEXT,
  response TEXT NOT NULL,
  PRIMARY KEY (delivery_id, attempt)
) {{clustered}};
CREATE INDEX webhook_attempts_time ON webhook_attempts (webhook_id, at);
