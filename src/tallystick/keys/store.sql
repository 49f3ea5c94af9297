-- name: insert_key
-- Keep a new key: the hash of its secret, never the secret.
INSERT INTO tallystick.api_key (
    id, public_id, secret_sha256, environment, name, scopes, owner, created_at, expires_at
)
VALUES (
    %(id)s, %(public_id)s, %(secret_sha256)s, %(environment)s, %(name)s, %(scopes)s, %(owner)s,
    %(created_at)s, %(expires_at)s
);

-- name: by_public_id
-- The time of this transaction, and the one key with this public id and the hash of its secret, if
-- there is one: for every request that shows a key.
SELECT
    moment.now,
    api_key.secret_sha256,
    api_key.id,
    api_key.public_id,
    api_key.environment,
    api_key.name,
    api_key.scopes,
    api_key.owner,
    api_key.created_at,
    api_key.expires_at,
    api_key.revoked_at,
    api_key.last_used_at
FROM (SELECT tallystick.now() AS now) AS moment
LEFT JOIN tallystick.api_key ON api_key.public_id = %(public_id)s; -- noqa: RF02

-- name: read
-- The newest keys without their hashes; of one owner, or the one with this id, where given.
SELECT
    api_key.id,
    api_key.public_id,
    api_key.environment,
    api_key.name,
    api_key.scopes,
    api_key.owner,
    api_key.created_at,
    api_key.expires_at,
    api_key.revoked_at,
    api_key.last_used_at
FROM tallystick.api_key
WHERE
    (%(id)s::uuid IS NULL OR api_key.id = %(id)s)
    AND (%(owner)s::text IS NULL OR api_key.owner = %(owner)s)
ORDER BY api_key.id DESC
LIMIT %(most)s;

-- name: note_use
-- Note a use; whoever finds the row taken passes by, so that no request waits for another.
UPDATE tallystick.api_key
SET last_used_at = %(now)s
WHERE api_key.id IN (
    SELECT free.id
    FROM tallystick.api_key AS free
    WHERE free.id = %(id)s
    FOR NO KEY UPDATE SKIP LOCKED
);

-- name: revoke
-- Revoke a key that is not revoked yet; return whether there was one.
UPDATE tallystick.api_key
SET revoked_at = %(now)s
WHERE
    api_key.id = %(id)s
    AND api_key.revoked_at IS NULL
RETURNING api_key.id;
