-- name: keep
-- Keep what is not kept yet, and return the ids of what is new. What says nothing about us is done
-- with at once; the drains are woken for the rest, once that is committed.
WITH moment AS MATERIALIZED (
    SELECT coalesce(%(now)s::timestamptz, tallystick.now()) AS now
),

fresh AS (
    INSERT INTO tallystick.webhook_event (
        id, provider, external_id, kind, body, body_sha256, occurred_at, received_at, due_at, source,
        state, processed_at
    )
    SELECT
        told.id,
        told.provider,
        told.external_id,
        told.kind,
        told.body,
        sha256(told.body) AS body_sha256,
        told.occurred_at,
        moment.now,
        clock_timestamp() AS due_at,
        told.source,
        told.state,
        CASE WHEN told.state = 'ignored' THEN moment.now END AS processed_at
    FROM
        moment,
        unnest(
            %(id)s::uuid[],
            %(provider)s::text[],
            %(external_id)s::text[],
            %(kind)s::text[],
            %(body)s::bytea[],
            %(occurred_at)s::timestamptz[],
            %(source)s::text[],
            %(state)s::text[]
        ) AS told (id, provider, external_id, kind, body, occurred_at, source, state)
    ON CONFLICT (provider, external_id) DO NOTHING
    RETURNING webhook_event.id, webhook_event.state
)

SELECT
    fresh.id,
    CASE WHEN fresh.state = 'received' THEN pg_notify(%(channel)s, '') END AS woken
FROM fresh;

-- name: take
-- Lock the events that have waited longest and that nobody else has in hand. Of those whose last
-- run ended well, or that had none, a run begins; should it never end, they are due again.
WITH due AS (
    SELECT
        webhook_event.id,
        webhook_event.provider,
        webhook_event.attempts,
        webhook_event.is_begun,
        webhook_event.due_at
    FROM tallystick.webhook_event
    WHERE
        webhook_event.state = 'received'
        AND webhook_event.due_at <= (SELECT clock_timestamp())
    ORDER BY webhook_event.due_at
    LIMIT %(events_max)s
    FOR UPDATE SKIP LOCKED
),

begun AS (
    UPDATE tallystick.webhook_event
    SET
        attempts = webhook_event.attempts + 1,
        is_begun = TRUE,
        due_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
    FROM due
    WHERE
        webhook_event.id = due.id
        AND NOT due.is_begun
        AND due.attempts < %(attempts_max)s
)

SELECT
    due.id,
    due.provider,
    due.attempts,
    due.is_begun,
    extract(EPOCH FROM (SELECT clock_timestamp()) - due.due_at)::double precision AS late_s
FROM due;

-- name: begin_again
-- Note that a run begins with an event whose last one never ended: it is due again much later.
UPDATE tallystick.webhook_event
SET
    attempts = webhook_event.attempts + 1,
    due_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE
    webhook_event.id = %(id)s
    AND webhook_event.state = 'received'
    AND webhook_event.attempts = %(attempts)s
RETURNING webhook_event.id;

-- name: hold
-- Lock the events of a run that still wait, and return them; what another run holds is left out.
SELECT
    webhook_event.id,
    webhook_event.external_id,
    webhook_event.kind,
    webhook_event.occurred_at,
    webhook_event.body,
    webhook_event.received_at,
    webhook_event.attempts
FROM tallystick.webhook_event
WHERE
    webhook_event.id = any(%(id)s::uuid[])
    AND webhook_event.state = 'received'
ORDER BY webhook_event.id
FOR UPDATE SKIP LOCKED;

-- name: finish
-- Record how the events of a run were left.
UPDATE tallystick.webhook_event
SET
    state = run.state,
    processed_at = (SELECT tallystick.now()),
    error = NULL,
    is_begun = FALSE
FROM unnest(%(id)s::uuid[], %(state)s::text[]) AS run (id, state)
WHERE webhook_event.id = run.id;

-- name: postpone
-- Record what went wrong with events, and when to try again; some have gone wrong too often.
UPDATE tallystick.webhook_event
SET
    state = run.state,
    error = run.error,
    due_at = clock_timestamp() + make_interval(secs => run.wait_s),
    is_begun = %(is_begun)s
FROM
    unnest(%(id)s::uuid[], %(state)s::text[], %(error)s::text[], %(wait_s)s::bigint[])
        AS run (id, state, error, wait_s)
WHERE
    webhook_event.id = run.id
    AND webhook_event.state = 'received';

-- name: lock_event
-- Lock one event and return where it stands, and whether its body is still there.
SELECT
    webhook_event.state,
    webhook_event.blanked_at IS NULL AS has_body
FROM tallystick.webhook_event
WHERE webhook_event.id = %(id)s
FOR UPDATE;

-- name: failed
-- Lock the failed events of a span that have their body, oldest first.
SELECT webhook_event.id
FROM tallystick.webhook_event
WHERE
    webhook_event.state = 'failed'
    AND webhook_event.blanked_at IS NULL
    AND webhook_event.received_at >= %(since)s
    AND webhook_event.received_at < %(until)s
    AND (%(provider)s::text IS NULL OR webhook_event.provider = %(provider)s::text)
ORDER BY webhook_event.id
LIMIT %(events_max)s
FOR UPDATE;

-- name: replay
-- Let events be processed again, at once.
UPDATE tallystick.webhook_event
SET
    state = 'received',
    attempts = 0,
    processed_at = NULL,
    due_at = clock_timestamp()
WHERE webhook_event.id = any(%(id)s::uuid[]);

-- name: ignore
-- Leave an event that waits: it says nothing about us.
UPDATE tallystick.webhook_event
SET
    state = 'ignored',
    processed_at = tallystick.now(),
    error = NULL
WHERE
    webhook_event.id = %(id)s
    AND webhook_event.state = 'received';

-- name: wake
-- Wake the drains once this transaction commits.
SELECT pg_notify(%(channel)s, '') AS woken;

-- name: blank
-- Blank the bodies of old events, some of them at a time.
SELECT tallystick.blank_webhook_bodies(%(events_max)s) AS blanked;

-- name: read_cursor
-- How far a provider's list was read, or where to begin.
SELECT webhook_cursor.read_until
FROM tallystick.webhook_cursor
WHERE webhook_cursor.provider = %(provider)s;

-- name: move_cursor
-- A provider's list was read to here; it never goes back.
INSERT INTO tallystick.webhook_cursor AS known (provider, read_until, polled_at)
VALUES (%(provider)s, %(read_until)s, clock_timestamp())
ON CONFLICT (provider) DO UPDATE
    SET
        read_until = greatest(known.read_until, excluded.read_until),
        polled_at = excluded.polled_at;

-- name: events
-- Events without their bodies, newest first.
SELECT
    webhook_event.id,
    webhook_event.provider,
    webhook_event.external_id,
    webhook_event.kind,
    webhook_event.state,
    webhook_event.source AS way,
    webhook_event.attempts,
    webhook_event.error,
    webhook_event.occurred_at,
    webhook_event.received_at,
    webhook_event.processed_at
FROM tallystick.webhook_event
WHERE
    (%(state)s::text IS NULL OR webhook_event.state = %(state)s::text)
    AND (%(provider)s::text IS NULL OR webhook_event.provider = %(provider)s::text)
    AND (%(before)s::uuid IS NULL OR webhook_event.id < %(before)s::uuid)
ORDER BY webhook_event.id DESC
LIMIT %(events_max)s;

-- name: mentions
-- Events among the newest whose body has one of the texts in it, newest first, without it.
WITH newest AS (
    SELECT webhook_event.*
    FROM tallystick.webhook_event
    ORDER BY webhook_event.id DESC
    LIMIT %(among)s
)

SELECT
    newest.id,
    newest.provider,
    newest.external_id,
    newest.kind,
    newest.state,
    newest.source AS way,
    newest.attempts,
    newest.error,
    newest.occurred_at,
    newest.received_at,
    newest.processed_at
FROM newest
WHERE
    EXISTS (
        SELECT 1
        FROM unnest(%(texts)s::bytea[]) AS wanted (part)
        WHERE position(wanted.part IN newest.body) > 0
    )
ORDER BY newest.id DESC;

-- name: gaps
-- Events that came by the poller and that nobody had delivered, newest first, without their bodies.
SELECT
    webhook_event.id,
    webhook_event.provider,
    webhook_event.external_id,
    webhook_event.kind,
    webhook_event.state,
    webhook_event.source AS way,
    webhook_event.attempts,
    webhook_event.error,
    webhook_event.occurred_at,
    webhook_event.received_at,
    webhook_event.processed_at
FROM tallystick.webhook_event
WHERE
    webhook_event.source = 'polled'
    AND (%(provider)s::text IS NULL OR webhook_event.provider = %(provider)s::text)
ORDER BY webhook_event.id DESC
LIMIT %(events_max)s;

-- name: count_by_state
-- How many events stand where.
SELECT
    webhook_event.state,
    count(*) AS events
FROM tallystick.webhook_event
GROUP BY webhook_event.state;

-- name: oldest_due
-- Seconds for which the oldest event that waits has been due; null where none is.
SELECT extract(EPOCH FROM clock_timestamp() - min(webhook_event.due_at))::double precision AS late_s
FROM tallystick.webhook_event
WHERE
    webhook_event.state = 'received'
    AND webhook_event.due_at <= (SELECT clock_timestamp());

-- name: count_failed
-- How many failed events of a span could be replayed.
SELECT count(*) AS events
FROM tallystick.webhook_event
WHERE
    webhook_event.state = 'failed'
    AND webhook_event.blanked_at IS NULL
    AND webhook_event.received_at >= %(since)s
    AND webhook_event.received_at < %(until)s
    AND (%(provider)s::text IS NULL OR webhook_event.provider = %(provider)s::text);
