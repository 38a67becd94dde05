-- Files that messages carry. The bytes lie in the media folder under their SHA-256; several rows (other names or types)
-- may share one file, which goes when the last of them does.
CREATE TABLE media (
  id TEXT NOT NULL PRIMARY KEY,
  sha256 TEXT NOT NULL,
  mime_type TEXT NOT NULL,
  size BIGINT NOT NULL,
  filename TEXT,
  created BIGINT NOT NULL
);
CREATE INDEX media_file ON media (sha256);
