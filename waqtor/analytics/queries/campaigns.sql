-- Campaigns as the log knows them: $campaign is a campaign's id. A send names its campaign and variant as
-- <campaign id>:<variant> in correlation_id; who was left out before sending is counted in campaign.skipped events.

-- name: campaigns
-- why: which campaigns there were and how each stood last, newest first; names are not in the log
WITH states AS (
  SELECT journal_offset, session, created, type, data ->> '$.campaign_id' AS campaign_id, data ->> '$.status' AS status,
         data ->> '$.reason' AS reason, CAST(data ->> '$.total' AS BIGINT) AS total
  FROM events
  WHERE starts_with(type, 'campaign.') AND type <> 'campaign.skipped'
    AND ($since::TIMESTAMPTZ IS NULL OR created >= $since::TIMESTAMPTZ)
    AND ($until::TIMESTAMPTZ IS NULL OR created < $until::TIMESTAMPTZ)
    AND ($session::VARCHAR IS NULL OR session = $session::VARCHAR)
    AND ($campaign::VARCHAR IS NULL OR data ->> '$.campaign_id' = $campaign::VARCHAR)
)
SELECT campaign_id,
       any_value(session) AS session,
       arg_max(status, journal_offset) AS status,
       arg_max(coalesce(reason, ''), journal_offset) AS reason,
       arg_max(total, journal_offset) AS total,
       min(created) AS started,
       max(created) AS updated,
       CASE WHEN arg_max(type, journal_offset) IN ('campaign.completed', 'campaign.failed', 'campaign.cancelled')
            THEN max(created) END AS finished
FROM states GROUP BY campaign_id ORDER BY started DESC, campaign_id DESC LIMIT $top::BIGINT;

-- name: campaign_sends
-- why: each recipient's last attempt with its times (UTC microseconds), so that rates, waits and hours can be reckoned;
-- in pages of $top after the message id $after, since a sidecar answers only so many rows
-- an attempt that was retried is not the last one of its chat; a reply is any later message of the chat
WITH sends AS (
  SELECT message_id,
         any_value(session) AS session,
         any_value(substr(correlation_id, strpos(correlation_id, ':') + 1)) AS variant,
         any_value(chat_key) AS chat_key,
         arg_max(status, journal_offset) AS status,
         min(epoch_us(created)) FILTER (status = 'sent') AS sent_us,
         arg_max(epoch_us(created), journal_offset) AS updated_us,
         arg_max(coalesce(error_code, ''), journal_offset) AS error_code,
         arg_max(coalesce(error_reason, ''), journal_offset) AS error_reason
  FROM send_changes
  WHERE cause = 'campaign' AND starts_with(correlation_id, $campaign::VARCHAR || ':')
  GROUP BY message_id
),
last AS (
  SELECT * FROM sends
  QUALIFY row_number() OVER (PARTITION BY coalesce(chat_key, message_id) ORDER BY message_id DESC) = 1
),
page AS (SELECT * FROM last WHERE message_id > $after::VARCHAR ORDER BY message_id LIMIT $top::BIGINT),
replies AS (
  SELECT p.message_id, min(epoch_us(m.created)) AS replied_us
  FROM page p JOIN messages m
    ON m.chat_key = p.chat_key AND m.session = p.session AND m.message_id > p.message_id
  GROUP BY p.message_id
)
SELECT page.message_id, variant, status, sent_us, updated_us, replied_us, error_code, error_reason
FROM page LEFT JOIN replies ON replies.message_id = page.message_id
ORDER BY page.message_id;

-- name: campaign_skips
-- why: whom the campaign left out before sending, by variant and reason; these have no row among the sends
WITH noted AS (
  SELECT unnest(CAST(data -> '$.skips' AS STRUCT(variant VARCHAR, code VARCHAR, reason VARCHAR, "count" BIGINT)[])) AS s
  FROM events
  WHERE type = 'campaign.skipped' AND data ->> '$.campaign_id' = $campaign::VARCHAR
)
SELECT s.variant AS variant, s.code AS code, s.reason AS reason, sum(s."count")::BIGINT AS recipients
FROM noted GROUP BY ALL ORDER BY recipients DESC, variant, code, reason;
