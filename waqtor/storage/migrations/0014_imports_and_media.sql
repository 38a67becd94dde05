-- How many rows a file that is being imported likely has, for the time it still takes.
ALTER TABLE audiences ADD COLUMN expected BIGINT;
-- When a file was uploaded last: repeating an upload makes no second row, but it is wanted for longer.
ALTER TABLE media ADD COLUMN used BIGINT NOT NULL DEFAULT 0;
UPDATE media SET used = created;
CREATE INDEX media_used ON media (used);
