-- Transfers between wallets: one key, one outcome; and whose wallet an account is.

CREATE TABLE tallystick.idempotency (
    caller text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    response bytea,
    created_at timestamptz NOT NULL,
    CONSTRAINT one_outcome_a_caller_and_key PRIMARY KEY (caller, key),
    CONSTRAINT caller_is_short CHECK (length(caller) BETWEEN 1 AND 200),
    CONSTRAINT key_is_short CHECK (length(key) BETWEEN 1 AND 255),
    CONSTRAINT fingerprint_is_sha256 CHECK (length(fingerprint) = 32),
    CONSTRAINT status_is_http CHECK (status BETWEEN 200 AND 499),
    CONSTRAINT decided_or_response_null CHECK ((status IS NULL) = (response IS NULL))
) PARTITION BY HASH (caller, key);
COMMENT ON TABLE tallystick.idempotency IS 'One key of a caller, one outcome; pruned after 90 days';
COMMENT ON COLUMN tallystick.idempotency.caller IS 'Who asked: a key is unique among its caller''s';
COMMENT ON COLUMN tallystick.idempotency.key IS 'The caller''s idempotency key';
COMMENT ON COLUMN tallystick.idempotency.fingerprint
IS 'SHA-256 of method, path and raw body, or of the canonical arguments of a library call';
COMMENT ON COLUMN tallystick.idempotency.status IS 'How it ended, in HTTP''s numbers; null while undecided';
COMMENT ON COLUMN tallystick.idempotency.response IS 'What a replay gets, byte for byte';
COMMENT ON COLUMN tallystick.idempotency.created_at IS 'Our clock; old records are deleted';
CREATE TABLE tallystick.idempotency_0 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE tallystick.idempotency_1 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE tallystick.idempotency_2 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE tallystick.idempotency_3 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE tallystick.idempotency_4 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE tallystick.idempotency_5 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE tallystick.idempotency_6 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE tallystick.idempotency_7 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 7);
-- What the pruner looks for.
COMMENT ON TABLE tallystick.idempotency_0 IS 'One of eight parts of the records, by hash';
COMMENT ON TABLE tallystick.idempotency_1 IS 'One of eight parts of the records, by hash';
COMMENT ON TABLE tallystick.idempotency_2 IS 'One of eight parts of the records, by hash';
COMMENT ON TABLE tallystick.idempotency_3 IS 'One of eight parts of the records, by hash';
COMMENT ON TABLE tallystick.idempotency_4 IS 'One of eight parts of the records, by hash';
COMMENT ON TABLE tallystick.idempotency_5 IS 'One of eight parts of the records, by hash';
COMMENT ON TABLE tallystick.idempotency_6 IS 'One of eight parts of the records, by hash';
COMMENT ON TABLE tallystick.idempotency_7 IS 'One of eight parts of the records, by hash';
CREATE INDEX records_by_age ON tallystick.idempotency (created_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON tallystick.idempotency TO tallystick_application;

-- An entry's other side is found by its account.
CREATE UNIQUE INDEX one_wallet_an_available_account ON tallystick.wallet (available_id);
