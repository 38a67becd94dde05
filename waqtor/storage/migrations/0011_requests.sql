-- Requests that came with an Idempotency-Key and make or change something else than a send (sends have theirs in messages).
CREATE TABLE requests (
  key TEXT NOT NULL PRIMARY KEY,
  body_hash TEXT NOT NULL,
  subject TEXT NOT NULL, -- the id that was chosen for what the request makes
  done INTEGER NOT NULL,
  created BIGINT NOT NULL
) {{clustered}};
CREATE INDEX requests_created ON requests (created);
