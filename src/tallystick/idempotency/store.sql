-- name: wait_at_most
-- Bound the waits of this transaction and return the bound that it had before.
SELECT
    current_setting('lock_timeout') AS before,
    set_config('lock_timeout', %(wait)s, TRUE) AS wait;

-- name: insert_keys
-- Keep the keys that are not there; wait for other transactions that are keeping one of them.
INSERT INTO tallystick.idempotency (caller, key, fingerprint, created_at)
SELECT
    asked.caller,
    asked.key,
    asked.fingerprint,
    %(now)s::timestamptz
FROM
    unnest(%(callers)s::text[], %(keys)s::text[], %(fingerprint)s::bytea[])
        AS asked (caller, key, fingerprint)
ON CONFLICT (caller, key) DO NOTHING
RETURNING caller, key;

-- name: read_keys
-- Read what is committed of keys.
SELECT
    idempotency.caller,
    idempotency.key,
    idempotency.fingerprint,
    idempotency.status,
    idempotency.response
FROM
    unnest(%(callers)s::text[], %(keys)s::text[]) AS asked (caller, key)
INNER JOIN tallystick.idempotency
    ON
        asked.caller = idempotency.caller
        AND asked.key = idempotency.key;

-- name: finish_keys
-- Keep the outcomes of claimed keys.
UPDATE tallystick.idempotency
SET
    status = ended.status,
    response = ended.response
FROM
    unnest(%(callers)s::text[], %(keys)s::text[], %(status)s::bigint[], %(response)s::bytea[])
        AS ended (caller, key, status, response)
WHERE
    idempotency.caller = ended.caller
    AND idempotency.key = ended.key
    AND idempotency.status IS NULL
RETURNING TRUE AS is_kept;

-- name: delete_keys
-- Give claimed keys back.
DELETE FROM tallystick.idempotency
USING unnest(%(callers)s::text[], %(keys)s::text[]) AS free (caller, key)
WHERE
    idempotency.caller = free.caller
    AND idempotency.key = free.key
    AND idempotency.status IS NULL;

-- name: prune_keys
-- Delete a batch of old records and count them; those that somebody holds wait for the next time.
WITH old AS (
    SELECT
        idempotency.caller,
        idempotency.key
    FROM tallystick.idempotency
    WHERE idempotency.created_at < %(before)s
    ORDER BY idempotency.created_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
),

gone AS (
    DELETE FROM tallystick.idempotency
    USING old
    WHERE
        idempotency.caller = old.caller
        AND idempotency.key = old.key
    RETURNING idempotency.key
)

SELECT count(*) AS gone
FROM gone;
