-- Statuses that name only the provider's id and came before the send's call was answered: kept until that id is known.
CREATE TABLE early_receipts (
  session TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  status TEXT NOT NULL,
  at BIGINT NOT NULL,
  error_code TEXT NOT NULL,
  error_reason TEXT NOT NULL,
  received BIGINT NOT NULL,
  PRIMARY KEY (session, provider_id, status)
) {{clustered}};
CREATE INDEX early_receipts_received ON early_receipts (received);
