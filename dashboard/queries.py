"""The SQL behind the Overview, over the views of the traffic log. Times come back as epoch milliseconds."""

from __future__ import annotations

from typing import Final

BUCKETS: Final = 24
"""Points of a sparkline, whatever the span."""

_SINCE = "now() - to_minutes(CAST($minutes AS BIGINT))"
# Spans are compared with constants, table by table, so that what is older is not even read; and what left this machine
# is counted by its change to "sent": the view "sends" would have to look at every change there is.
RECEIVED: Final = f"SELECT count(*) FROM messages WHERE created >= {_SINCE}"
"""How many messages came in the span (minutes)."""
ENOUGH: Final = 25_000
"""Messages on which the reply time is measured; where more came, one of ``$part`` chats stands for all."""
_PART = "hash(chat_key) % CAST($part AS UBIGINT) = 0"
_REPLIES = f"""replies AS (
  SELECT s.created, epoch_ms(s.created) - epoch_ms(m.created) AS ms
  FROM (
    SELECT hash(chat_key) AS chat, created FROM send_changes
    WHERE cause = 'reply' AND status = 'sent' AND created >= {_SINCE} AND {_PART}
  ) s
  ASOF JOIN (
    SELECT hash(chat_key) AS chat, created FROM messages WHERE created >= {_SINCE} - INTERVAL 1 DAY AND {_PART}
  ) m ON s.chat = m.chat AND s.created >= m.created
)"""

FIGURES: Final = f"""
WITH decided AS (SELECT decision FROM decisions WHERE created >= {_SINCE}),
{_REPLIES}
SELECT
  (SELECT count(*) FROM messages WHERE created >= {_SINCE}) AS received,
  (SELECT count(*) FROM send_changes WHERE created >= {_SINCE} AND status = 'sent') AS sent,
  (SELECT count(*) FROM decided) AS decided,
  (SELECT count(*) FROM decided WHERE decision IN ('answer', 'clarify', 'opt_out', 'opt_in')) AS answered,
  (SELECT count(*) FROM decided WHERE decision = 'handoff') AS handed_over,
  (SELECT count(*) FROM decided WHERE decision = 'silent') AS unmatched,
  (SELECT median(ms) FROM replies) AS reply_ms
"""
"""One row of key figures; the parameters are the span in minutes and, of how many chats one is taken, ``part``.

The reply time is measured from the journaling of a message to the journaling of the ``sent`` of the reply that follows
it in the same chat, within a day.
"""

TRENDS: Final = f"""
WITH steps AS (SELECT unnest(range({BUCKETS})) AS step),
width AS (SELECT {_SINCE} AS since, greatest(1, (epoch_ms(now()) - epoch_ms({_SINCE})) // {BUCKETS}) AS ms),
{_REPLIES},
placed AS (
  SELECT 'received' AS kind, created FROM messages WHERE created >= {_SINCE}
  UNION ALL SELECT 'sent', created FROM send_changes WHERE created >= {_SINCE} AND status = 'sent'
  UNION ALL SELECT if(decision = 'silent', 'unmatched', 'answered'), created FROM decisions
    WHERE created >= {_SINCE} AND decision IN ('answer', 'clarify', 'opt_out', 'opt_in', 'silent')
  UNION ALL SELECT 'in_doubt', created FROM send_changes WHERE created >= {_SINCE} AND status = 'in_doubt'
),
timed AS (
  SELECT least({BUCKETS - 1}, (epoch_ms(r.created) - epoch_ms(w.since)) // w.ms) AS step, median(r.ms) AS ms
  FROM replies r, width w GROUP BY ALL
),
counted AS (
  SELECT kind, least({BUCKETS - 1}, (epoch_ms(p.created) - epoch_ms(w.since)) // w.ms) AS step, count(*) AS n
  FROM placed p, width w GROUP BY ALL
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
"""Counts in equal steps over the span (minutes), oldest first; parameters as above."""

TRAFFIC: Final = """
WITH minutes AS (
  SELECT epoch_ms(date_trunc('minute', now())) - 60000 * (59 - unnest(range(60))) AS minute
),
placed AS (
  SELECT 'received' AS kind, created FROM messages WHERE created >= now() - INTERVAL 1 HOUR
  UNION ALL
  SELECT if(cause = 'reply', 'replied', 'other'), created FROM send_changes
  WHERE created >= now() - INTERVAL 1 HOUR AND status = 'sent'
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
SELECT rule_id, count(*) AS answers, avg(confidence) AS confidence
FROM decisions
WHERE created >= {_SINCE} AND rule_id IS NOT NULL AND decision IN ('answer', 'handoff')
GROUP BY rule_id ORDER BY answers DESC, rule_id LIMIT 6
"""
"""The rules that were used most in the span (minutes)."""
