"""The SQL behind the Overview, over the views of the traffic log. Times come back as epoch milliseconds."""

from __future__ import annotations

from typing import Final

BUCKETS: Final = 24
"""Points of a sparkline, whatever the span."""

_SPAN = "WITH span AS (SELECT now() - to_minutes(CAST(? AS BIGINT)) AS since)"

FIGURES: Final = f"""
{_SPAN},
decided AS (SELECT d.decision FROM decisions d, span WHERE d.created >= span.since),
replies AS (
  SELECT epoch_ms(s.created) - epoch_ms(m.created) AS ms
  FROM (SELECT chat_key, created FROM sends WHERE cause = 'reply') s
  ASOF JOIN messages m ON s.chat_key = m.chat_key AND s.created >= m.created
  WHERE s.created >= (SELECT since FROM span)
)
SELECT
  (SELECT count(*) FROM messages m, span WHERE m.created >= span.since) AS received,
  (SELECT count(*) FROM sends s, span
    WHERE s.created >= span.since AND s.status IN ('sent', 'delivered', 'read')) AS sent,
  (SELECT count(*) FROM decided) AS decided,
  (SELECT count(*) FROM decided WHERE decision IN ('answer', 'clarify', 'opt_out', 'opt_in')) AS answered,
  (SELECT count(*) FROM decided WHERE decision = 'handoff') AS handed_over,
  (SELECT count(*) FROM decided WHERE decision = 'silent') AS unmatched,
  (SELECT median(ms) FROM replies) AS reply_ms
"""
"""One row of key figures; the parameter is the span in minutes.

The reply time is measured from the journaling of a message to the journaling of the first ``sent`` of the reply
that follows it in the same chat.
"""

TRENDS: Final = f"""
{_SPAN},
steps AS (SELECT unnest(range({BUCKETS})) AS step),
width AS (SELECT since, greatest(1, (epoch_ms(now()) - epoch_ms(since)) // {BUCKETS}) AS ms FROM span),
placed AS (
  SELECT 'received' AS kind, created FROM messages
  UNION ALL SELECT 'sent', created FROM sends WHERE status IN ('sent', 'delivered', 'read')
  UNION ALL SELECT 'answered', created FROM decisions WHERE decision IN ('answer', 'clarify', 'opt_out', 'opt_in')
  UNION ALL SELECT 'unmatched', created FROM decisions WHERE decision = 'silent'
  UNION ALL SELECT 'in_doubt', created FROM send_changes WHERE status = 'in_doubt'
),
replies AS (
  SELECT s.created, epoch_ms(s.created) - epoch_ms(m.created) AS ms
  FROM (SELECT chat_key, created FROM sends WHERE cause = 'reply') s
  ASOF JOIN messages m ON s.chat_key = m.chat_key AND s.created >= m.created
),
timed AS (
  SELECT least({BUCKETS - 1}, (epoch_ms(r.created) - epoch_ms(w.since)) // w.ms) AS step, median(r.ms) AS ms
  FROM replies r, width w WHERE r.created >= w.since GROUP BY ALL
),
counted AS (
  SELECT kind, least({BUCKETS - 1}, (epoch_ms(p.created) - epoch_ms(w.since)) // w.ms) AS step, count(*) AS n
  FROM placed p, width w WHERE p.created >= w.since GROUP BY ALL
)
SELECT s.step,
       CAST(coalesce(sum(n) FILTER (kind = 'received'), 0) AS BIGINT) AS received,
       CAST(coalesce(sum(n) FILTER (kind = 'sent'), 0) AS BIGINT) AS sent,
       CAST(coalesce(sum(n) FILTER (kind = 'answered'), 0) AS BIGINT) AS answered,
       CAST(coalesce(sum(n) FILTER (kind = 'unmatched'), 0) AS BIGINT) AS unmatched,
       CAST(coalesce(sum(n) FILTER (kind = 'in_doubt'), 0) AS BIGINT) AS in_doubt,
       coalesce(any_value(t.ms), 0) AS reply
FROM steps s LEFT JOIN counted c ON c.step = s.step LEFT JOIN timed t ON t.step = s.step
GROUP BY s.step ORDER BY s.step
"""
"""Counts in equal steps over the span (minutes), oldest first."""

TRAFFIC: Final = """
WITH minutes AS (
  SELECT epoch_ms(date_trunc('minute', now())) - 60000 * (59 - unnest(range(60))) AS minute
),
placed AS (
  SELECT 'received' AS kind, created FROM messages WHERE created >= now() - INTERVAL 1 HOUR
  UNION ALL
  SELECT if(cause = 'reply', 'replied', 'other'), created FROM sends
  WHERE created >= now() - INTERVAL 1 HOUR AND status IN ('sent', 'delivered', 'read')
),
counted AS (
  SELECT kind, epoch_ms(date_trunc('minute', created)) AS minute, count(*) AS n FROM placed GROUP BY ALL
)
SELECT m.minute,
       CAST(coalesce(sum(n) FILTER (kind = 'received'), 0) AS BIGINT) AS received,
       CAST(coalesce(sum(n) FILTER (kind = 'replied'), 0) AS BIGINT) AS replied,
       CAST(coalesce(sum(n) FILTER (kind = 'other'), 0) AS BIGINT) AS other
FROM minutes m LEFT JOIN counted c ON c.minute = m.minute
GROUP BY m.minute ORDER BY m.minute
"""
"""Messages per minute of the last hour: received, replied by the bot, sent otherwise."""

TOP_RULES: Final = f"""
{_SPAN}
SELECT d.rule_id, count(*) AS answers, avg(d.confidence) AS confidence
FROM decisions d, span
WHERE d.created >= span.since AND d.rule_id IS NOT NULL AND d.decision IN ('answer', 'handoff')
GROUP BY d.rule_id ORDER BY answers DESC, d.rule_id LIMIT 6
"""
"""The rules that were used most in the span (minutes)."""
