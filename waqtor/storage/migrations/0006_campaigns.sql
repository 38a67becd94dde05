-- Audiences, and campaigns with their recipients. What became of a recipient is in the send ledger (messages), under
-- the key campaign:<id>:<contact>:<attempt>; nothing of it is stored twice.

CREATE TABLE audiences (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  source TEXT NOT NULL,
  state TEXT NOT NULL,
  fields TEXT NOT NULL,
  total BIGINT NOT NULL,
  seen BIGINT NOT NULL,
  duplicates BIGINT NOT NULL,
  bad BIGINT NOT NULL,
  reason TEXT,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL
);

CREATE TABLE audience_members (
  audience_id TEXT NOT NULL,
  place BIGINT NOT NULL,
  contact TEXT NOT NULL,
  variables TEXT NOT NULL,
  PRIMARY KEY (audience_id, place)
) {{clustered}};

CREATE TABLE audience_issues (
  audience_id TEXT NOT NULL,
  place BIGINT NOT NULL,
  line BIGINT NOT NULL,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (audience_id, place)
) {{clustered}};

CREATE TABLE contact_tags (
  tag TEXT NOT NULL,
  contact TEXT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (tag, contact)
) {{clustered}};

CREATE TABLE consents (
  contact TEXT NOT NULL,
  purpose TEXT NOT NULL,
  source TEXT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (contact, purpose)
) {{clustered}};

CREATE TABLE campaigns (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  session TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  hold TEXT, -- why it is held: quiet, warm_up, offline or provider
  halted INTEGER NOT NULL, -- read by every grant: 0 may send, 1 stopped for now, 2 over
  consent INTEGER NOT NULL, -- 1: only contacts with a recorded consent
  audience_id TEXT NOT NULL,
  spec TEXT NOT NULL,
  total BIGINT NOT NULL,
  planned BIGINT NOT NULL, -- rows in campaign_recipients
  fed BIGINT NOT NULL, -- of these, rows whose turn has come
  counts TEXT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  due_at BIGINT,
  held_until BIGINT,
  started BIGINT,
  finished BIGINT
);
CREATE INDEX campaigns_live ON campaigns (status) WHERE status IN ('scheduled', 'running', 'held');

CREATE TABLE campaign_recipients (
  campaign_id TEXT NOT NULL,
  place BIGINT NOT NULL,
  contact TEXT NOT NULL,
  variant TEXT NOT NULL,
  variables TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  superseded INTEGER NOT NULL,
  skip_code TEXT,
  skip_reason TEXT,
  PRIMARY KEY (campaign_id, place)
) {{clustered}};

-- How many recipients a number has had queued on each local day: its warm-up.
CREATE TABLE number_days (
  session TEXT NOT NULL,
  day TEXT NOT NULL,
  queued BIGINT NOT NULL,
  PRIMARY KEY (session, day)
) {{clustered}};
