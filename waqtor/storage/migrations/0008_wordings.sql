-- What a notification says, as a key and its parameters, so that pages can say it in the reader's language. Rows without
-- a key (older ones, and those made by hand) keep their title and message.

ALTER TABLE notifications ADD COLUMN wording TEXT;
ALTER TABLE notifications ADD COLUMN params TEXT;
