-- How the engine itself did: snapshots of its metrics.
-- $since and $until bound the time (null = open), $session the number, $step is the width of a step in seconds, $name the
-- beginning of the metrics' names (null = all).

-- name: metrics
-- why: counters start anew with every process, so rates come from the increases; a step without a snapshot has no row
WITH placed AS (
  -- A snapshot tells of the time before it: it belongs where most of that time is.
  SELECT *, floor((epoch_us(created) / 1e6 - seconds / 2) / $step::DOUBLE) * $step::DOUBLE AS at_s
  FROM metrics
  WHERE ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
    AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
    AND ($name::VARCHAR IS NULL OR starts_with(name, $name::VARCHAR))
)
SELECT to_timestamp(at_s) AS at_time,
       name,
       labels::VARCHAR AS labels,
       any_value(kind) AS kind,
       sum(added) / nullif(sum(seconds), 0) AS rate,
       sum(added) AS added,
       coalesce(sum(value * seconds) / nullif(sum(seconds), 0), avg(value)) AS mean,
       max(value) AS most,
       sum(seconds) AS seconds,
       count(DISTINCT started) AS processes
FROM placed
GROUP BY at_s, name, labels::VARCHAR
ORDER BY name, labels, at_time;

-- name: engine_starts
-- why: a chart marks where the engine was started anew, because that explains steps without snapshots
SELECT DISTINCT started
FROM metrics
WHERE ($since::TIMESTAMPTZ IS NULL OR started >= $since::TIMESTAMPTZ)
  AND ($until::TIMESTAMPTZ IS NULL OR started < $until::TIMESTAMPTZ)
ORDER BY started;
