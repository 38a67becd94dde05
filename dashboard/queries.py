"""The SQL behind the Overview, over the views of the traffic log. Times come back as epoch milliseconds."""

from __future__ import annotations

from typing import Final

BUCKETS: Final = 24
"""Points of a sparkline, whatever the span."""
NEAR: Final = 1440
"""Longest span (minutes) that is counted from the rows themselves; longer ones from the counts per quarter hour."""

_SINCE = "now() - to_minutes(CAST($minutes AS BIGINT))"
_ANSWERED = "('answer', 'clarify', 'opt_out', 'opt_in')"
# Spans are compared with constants, table by table, so that what is older is not even read; and what left this machine
# is counted by its change to "sent": the view "sends" would have to look at every change there is.
_FROM_ROWS = f"""
  SELECT created, 'message' AS kind, NULL AS name, 1 AS n FROM messages WHERE created >= {_SINCE}
  UNION ALL SELECT created, 'send', status, 1 FROM send_changes
    WHERE created >= {_SINCE} AND status IN ('sent', 'in_doubt')
  UNION ALL SELECT created, 'decision', decision, 1 FROM decisions WHERE created >= {_SINCE}
"""
_FROM_QUARTERS = f"SELECT created, kind, name, n FROM quarters WHERE created >= {_SINCE} - INTERVAL 15 MINUTE"
_COURSE = f"""
WITH width AS (SELECT {_SINCE} AS since, greatest(1, (epoch_ms(now()) - epoch_ms({_SINCE})) // {BUCKETS}) AS ms),
placed AS ({{source}}),
counted AS (
  SELECT greatest(0, least({BUCKETS - 1}, (epoch_ms(p.created) - epoch_ms(w.since)) // w.ms)) AS step,
         sum(n) FILTER (kind = 'message') AS received,
         sum(n) FILTER (kind = 'send' AND name = 'sent') AS sent,
         sum(n) FILTER (kind = 'send' AND name = 'in_doubt') AS in_doubt,
         sum(n) FILTER (kind = 'decision') AS decided,
         sum(n) FILTER (kind = 'decision' AND name IN {_ANSWERED}) AS answered,
         sum(n) FILTER (kind = 'decision' AND name = 'handoff') AS handed_over,
         sum(n) FILTER (kind = 'decision' AND name = 'silent') AS unmatched
  FROM placed p, width w GROUP BY 1
),
waited AS (
  SELECT greatest(0, least({BUCKETS - 1}, (epoch_ms(created) - epoch_ms(w.since)) // w.ms)) AS step, waits.ms AS wait
  FROM waits, width w WHERE created >= {_SINCE}
),
timed AS (SELECT step, median(wait) AS reply FROM waited GROUP BY 1)
SELECT s.step,
       CAST(coalesce(received, 0) AS BIGINT) AS received,
       CAST(coalesce(sent, 0) AS BIGINT) AS sent,
       CAST(coalesce(in_doubt, 0) AS BIGINT) AS in_doubt,
       CAST(coalesce(decided, 0) AS BIGINT) AS decided,
       CAST(coalesce(answered, 0) AS BIGINT) AS answered,
       CAST(coalesce(handed_over, 0) AS BIGINT) AS handed_over,
       CAST(coalesce(unmatched, 0) AS BIGINT) AS unmatched,
       coalesce(reply, 0) AS reply,
       (SELECT median(wait) FROM waited) AS reply_ms
FROM range({BUCKETS}) s(step) LEFT JOIN counted c ON c.step = s.step LEFT JOIN timed t ON t.step = s.step
ORDER BY s.step
"""


def course(minutes: int) -> str:
    """Counts in equal steps over the last ``$minutes``, oldest first, and the median reply time of all of them.

    The reply time runs from the journaling of a message to the journaling of the ``sent`` of the reply that follows it
    in the same chat, within a day.
    """
    return _COURSE.format(source=_FROM_ROWS if minutes <= NEAR else _FROM_QUARTERS)


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

_TOP = """
SELECT rule_id, CAST(sum(n) AS BIGINT) AS answers, sum(confidence) / nullif(sum(rated), 0) AS confidence
FROM ({source}) GROUP BY rule_id ORDER BY answers DESC, rule_id LIMIT 6
"""
_TOP_ROWS = f"""
SELECT rule_id, 1 AS n, confidence, if(confidence IS NULL, 0, 1) AS rated FROM decisions
WHERE created >= {_SINCE} AND rule_id IS NOT NULL AND decision IN ('answer', 'handoff')"""
_TOP_QUARTERS = f"""
SELECT rule_id, n, confidence, rated FROM quarters
WHERE kind = 'decision' AND created >= {_SINCE} - INTERVAL 15 MINUTE AND rule_id IS NOT NULL
  AND name IN ('answer', 'handoff')"""


def top_rules(minutes: int) -> str:
    """The rules that were used most in the last ``$minutes``."""
    return _TOP.format(source=_TOP_ROWS if minutes <= NEAR else _TOP_QUARTERS)
