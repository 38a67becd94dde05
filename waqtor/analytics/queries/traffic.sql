-- Volume: what came in and what went out, over time.
-- $since and $until bound the time (null = open), $session the number, $zone is the IANA zone of hours and days.
-- What reads "quarters" (counts per quarter of an hour, made once) takes $since and $until from the start of their
-- quarter hour: a million rows would be counted anew for every look at a chart.

-- name: kpis
-- why: the one row on top of every report; rates are null, not zero, when there is nothing to divide by
WITH m AS (
  SELECT * FROM messages
  WHERE ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
    AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
),
d AS (
  SELECT * FROM decisions
  WHERE ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
    AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
),
s AS (
  SELECT * FROM sends
  WHERE ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
    AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
)
SELECT
  (SELECT count(*) FROM m) AS received,
  (SELECT count(DISTINCT chat_key) FROM m) AS chats,
  (SELECT count(*) FROM d) AS decided,
  (SELECT count(*) FROM d WHERE decision IN ('answer', 'clarify', 'opt_out', 'opt_in')) AS answered,
  (SELECT count(*) FROM d WHERE decision = 'handoff') AS handed_over,
  (SELECT count(*) FROM d WHERE decision = 'silent') AS silent,
  (SELECT count(*) FILTER (decision IN ('answer', 'clarify', 'opt_out', 'opt_in')) / nullif(count(*), 0) FROM d)
    AS answer_rate,
  (SELECT count(*) FROM s WHERE status IN ('sent', 'delivered', 'read')) AS sent,
  (SELECT count(*) FROM s WHERE status IN ('delivered', 'read')) AS delivered,
  (SELECT count(*) FROM s WHERE status = 'read') AS read,
  (SELECT count(*) FROM s WHERE status IN ('failed', 'skipped')) AS failed,
  (SELECT count(*) FROM s WHERE status = 'in_doubt') AS in_doubt;

-- name: traffic
-- why: empty buckets are rows too, so that a chart shows silence as zero and not as a straight line
-- what was sent is counted by its change to 'sent': the view "sends" would have to look at every change there is
-- $bucket is minute, hour or day; minutes are counted from the rows themselves
WITH counted AS (
  SELECT created, if(kind = 'message', n, 0) AS received, if(kind = 'send', n, 0) AS sent
  FROM quarters
  WHERE $bucket::VARCHAR <> 'minute' AND (kind = 'message' OR kind = 'send' AND name = 'sent')
    AND ($since::TIMESTAMPTZ IS NULL OR created >= make_timestamptz(epoch_us($since::TIMESTAMPTZ) // 900000000 * 900000000))
    AND ($until::TIMESTAMPTZ IS NULL OR created < make_timestamptz(epoch_us($until::TIMESTAMPTZ) // 900000000 * 900000000))
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
  UNION ALL
  SELECT created, 1, 0 FROM messages
  WHERE $bucket::VARCHAR = 'minute'
    AND ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
    AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
  UNION ALL
  SELECT created, 0, 1 FROM send_changes
  WHERE $bucket::VARCHAR = 'minute' AND status = 'sent'
    AND ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
    AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
),
minutes AS (
  SELECT epoch_us(created) // 60000000 AS minute, sum(received) AS received, sum(sent) AS sent
  FROM counted GROUP BY minute
),
placed AS (
  SELECT date_trunc($bucket::VARCHAR, make_timestamptz(minute * 60000000) AT TIME ZONE $zone::VARCHAR) AS at_time,
         sum(received) AS received, sum(sent) AS sent
  FROM minutes GROUP BY at_time
),
ends AS (SELECT min(at_time) AS first, max(at_time) AS last FROM placed),
steps AS (
  SELECT g.at_time FROM ends, generate_series(
    ends.first::TIMESTAMP, ends.last::TIMESTAMP,
    CASE $bucket::VARCHAR WHEN 'minute' THEN INTERVAL 1 MINUTE WHEN 'hour' THEN INTERVAL 1 HOUR ELSE INTERVAL 1 DAY END
  ) AS g(at_time)
)
SELECT steps.at_time::TIMESTAMP AS bucket,
       coalesce(sum(received), 0)::BIGINT AS received,
       coalesce(sum(sent), 0)::BIGINT AS sent
FROM steps LEFT JOIN placed ON placed.at_time = steps.at_time
GROUP BY ALL ORDER BY bucket;

-- name: heat_map
-- why: staffing: when do people write? weekday 1 is Monday (ISO), in the shop's own time
WITH counted AS (
  SELECT created, sum(n) AS received
  FROM quarters
  WHERE kind = 'message'
    AND ($since::TIMESTAMPTZ IS NULL OR created >= make_timestamptz(epoch_us($since::TIMESTAMPTZ) // 900000000 * 900000000))
    AND ($until::TIMESTAMPTZ IS NULL OR created < make_timestamptz(epoch_us($until::TIMESTAMPTZ) // 900000000 * 900000000))
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
  GROUP BY created
),
placed AS (
  SELECT created AT TIME ZONE $zone::VARCHAR AS at_time, received FROM counted
)
SELECT isodow(at_time)::INTEGER AS weekday, hour(at_time)::INTEGER AS hour, sum(received)::BIGINT AS received
FROM placed GROUP BY ALL ORDER BY ALL;

-- name: response_times
-- why: what the customer waits: from journaling the message to the first 'sent' of the reply that follows in the chat;
-- sends do not name the message they answer in the log, so the nearest earlier one of the same chat is taken
SELECT count(*)::BIGINT AS replies,
       quantile_cont(ms, 0.5) AS p50_ms,
       quantile_cont(ms, 0.9) AS p90_ms,
       quantile_cont(ms, 0.99) AS p99_ms,
       max(ms) AS max_ms
FROM waits
WHERE ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
  AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
  AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR);

-- name: failures
-- why: why messages did not go out, the most frequent reason first; one line here often explains a bad day
SELECT status,
       error_code,
       error_reason,
       count(*)::BIGINT AS times,
       max(created) AS last_seen
FROM send_changes
WHERE status IN ('failed', 'skipped', 'in_doubt')
  AND ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
  AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
  AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
GROUP BY ALL ORDER BY times DESC, last_seen DESC, error_code LIMIT $top::BIGINT;
