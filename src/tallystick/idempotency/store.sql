-- name: wait_at_most
-- Bound the waits of this transaction and return the bound that it had before.
SELECT
    current_setting('lock_timeout') AS before,
    set_config('lock_timeout', %(wait)s, TRUE) AS wait;

-- name: insert_key
-- Keep the key unless it is there; wait for another transaction that is keeping it.
INSERT INTO tallystick.idempotency (caller, key, fingerprint, created_at)
VALUES (%(caller)s, %(key)s, %(fingerprint)s, %(now)s)
ON CONFLICT (caller, key) DO NOTHING
RETURNING TRUE AS is_new;

-- name: read_key
-- Read what is committed of a key.
SELECT
    idempotency.fingerprint,
    idempotency.status,
    idempotency.response
FROM tallystick.idempotency
WHERE
    idempotency.caller = %(caller)s
    AND idempotency.key = %(key)s;

-- name: finish_key
-- Keep a claimed key's outcome.
UPDATE tallystick.idempotency
SET
    status = %(status)s,
    response = %(response)s
WHERE
    idempotency.caller = %(caller)s
    AND idempotency.key = %(key)s
    AND idempotency.status IS NULL
RETURNING TRUE AS is_kept;

-- name: delete_key
-- Give a claimed key back.
DELETE FROM tallystick.idempotency
WHERE
    idempotency.caller = %(caller)s
    AND idempotency.key = %(key)s
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
