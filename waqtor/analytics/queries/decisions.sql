-- What the bot decided. What reads "quarters" takes $since and $until from the start of their quarter hour.

-- name: answer_rate
-- why: answered means the customer got an answer or a question back; opt-outs are confirmed, so they count
-- $bucket is minute, hour or day; minutes are counted from the rows themselves
WITH counted AS (
  SELECT created, n AS decided, if(name IN ('answer', 'clarify', 'opt_out', 'opt_in'), n, 0) AS answered
  FROM quarters
  WHERE $bucket::VARCHAR <> 'minute' AND kind = 'decision'
    AND ($since::TIMESTAMPTZ IS NULL OR created >= make_timestamptz(epoch_us($since::TIMESTAMPTZ) // 900000000 * 900000000))
    AND ($until::TIMESTAMPTZ IS NULL OR created < make_timestamptz(epoch_us($until::TIMESTAMPTZ) // 900000000 * 900000000))
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
  UNION ALL
  SELECT created, 1, if(decision IN ('answer', 'clarify', 'opt_out', 'opt_in'), 1, 0)
  FROM decisions
  WHERE $bucket::VARCHAR = 'minute'
    AND ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
    AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
),
minutes AS (
  SELECT epoch_us(created) // 60000000 AS minute, sum(decided) AS decided, sum(answered) AS answered
  FROM counted GROUP BY minute
)
SELECT date_trunc($bucket::VARCHAR, make_timestamptz(minute * 60000000) AT TIME ZONE $zone::VARCHAR)::TIMESTAMP AS bucket,
       sum(decided)::BIGINT AS decided,
       sum(answered)::BIGINT AS answered,
       sum(answered) / sum(decided) AS answer_rate
FROM minutes GROUP BY bucket ORDER BY bucket;

-- name: decisions
-- why: how the kinds of decision shift over time; a growing share of silence is work for the rules
-- $bucket is minute, hour or day; minutes are counted from the rows themselves
WITH counted AS (
  SELECT created, name AS decision, n AS decided
  FROM quarters
  WHERE $bucket::VARCHAR <> 'minute' AND kind = 'decision'
    AND ($since::TIMESTAMPTZ IS NULL OR created >= make_timestamptz(epoch_us($since::TIMESTAMPTZ) // 900000000 * 900000000))
    AND ($until::TIMESTAMPTZ IS NULL OR created < make_timestamptz(epoch_us($until::TIMESTAMPTZ) // 900000000 * 900000000))
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
  UNION ALL
  SELECT created, decision, 1
  FROM decisions
  WHERE $bucket::VARCHAR = 'minute'
    AND ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
    AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
),
minutes AS (
  SELECT epoch_us(created) // 60000000 AS minute, decision, sum(decided) AS decided FROM counted GROUP BY ALL
)
SELECT date_trunc($bucket::VARCHAR, make_timestamptz(minute * 60000000) AT TIME ZONE $zone::VARCHAR)::TIMESTAMP AS bucket,
       decision,
       sum(decided)::BIGINT AS decided
FROM minutes GROUP BY bucket, decision ORDER BY bucket, decision;

-- name: languages
-- why: a language with many messages and a low rate is where examples are missing
SELECT coalesce(nullif(language, ''), 'other') AS language,
       sum(n)::BIGINT AS decided,
       coalesce(sum(n) FILTER (name IN ('answer', 'clarify', 'opt_out', 'opt_in')), 0) / sum(n) AS answer_rate,
       sum(confidence) / nullif(sum(rated), 0) AS confidence
FROM quarters
WHERE kind = 'decision'
  AND ($since::TIMESTAMPTZ IS NULL OR created >= make_timestamptz(epoch_us($since::TIMESTAMPTZ) // 900000000 * 900000000))
  AND ($until::TIMESTAMPTZ IS NULL OR created < make_timestamptz(epoch_us($until::TIMESTAMPTZ) // 900000000 * 900000000))
  AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
GROUP BY 1 ORDER BY decided DESC, language;

-- name: top_rules
-- why: rules that answer most matter most; a low mean confidence there is worth a look
SELECT rule_id,
       sum(n)::BIGINT AS answers,
       sum(confidence) / nullif(sum(rated), 0) AS confidence,
       min(least) AS least_confidence
FROM quarters
WHERE kind = 'decision' AND rule_id IS NOT NULL
  AND ($since::TIMESTAMPTZ IS NULL OR created >= make_timestamptz(epoch_us($since::TIMESTAMPTZ) // 900000000 * 900000000))
  AND ($until::TIMESTAMPTZ IS NULL OR created < make_timestamptz(epoch_us($until::TIMESTAMPTZ) // 900000000 * 900000000))
  AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
GROUP BY rule_id ORDER BY answers DESC, rule_id LIMIT $top::BIGINT;

-- name: unmatched
-- why: the texts nobody answered, most frequent first; without the scope for texts only the counts remain
SELECT trigger AS text,
       language,
       nearest_rule,
       count(*)::BIGINT AS times,
       avg(confidence) AS confidence,
       max(created) AS last_seen
FROM decisions
WHERE decision = 'silent'
  AND ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
  AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
  AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
GROUP BY ALL ORDER BY times DESC, last_seen DESC LIMIT $top::BIGINT;

-- name: confidences
-- why: the histogram behind every threshold: answers should pile up right of it, silence left
SELECT confidence, decision, language
FROM decisions
WHERE confidence IS NOT NULL
  AND ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
  AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
  AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
ORDER BY created;
