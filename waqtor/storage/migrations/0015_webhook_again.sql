-- What waits for another attempt is read by its time, apart from what waits for its first.
DROP INDEX webhook_deliveries_waiting;
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook_id, due_at, seq) WHERE state = 'pending';
