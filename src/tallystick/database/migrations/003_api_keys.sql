-- API keys: public id, hash of the secret, scopes and reach.

CREATE TABLE tallystick.api_key (
    id uuid PRIMARY KEY,
    public_id text COLLATE "C" NOT NULL,
    secret_sha256 bytea NOT NULL,
    environment text NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    owner text COLLATE "C",
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT one_key_a_public_id UNIQUE (public_id),
    CONSTRAINT public_id_is_base32 CHECK (public_id ~ '^[0-9A-HJKMNP-TV-Z]{16}$'),
    CONSTRAINT hash_is_sha256 CHECK (length(secret_sha256) = 32),
    CONSTRAINT environment_is_known CHECK (environment IN ('live', 'test')),
    CONSTRAINT name_is_short CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT scopes_are_known CHECK (
        scopes <@ ARRAY[
            'wallets:read', 'wallets:write', 'payments:read', 'payments:write',
            'transfers:read', 'transfers:write'
        ]
    ),
    CONSTRAINT one_scope_at_least CHECK (cardinality(scopes) >= 1),
    CONSTRAINT owner_is_short CHECK (length(owner) BETWEEN 1 AND 200),
    CONSTRAINT expires_after_it_was_made CHECK (expires_at > created_at)
);
COMMENT ON TABLE tallystick.api_key IS 'What programs show instead of signing in; no secret is kept';
COMMENT ON COLUMN tallystick.api_key.id IS 'Identity, UUID version 7, shown as key_…';
COMMENT ON COLUMN tallystick.api_key.public_id IS 'The part of the key by which it is found; no secret';
COMMENT ON COLUMN tallystick.api_key.secret_sha256 IS 'SHA-256 of the secret part, which is 160 random bits';
COMMENT ON COLUMN tallystick.api_key.environment IS 'Where it opens: live in production, test elsewhere';
COMMENT ON COLUMN tallystick.api_key.name IS 'What its issuer calls it';
COMMENT ON COLUMN tallystick.api_key.scopes IS 'What it may do, as payments:write';
COMMENT ON COLUMN tallystick.api_key.owner IS 'The one owner it acts for; null where it reaches every owner';
COMMENT ON COLUMN tallystick.api_key.created_at IS 'Our clock';
COMMENT ON COLUMN tallystick.api_key.expires_at IS 'It opens nothing from then on; null for no end';
COMMENT ON COLUMN tallystick.api_key.revoked_at IS 'It opens nothing since; null while it is not revoked';
COMMENT ON COLUMN tallystick.api_key.last_used_at IS 'Our clock at its last use, to the minute';
-- What a key is stays as it was issued: the application may revoke it and note its use, no more.
GRANT SELECT, INSERT, UPDATE (revoked_at, last_used_at) ON tallystick.api_key TO tallystick_application;
