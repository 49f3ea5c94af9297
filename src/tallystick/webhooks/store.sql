-- name: keep
-- Keep the event once; return its id where it is new.
INSERT INTO tallystick.webhook_event (
    id, provider, external_id, kind, body, body_sha256, occurred_at, received_at, due_at
)
VALUES (
    %(id)s, %(provider)s, %(external_id)s, %(kind)s, %(body)s, sha256(%(body)s),
    %(occurred_at)s, %(now)s, clock_timestamp()
)
ON CONFLICT (provider, external_id) DO NOTHING
RETURNING webhook_event.id;

-- name: wake
-- Wake the drains once this transaction commits.
SELECT pg_notify(%(channel)s, '');

-- name: claim
-- Lock the event that has waited longest and that nobody else has in hand.
SELECT
    webhook_event.id,
    webhook_event.provider,
    webhook_event.external_id,
    webhook_event.kind,
    webhook_event.occurred_at,
    webhook_event.body
FROM tallystick.webhook_event
WHERE
    webhook_event.state = 'received'
    AND webhook_event.due_at <= clock_timestamp()
ORDER BY webhook_event.due_at
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: finish
-- Record how a claimed event was left.
UPDATE tallystick.webhook_event
SET
    state = %(state)s,
    processed_at = tallystick.now(),
    error = NULL
WHERE webhook_event.id = %(id)s;

-- name: postpone
-- Record an error and try again later, or give up at the cap.
UPDATE tallystick.webhook_event
SET
    attempts = webhook_event.attempts + 1,
    error = %(error)s,
    due_at = clock_timestamp() + make_interval(secs => %(wait_s)s),
    state = CASE WHEN webhook_event.attempts + 1 >= %(attempts_max)s THEN 'failed' ELSE 'received' END
WHERE
    webhook_event.id = %(id)s
    AND webhook_event.state = 'received';

-- name: attempts
-- How often processing an event went wrong so far.
SELECT webhook_event.attempts
FROM tallystick.webhook_event
WHERE webhook_event.id = %(id)s;

-- name: count_by_state
-- How many events stand where.
SELECT
    webhook_event.state,
    count(*) AS events
FROM tallystick.webhook_event
GROUP BY webhook_event.state;
