-- The whole schema of the heart, as all migrations leave it: for reading.
-- A test compares the two by catalogue, so a migration comes with its change here.

CREATE SCHEMA tallystick;
CREATE TABLE tallystick.migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tallystick.migration IS 'The migrations that this database has';
COMMENT ON COLUMN tallystick.migration.number IS 'Its place in the order';
COMMENT ON COLUMN tallystick.migration.name IS 'Its file';
COMMENT ON COLUMN tallystick.migration.sha256 IS 'What the file was when it was applied';
COMMENT ON COLUMN tallystick.migration.applied_at IS 'The raw database clock';
GRANT SELECT ON tallystick.migration TO tallystick_application;

COMMENT ON SCHEMA tallystick IS 'Tallystick: the ledger and all that commits with it';
GRANT USAGE ON SCHEMA tallystick TO tallystick_application;

-- Django's and Procrastinate's objects are made by the same owner in public.
ALTER DEFAULT PRIVILEGES IN SCHEMA public
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tallystick_application;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
GRANT USAGE, SELECT ON SEQUENCES TO tallystick_application;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
GRANT EXECUTE ON FUNCTIONS TO tallystick_application;

-- ---------------------------------------------------------------- clock

CREATE TABLE tallystick.test_clock (
    only_row boolean PRIMARY KEY DEFAULT TRUE,
    offset_s bigint NOT NULL,
    CONSTRAINT one_row_at_most CHECK (only_row),
    CONSTRAINT offset_moves_forwards CHECK (offset_s >= 0)
);
COMMENT ON TABLE tallystick.test_clock IS 'How far tests have moved time on; empty in production';
COMMENT ON COLUMN tallystick.test_clock.only_row IS 'Always true: there is one clock';
COMMENT ON COLUMN tallystick.test_clock.offset_s IS 'Seconds added to the database''s clock';
GRANT SELECT ON tallystick.test_clock TO tallystick_application;

CREATE FUNCTION tallystick.now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT transaction_timestamp()
        + make_interval(
            secs => coalesce((SELECT clock.offset_s FROM tallystick.test_clock AS clock), 0)
        )
$$;
COMMENT ON FUNCTION tallystick.now() IS 'The open transaction''s time, moved by the test clock';

-- --------------------------------------------------------------- ledger

CREATE TABLE tallystick.account (
    id uuid PRIMARY KEY,
    path text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    floor bigint,
    ceiling bigint,
    balance bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0,
    last_entry_at timestamptz,
    owes bigint NOT NULL DEFAULT 0,
    frozen boolean NOT NULL DEFAULT FALSE,
    receivable_id uuid,
    CONSTRAINT one_account_a_path_and_currency UNIQUE (path, currency),
    CONSTRAINT currency_is_three_capitals CHECK (
        length(currency) = 3 AND ltrim(currency, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') = ''
    ),
    CONSTRAINT balance_at_or_above_floor CHECK (balance >= floor),
    CONSTRAINT balance_at_or_below_ceiling CHECK (balance <= ceiling),
    CONSTRAINT balance_is_exact_in_json CHECK (balance BETWEEN -9007199254740991 AND 9007199254740991),
    CONSTRAINT version_counts_entries CHECK (version >= 0),
    CONSTRAINT owes_nothing_or_more CHECK (owes >= 0),
    CONSTRAINT entries_have_a_time CHECK ((version = 0) = (last_entry_at IS NULL))
) WITH (fillfactor = 50);
COMMENT ON TABLE tallystick.account IS 'A ledger place: one currency, bounds, credit-positive balance';
COMMENT ON COLUMN tallystick.account.id IS 'Identity, UUID version 7';
COMMENT ON COLUMN tallystick.account.path IS 'Name from the chart of accounts';
COMMENT ON COLUMN tallystick.account.currency IS 'ISO 4217 code';
COMMENT ON COLUMN tallystick.account.floor IS 'Least balance in minor units; none for clearing accounts';
COMMENT ON COLUMN tallystick.account.ceiling IS 'Greatest balance in minor units, if any';
COMMENT ON COLUMN tallystick.account.balance IS 'Credits less debits, in minor units';
COMMENT ON COLUMN tallystick.account.version
IS 'How many entries the account has: gapless, the order of its entries';
COMMENT ON COLUMN tallystick.account.last_entry_at IS 'created_at of the newest entry; it never goes back';
COMMENT ON COLUMN tallystick.account.owes IS 'Minor units that the next credits must pay back first';
COMMENT ON COLUMN tallystick.account.frozen IS 'No transfer may touch the account';
COMMENT ON COLUMN tallystick.account.receivable_id
IS 'Where claims beyond cover were taken from; set once, it is locked under this account alone';
GRANT SELECT, INSERT ON tallystick.account TO tallystick_application;
GRANT UPDATE (balance, version, last_entry_at, owes, frozen, receivable_id)
ON tallystick.account TO tallystick_application;

CREATE TABLE tallystick.posting (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    actor text NOT NULL,
    request_id text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT kind_is_named CHECK (
        length(kind) BETWEEN 1 AND 40 AND left(kind, 1) <> '_'
        AND ltrim(kind, 'abcdefghijklmnopqrstuvwxyz_') = ''
    ),
    CONSTRAINT actor_is_short CHECK (length(actor) BETWEEN 1 AND 200),
    CONSTRAINT request_id_is_short CHECK (length(request_id) <= 100)
);
COMMENT ON TABLE tallystick.posting IS 'One or more transfers that succeeded together; immutable';
COMMENT ON COLUMN tallystick.posting.id IS 'Identity, UUID version 7';
COMMENT ON COLUMN tallystick.posting.kind IS 'What was done, as top_up';
COMMENT ON COLUMN tallystick.posting.actor IS 'Who did it: an opaque name, as person:… or provider:stripe';
COMMENT ON COLUMN tallystick.posting.request_id IS 'The request or event that asked for it';
COMMENT ON COLUMN tallystick.posting.created_at IS 'Our clock, under the locks';
GRANT SELECT, INSERT ON tallystick.posting TO tallystick_application;

CREATE TABLE tallystick.transfer (
    id uuid NOT NULL,
    posting_id uuid NOT NULL,
    debit_id uuid NOT NULL,
    credit_id uuid NOT NULL,
    amount bigint NOT NULL,
    kind text NOT NULL,
    debit_balance bigint NOT NULL,
    credit_balance bigint NOT NULL,
    debit_version bigint NOT NULL,
    credit_version bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (id),
    CONSTRAINT amount_is_positive CHECK (amount BETWEEN 1 AND 9007199254740991),
    CONSTRAINT two_different_accounts CHECK (debit_id <> credit_id),
    CONSTRAINT kind_is_named CHECK (
        length(kind) BETWEEN 1 AND 40 AND left(kind, 1) <> '_'
        AND ltrim(kind, 'abcdefghijklmnopqrstuvwxyz_') = ''
    ),
    CONSTRAINT versions_start_at_one CHECK (debit_version >= 1 AND credit_version >= 1)
) PARTITION BY RANGE (id);
COMMENT ON TABLE tallystick.transfer IS 'One immutable movement between two accounts, partitioned by month';
COMMENT ON COLUMN tallystick.transfer.id IS 'Identity, UUID version 7: its time chooses the partition';
COMMENT ON COLUMN tallystick.transfer.posting_id IS 'The posting it belongs to';
COMMENT ON COLUMN tallystick.transfer.debit_id IS 'The account whose balance falls';
COMMENT ON COLUMN tallystick.transfer.credit_id IS 'The account whose balance rises';
COMMENT ON COLUMN tallystick.transfer.amount IS 'Minor units of the accounts'' currency';
COMMENT ON COLUMN tallystick.transfer.kind IS 'What the movement is, as top_up';
COMMENT ON COLUMN tallystick.transfer.debit_balance IS 'Balance of the debited account after it';
COMMENT ON COLUMN tallystick.transfer.credit_balance IS 'Balance of the credited account after it';
COMMENT ON COLUMN tallystick.transfer.debit_version IS 'Place in the debited account''s order of entries';
COMMENT ON COLUMN tallystick.transfer.credit_version IS 'Place in the credited account''s order of entries';
COMMENT ON COLUMN tallystick.transfer.occurred_at IS 'The world''s clock';
COMMENT ON COLUMN tallystick.transfer.created_at
IS 'Our clock; never before an earlier entry of its accounts';
COMMENT ON COLUMN tallystick.transfer.xid IS 'The database transaction that wrote it';
CREATE INDEX entries_of_debited_account ON tallystick.transfer (debit_id, debit_version);
CREATE INDEX entries_of_credited_account ON tallystick.transfer (credit_id, credit_version);
CREATE INDEX transfers_of_posting ON tallystick.transfer (posting_id);
GRANT SELECT, INSERT ON tallystick.transfer TO tallystick_application;

CREATE FUNCTION tallystick.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% is immutable: answer a mistake by another transfer', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
COMMENT ON FUNCTION tallystick.refuse_change() IS 'Refuses every UPDATE, DELETE and TRUNCATE';

CREATE TRIGGER transfers_are_immutable BEFORE UPDATE OR DELETE ON tallystick.transfer
FOR EACH ROW EXECUTE FUNCTION tallystick.refuse_change();
CREATE TRIGGER transfers_are_kept BEFORE TRUNCATE ON tallystick.transfer
FOR EACH STATEMENT EXECUTE FUNCTION tallystick.refuse_change();
CREATE TRIGGER postings_are_immutable BEFORE UPDATE OR DELETE ON tallystick.posting
FOR EACH ROW EXECUTE FUNCTION tallystick.refuse_change();
CREATE TRIGGER postings_are_kept BEFORE TRUNCATE ON tallystick.posting
FOR EACH STATEMENT EXECUTE FUNCTION tallystick.refuse_change();

-- A partition made by itself and then attached lets transfers go on; made as a partition, it
-- would wait for every open transfer and hold up all that come after.
CREATE FUNCTION tallystick.make_transfer_partitions(p_months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
SET lock_timeout = '3s'
AS $$
DECLARE
    months timestamptz[];
    month timestamptz;
    partition_name text;
    least_id uuid;
    end_id uuid;
    made integer := 0;
BEGIN
    IF p_months NOT BETWEEN 0 AND 24 THEN
        RAISE EXCEPTION 'give 0 to 24 months ahead, not %', p_months;
    END IF;
    PERFORM pg_advisory_xact_lock(7461900453);
    -- Read whole before the loop: a table that is being read cannot be altered.
    SELECT array_agg(needed.month ORDER BY needed.month) INTO months
    FROM (
        SELECT date_trunc('month', clock_timestamp(), 'UTC') + make_interval(months => ahead) AS month
        FROM generate_series(0, p_months) AS ahead
        UNION
        (
            -- A UUID of version 7 begins with its milliseconds since 1970.
            SELECT DISTINCT date_trunc('month', to_timestamp(
                ('x' || left(replace(stray.id::text, '-', ''), 12))::bit(48)::bigint / 1000.0
            ), 'UTC')
            FROM tallystick.transfer_outside_months AS stray
            LIMIT 24
        )
    ) AS needed;
    FOREACH month IN ARRAY months LOOP
        partition_name := 'transfer_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        IF to_regclass('tallystick.' || partition_name) IS NULL THEN
            least_id := (lpad(to_hex((extract(epoch FROM month) * 1000)::bigint), 12, '0')
                || repeat('0', 20))::uuid;
            end_id := (lpad(to_hex((extract(epoch FROM month + interval '1 month') * 1000)::bigint), 12, '0')
                || repeat('0', 20))::uuid;
            EXECUTE format(
                'CREATE TABLE tallystick.%I'
                ' (LIKE tallystick.transfer INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                partition_name
            );
            -- No fact changes: the same rows, in the place where they belong.
            LOCK TABLE tallystick.transfer_outside_months IN ACCESS EXCLUSIVE MODE;
            IF EXISTS (
                SELECT FROM tallystick.transfer_outside_months AS stray
                WHERE stray.id >= least_id AND stray.id < end_id
            ) THEN
                EXECUTE format(
                    'INSERT INTO tallystick.%I SELECT * FROM tallystick.transfer_outside_months'
                    ' WHERE id >= %L AND id < %L',
                    partition_name, least_id, end_id
                );
                ALTER TABLE tallystick.transfer_outside_months
                DISABLE TRIGGER transfers_are_immutable;
                DELETE FROM tallystick.transfer_outside_months AS stray
                WHERE stray.id >= least_id AND stray.id < end_id;
                ALTER TABLE tallystick.transfer_outside_months
                ENABLE TRIGGER transfers_are_immutable;
            END IF;
            EXECUTE format(
                'ALTER TABLE tallystick.transfer ATTACH PARTITION tallystick.%I'
                ' FOR VALUES FROM (%L) TO (%L)',
                partition_name, least_id, end_id
            );
            EXECUTE format(
                'CREATE TRIGGER transfers_are_kept BEFORE TRUNCATE ON tallystick.%I'
                ' FOR EACH STATEMENT EXECUTE FUNCTION tallystick.refuse_change()',
                partition_name
            );
            EXECUTE format(
                'COMMENT ON TABLE tallystick.%I IS %L', partition_name, 'Transfers of one month'
            );
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION tallystick.make_transfer_partitions(integer)
IS 'Makes the partitions of this month and of the next ones; returns how many it made';
REVOKE ALL ON FUNCTION tallystick.make_transfer_partitions(integer) FROM public;
GRANT EXECUTE ON FUNCTION tallystick.make_transfer_partitions(integer) TO tallystick_application;

CREATE TABLE tallystick.transfer_outside_months PARTITION OF tallystick.transfer DEFAULT;
CREATE TRIGGER transfers_are_kept BEFORE TRUNCATE ON tallystick.transfer_outside_months
FOR EACH STATEMENT EXECUTE FUNCTION tallystick.refuse_change();
COMMENT ON TABLE tallystick.transfer_outside_months
IS 'Transfers of months without a partition: it should stay empty';
-- Whether it is empty is asked often, and must not read every month for it.
GRANT SELECT ON tallystick.transfer_outside_months TO tallystick_application;

CREATE VIEW tallystick.entry AS
SELECT
    transfer.debit_id AS account_id,
    transfer.debit_version AS version,
    -transfer.amount AS amount,
    transfer.debit_balance AS balance,
    transfer.kind,
    transfer.id AS transfer_id,
    transfer.posting_id,
    transfer.occurred_at,
    transfer.created_at
FROM tallystick.transfer
UNION ALL
SELECT
    transfer.credit_id AS account_id,
    transfer.credit_version AS version,
    transfer.amount,
    transfer.credit_balance AS balance,
    transfer.kind,
    transfer.id AS transfer_id,
    transfer.posting_id,
    transfer.occurred_at,
    transfer.created_at
FROM tallystick.transfer;
COMMENT ON VIEW tallystick.entry IS 'One side of a transfer with the balance after it';
GRANT SELECT ON tallystick.entry TO tallystick_application;

CREATE TABLE tallystick.reversal (
    original_id uuid PRIMARY KEY,
    reversal_id uuid NOT NULL,
    CONSTRAINT one_original_a_reversal UNIQUE (reversal_id),
    CONSTRAINT reverses_another_transfer CHECK (original_id <> reversal_id)
);
COMMENT ON TABLE tallystick.reversal IS 'Which transfer undoes which, each once; immutable';
COMMENT ON COLUMN tallystick.reversal.original_id IS 'The transfer that is undone';
COMMENT ON COLUMN tallystick.reversal.reversal_id IS 'The transfer that undoes it';
GRANT SELECT, INSERT ON tallystick.reversal TO tallystick_application;

CREATE TRIGGER reversals_are_immutable BEFORE UPDATE OR DELETE ON tallystick.reversal
FOR EACH ROW EXECUTE FUNCTION tallystick.refuse_change();
CREATE TRIGGER reversals_are_kept BEFORE TRUNCATE ON tallystick.reversal
FOR EACH STATEMENT EXECUTE FUNCTION tallystick.refuse_change();

CREATE TABLE tallystick.note (
    id uuid PRIMARY KEY,
    posting_id uuid,
    account_id uuid,
    kind text NOT NULL,
    actor text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT about_a_posting_or_an_account CHECK (num_nonnulls(posting_id, account_id) = 1),
    CONSTRAINT kind_is_named CHECK (
        length(kind) BETWEEN 1 AND 40 AND left(kind, 1) <> '_'
        AND ltrim(kind, 'abcdefghijklmnopqrstuvwxyz_') = ''
    ),
    CONSTRAINT actor_is_short CHECK (length(actor) BETWEEN 1 AND 200),
    CONSTRAINT body_is_short CHECK (length(body) <= 2000)
);
COMMENT ON TABLE tallystick.note IS 'Free text beside the books; it may be erased, the books may not';
COMMENT ON COLUMN tallystick.note.id IS 'Identity, UUID version 7';
COMMENT ON COLUMN tallystick.note.posting_id IS 'The posting it is about, if it is about one';
COMMENT ON COLUMN tallystick.note.account_id IS 'The account it is about, if it is about one';
COMMENT ON COLUMN tallystick.note.kind IS 'Why it was written, as message or freeze';
COMMENT ON COLUMN tallystick.note.actor IS 'Who wrote it: an opaque name, as person:…';
COMMENT ON COLUMN tallystick.note.body IS 'What was written; empty where it was erased';
COMMENT ON COLUMN tallystick.note.created_at IS 'Our clock';
CREATE INDEX notes_of_posting ON tallystick.note (posting_id) WHERE posting_id IS NOT NULL;
CREATE INDEX notes_of_account ON tallystick.note (account_id) WHERE account_id IS NOT NULL;
GRANT SELECT, INSERT, DELETE ON tallystick.note TO tallystick_application;
-- A note is blanked or deleted, never rewritten under another name or time.
GRANT UPDATE (body) ON tallystick.note TO tallystick_application;
-- ---------------------------------------------------------- idempotency

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
FOR VALUES WITH (MODULUS 8, REMAINDER 0) WITH (fillfactor = 25);
CREATE TABLE tallystick.idempotency_1 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 1) WITH (fillfactor = 25);
CREATE TABLE tallystick.idempotency_2 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 2) WITH (fillfactor = 25);
CREATE TABLE tallystick.idempotency_3 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 3) WITH (fillfactor = 25);
CREATE TABLE tallystick.idempotency_4 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 4) WITH (fillfactor = 25);
CREATE TABLE tallystick.idempotency_5 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 5) WITH (fillfactor = 25);
CREATE TABLE tallystick.idempotency_6 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 6) WITH (fillfactor = 25);
CREATE TABLE tallystick.idempotency_7 PARTITION OF tallystick.idempotency
FOR VALUES WITH (MODULUS 8, REMAINDER 7) WITH (fillfactor = 25);
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

-- -------------------------------------------------------------- wallets

CREATE TABLE tallystick.wallet (
    id uuid PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    available_id uuid NOT NULL REFERENCES tallystick.account (id),
    held_id uuid NOT NULL REFERENCES tallystick.account (id),
    created_at timestamptz NOT NULL,
    CONSTRAINT one_wallet_an_owner_and_currency UNIQUE (owner, currency),
    CONSTRAINT owner_is_short CHECK (length(owner) BETWEEN 1 AND 200)
);
COMMENT ON TABLE tallystick.wallet IS 'An owner''s accounts in one currency';
COMMENT ON COLUMN tallystick.wallet.id IS 'Identity, UUID version 7, shown as wal_…';
COMMENT ON COLUMN tallystick.wallet.owner IS 'Opaque name of who holds it, as person:…';
COMMENT ON COLUMN tallystick.wallet.currency IS 'ISO 4217 code';
COMMENT ON COLUMN tallystick.wallet.available_id IS 'The account with what may be spent';
COMMENT ON COLUMN tallystick.wallet.held_id IS 'The account with what is set aside';
COMMENT ON COLUMN tallystick.wallet.created_at IS 'Our clock';
-- An entry's other side is found by its account.
CREATE UNIQUE INDEX one_wallet_an_available_account ON tallystick.wallet (available_id);
GRANT SELECT, INSERT ON tallystick.wallet TO tallystick_application;

-- ------------------------------------------------------------- payments

CREATE TABLE tallystick.payment (
    id uuid PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    wallet_id uuid NOT NULL REFERENCES tallystick.wallet (id),
    amount bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    provider text NOT NULL,
    state text NOT NULL,
    caller text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    request_id text NOT NULL,
    reference text,
    action_url text,
    failure_code text,
    failure_detail text,
    posting_id uuid,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    settled_at timestamptz,
    collected_reference text,
    refunded bigint NOT NULL DEFAULT 0,
    waiting_since timestamptz,
    look_at timestamptz,
    CONSTRAINT one_payment_a_caller_and_key UNIQUE (caller, key),
    CONSTRAINT amount_is_positive CHECK (amount BETWEEN 1 AND 9007199254740991),
    CONSTRAINT state_is_known CHECK (
        state IN (
            'awaiting_approval', 'created', 'sending', 'submitted', 'unknown', 'review',
            'settled', 'failed', 'expired', 'cancelled', 'declined'
        )
    ),
    CONSTRAINT key_is_short CHECK (length(key) BETWEEN 1 AND 255),
    CONSTRAINT fingerprint_is_sha256 CHECK (length(fingerprint) = 32),
    CONSTRAINT settled_or_settled_at_null CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CONSTRAINT settled_or_posting_null CHECK ((state = 'settled') = (posting_id IS NOT NULL)),
    CONSTRAINT failed_payments_say_why CHECK (state <> 'failed' OR failure_code IS NOT NULL),
    CONSTRAINT refunded_nothing_or_more CHECK (refunded >= 0)
);
COMMENT ON TABLE tallystick.payment IS 'An attempt to bring money into a wallet';
COMMENT ON COLUMN tallystick.payment.id IS 'Identity, UUID version 7, shown as pay_…';
COMMENT ON COLUMN tallystick.payment.owner IS 'Whose wallet it fills';
COMMENT ON COLUMN tallystick.payment.wallet_id IS 'The wallet that it fills';
COMMENT ON COLUMN tallystick.payment.amount IS 'Minor units asked for';
COMMENT ON COLUMN tallystick.payment.currency IS 'ISO 4217 code';
COMMENT ON COLUMN tallystick.payment.provider IS 'Who collects it, as stripe';
COMMENT ON COLUMN tallystick.payment.state IS 'Where it stands; the moves are rows of payment_step';
COMMENT ON COLUMN tallystick.payment.caller IS 'Who asked, for the idempotency key';
COMMENT ON COLUMN tallystick.payment.key IS 'The caller''s idempotency key: one payment a key, for ever';
COMMENT ON COLUMN tallystick.payment.fingerprint
IS 'SHA-256 of what was asked, to tell a replay from another request';
COMMENT ON COLUMN tallystick.payment.request_id IS 'The request that made it';
COMMENT ON COLUMN tallystick.payment.reference IS 'The provider''s id of the object we look at, as cs_…';
COMMENT ON COLUMN tallystick.payment.action_url IS 'Where the person goes on, while it is submitted';
COMMENT ON COLUMN tallystick.payment.failure_code IS 'Stable code of the last refusal';
COMMENT ON COLUMN tallystick.payment.failure_detail IS 'The last refusal as a sentence for the person';
COMMENT ON COLUMN tallystick.payment.posting_id IS 'The posting that brought the money';
COMMENT ON COLUMN tallystick.payment.expires_at IS 'Past it nothing is sent any more';
COMMENT ON COLUMN tallystick.payment.created_at IS 'Our clock';
COMMENT ON COLUMN tallystick.payment.updated_at IS 'Our clock at the last change';
COMMENT ON COLUMN tallystick.payment.settled_at IS 'Our clock when the money was booked';
COMMENT ON COLUMN tallystick.payment.collected_reference
IS 'The provider''s id of the money it took, as pi_…: refunds and disputes name it';
COMMENT ON COLUMN tallystick.payment.refunded
IS 'Minor units that went back or are on their way back: what is left is the amount less these';
COMMENT ON COLUMN tallystick.payment.waiting_since IS 'Since when the provider''s word is awaited';
COMMENT ON COLUMN tallystick.payment.look_at
IS 'When the janitor looks at it next (our clock); null where there is nothing to wait for';
-- A provider's object belongs to one payment.
CREATE UNIQUE INDEX one_payment_a_reference ON tallystick.payment (provider, reference)
WHERE reference IS NOT NULL;
CREATE INDEX payments_of_owner ON tallystick.payment (owner, id);
-- Money that a provider took belongs to one payment.
CREATE UNIQUE INDEX one_payment_a_collection ON tallystick.payment (provider, collected_reference)
WHERE collected_reference IS NOT NULL;
-- What the janitor looks at, the first due first.
CREATE INDEX payments_to_look_at ON tallystick.payment (look_at) WHERE look_at IS NOT NULL;
-- Programs of the last release that still run write neither: the janitor finds such rows.
CREATE INDEX payments_that_nobody_watches ON tallystick.payment (updated_at)
WHERE look_at IS NULL AND state IN ('created', 'sending', 'submitted', 'unknown');
-- What operators list, the newest first.
CREATE INDEX payments_by_state ON tallystick.payment (state, id);
GRANT SELECT, INSERT ON tallystick.payment TO tallystick_application;
GRANT UPDATE (
    state, reference, action_url, failure_code, failure_detail, posting_id, settled_at, updated_at,
    collected_reference, refunded, waiting_since, look_at
) ON tallystick.payment TO tallystick_application;

CREATE TABLE tallystick.collection (
    id uuid PRIMARY KEY,
    payment_id uuid REFERENCES tallystick.payment (id),
    provider text NOT NULL,
    reference text NOT NULL,
    collected_reference text,
    kind text NOT NULL,
    amount bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    is_suspended boolean NOT NULL,
    posting_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT one_collection_a_reference UNIQUE (provider, reference),
    CONSTRAINT kind_is_known CHECK (
        kind IN ('settled', 'late', 'twice', 'other_amount', 'unclaimed', 'unbookable')
    ),
    CONSTRAINT amount_is_positive CHECK (amount BETWEEN 1 AND 9007199254740991),
    CONSTRAINT unclaimed_or_payment_known CHECK ((kind = 'unclaimed') = (payment_id IS NULL)),
    CONSTRAINT in_the_wallet_or_suspended CHECK (is_suspended = (kind NOT IN ('settled', 'late')))
);
COMMENT ON TABLE tallystick.collection IS 'Money that a provider took for us, each piece booked once';
COMMENT ON COLUMN tallystick.collection.id IS 'Identity, UUID version 7';
COMMENT ON COLUMN tallystick.collection.payment_id
IS 'The payment that it came for; null where there is none';
COMMENT ON COLUMN tallystick.collection.provider IS 'Who took it';
COMMENT ON COLUMN tallystick.collection.reference
IS 'The provider''s id of what was paid, as cs_…: a fact is booked once';
COMMENT ON COLUMN tallystick.collection.collected_reference
IS 'The provider''s id of the money itself, as pi_…: refunds and disputes name it';
COMMENT ON COLUMN tallystick.collection.kind IS 'How it stands to the payment';
COMMENT ON COLUMN tallystick.collection.amount IS 'Minor units';
COMMENT ON COLUMN tallystick.collection.currency IS 'ISO 4217 code';
COMMENT ON COLUMN tallystick.collection.is_suspended
IS 'Whether it waits in suspense: what takes it back takes it from there';
COMMENT ON COLUMN tallystick.collection.posting_id IS 'The posting that booked it';
COMMENT ON COLUMN tallystick.collection.occurred_at IS 'The provider''s clock';
COMMENT ON COLUMN tallystick.collection.created_at IS 'Our clock';
-- A provider's money came once.
CREATE UNIQUE INDEX one_collection_a_collected_reference
ON tallystick.collection (provider, collected_reference)
WHERE collected_reference IS NOT NULL;
CREATE INDEX collections_of_payment ON tallystick.collection (payment_id, id)
WHERE payment_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (collected_reference)
ON tallystick.collection TO tallystick_application;

CREATE TABLE tallystick.refund (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES tallystick.payment (id),
    amount bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    provider text NOT NULL,
    origin text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    caller text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    request_id text NOT NULL,
    reference text,
    failure_code text,
    failure_detail text,
    held_posting_id uuid,
    posting_id uuid,
    released_posting_id uuid,
    is_suspended boolean NOT NULL DEFAULT FALSE,
    expires_at timestamptz NOT NULL,
    waiting_since timestamptz,
    look_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    settled_at timestamptz,
    CONSTRAINT one_refund_a_caller_and_key UNIQUE (caller, key),
    CONSTRAINT amount_is_positive CHECK (amount BETWEEN 1 AND 9007199254740991),
    CONSTRAINT origin_is_known CHECK (origin IN ('ours', 'provider')),
    CONSTRAINT state_is_known CHECK (
        state IN (
            'awaiting_approval', 'created', 'sending', 'submitted', 'unknown', 'review',
            'settled', 'failed', 'expired', 'cancelled', 'declined'
        )
    ),
    CONSTRAINT reason_is_known CHECK (
        reason IN ('requested_by_customer', 'duplicate', 'fraudulent', 'other')
    ),
    CONSTRAINT actor_is_short CHECK (length(actor) BETWEEN 1 AND 200),
    CONSTRAINT key_is_short CHECK (length(key) BETWEEN 1 AND 255),
    CONSTRAINT fingerprint_is_sha256 CHECK (length(fingerprint) = 32),
    CONSTRAINT ours_hold_the_money_first CHECK ((origin = 'ours') = (held_posting_id IS NOT NULL)),
    CONSTRAINT settled_or_settled_at_null CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CONSTRAINT settled_or_posting_null CHECK ((state = 'settled') = (posting_id IS NOT NULL)),
    CONSTRAINT given_back_where_nothing_was_refunded CHECK (
        (released_posting_id IS NOT NULL)
        = (state IN ('failed', 'expired', 'cancelled', 'declined') AND origin = 'ours')
    ),
    CONSTRAINT failed_refunds_say_why CHECK (state <> 'failed' OR failure_code IS NOT NULL)
);
COMMENT ON TABLE tallystick.refund IS 'Money of a payment that goes back to who paid it';
COMMENT ON COLUMN tallystick.refund.id IS 'Identity, UUID version 7, shown as ref_…';
COMMENT ON COLUMN tallystick.refund.payment_id IS 'The payment that it gives back, or a part of it';
COMMENT ON COLUMN tallystick.refund.amount IS 'Minor units';
COMMENT ON COLUMN tallystick.refund.currency IS 'ISO 4217 code, the payment''s';
COMMENT ON COLUMN tallystick.refund.provider IS 'Who gives it back, the payment''s';
COMMENT ON COLUMN tallystick.refund.origin
IS 'ours: asked for here, held first; provider: made there without us, booked as it is';
COMMENT ON COLUMN tallystick.refund.state IS 'Where it stands; the moves are rows of payment_step';
COMMENT ON COLUMN tallystick.refund.reason IS 'Why, as a code that providers know';
COMMENT ON COLUMN tallystick.refund.actor IS 'Who started it, as person:…, or provider:stripe';
COMMENT ON COLUMN tallystick.refund.caller IS 'Who asked, for the idempotency key';
COMMENT ON COLUMN tallystick.refund.key IS 'The caller''s idempotency key: one refund a key, for ever';
COMMENT ON COLUMN tallystick.refund.fingerprint
IS 'SHA-256 of what was asked, to tell a replay from another request';
COMMENT ON COLUMN tallystick.refund.request_id IS 'The request or event that made it';
COMMENT ON COLUMN tallystick.refund.reference IS 'The provider''s id of it, as re_…';
COMMENT ON COLUMN tallystick.refund.failure_code IS 'Stable code of the refusal';
COMMENT ON COLUMN tallystick.refund.failure_detail IS 'The refusal as a sentence for people';
COMMENT ON COLUMN tallystick.refund.held_posting_id IS 'The posting that set the money aside';
COMMENT ON COLUMN tallystick.refund.posting_id IS 'The posting that took it out of the wallet';
COMMENT ON COLUMN tallystick.refund.released_posting_id IS 'The posting that gave the held money back';
COMMENT ON COLUMN tallystick.refund.is_suspended
IS 'Whether it was taken from suspense and not from the wallet: it comes back there';
COMMENT ON COLUMN tallystick.refund.expires_at IS 'Past it nothing is sent any more';
COMMENT ON COLUMN tallystick.refund.waiting_since IS 'Since when the provider''s word is awaited';
COMMENT ON COLUMN tallystick.refund.look_at
IS 'When the janitor looks at it next (our clock); null where there is nothing to wait for';
COMMENT ON COLUMN tallystick.refund.created_at IS 'Our clock';
COMMENT ON COLUMN tallystick.refund.updated_at IS 'Our clock at the last change';
COMMENT ON COLUMN tallystick.refund.settled_at IS 'Our clock when it was booked';
-- A provider's object belongs to one refund.
CREATE UNIQUE INDEX one_refund_a_reference ON tallystick.refund (provider, reference)
WHERE reference IS NOT NULL;
CREATE INDEX refunds_of_payment ON tallystick.refund (payment_id, id);
-- What the janitor looks at, the first due first.
CREATE INDEX refunds_to_look_at ON tallystick.refund (look_at) WHERE look_at IS NOT NULL;
GRANT SELECT, INSERT ON tallystick.refund TO tallystick_application;
GRANT UPDATE (
    state, reference, failure_code, failure_detail, posting_id, released_posting_id, settled_at,
    is_suspended, waiting_since, look_at, updated_at
) ON tallystick.refund TO tallystick_application;

CREATE TABLE tallystick.payment_step (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES tallystick.payment (id),
    state_before text NOT NULL,
    state text NOT NULL,
    note text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    refund_id uuid REFERENCES tallystick.refund (id),
    CONSTRAINT moves_along_the_state_table CHECK (
        (state_before = 'none' AND state IN ('awaiting_approval', 'created'))
        OR (state_before = 'none' AND state IN ('settled', 'failed') AND refund_id IS NOT NULL)
        OR (state_before = 'awaiting_approval' AND state IN ('created', 'declined', 'expired', 'cancelled'))
        OR (state_before = 'created' AND state IN ('sending', 'cancelled', 'expired'))
        OR (state_before = 'sending' AND state IN ('submitted', 'settled', 'failed', 'unknown'))
        OR (state_before = 'submitted' AND state IN ('settled', 'failed', 'expired', 'unknown'))
        OR (
            state_before = 'unknown'
            AND state IN ('submitted', 'settled', 'failed', 'expired', 'review')
        )
        OR (state_before = 'review' AND state IN ('settled', 'failed'))
        OR (state_before = state AND note <> '')
    ),
    CONSTRAINT note_is_short CHECK (length(note) <= 500)
);
COMMENT ON TABLE tallystick.payment_step IS 'One move of a payment, or news about it, in order of id';
COMMENT ON COLUMN tallystick.payment_step.id IS 'Identity, UUID version 7';
COMMENT ON COLUMN tallystick.payment_step.payment_id IS 'The payment that moved';
COMMENT ON COLUMN tallystick.payment_step.state_before IS 'Where it stood; none for its beginning';
COMMENT ON COLUMN tallystick.payment_step.state IS 'Where it stands since';
COMMENT ON COLUMN tallystick.payment_step.note IS 'A sentence for people, if there is more to say';
COMMENT ON COLUMN tallystick.payment_step.created_at IS 'Our clock';
COMMENT ON COLUMN tallystick.payment_step.refund_id
IS 'The refund of the payment that moved; null where the payment itself did';
CREATE INDEX steps_of_payment ON tallystick.payment_step (payment_id, id);
GRANT SELECT, INSERT ON tallystick.payment_step TO tallystick_application;

CREATE TABLE tallystick.attempt (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES tallystick.payment (id),
    number integer NOT NULL,
    operation text NOT NULL,
    provider_key text NOT NULL,
    outcome text,
    started_at timestamptz NOT NULL,
    deadline_at timestamptz NOT NULL,
    ended_at timestamptz,
    refund_id uuid REFERENCES tallystick.refund (id),
    CONSTRAINT number_starts_at_one CHECK (number >= 1),
    CONSTRAINT outcome_is_known CHECK (outcome IN ('answered', 'refused', 'unknown')),
    CONSTRAINT ended_or_outcome_null CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
COMMENT ON TABLE tallystick.attempt IS 'One call to a provider, written before it is made';
COMMENT ON COLUMN tallystick.attempt.id IS 'Identity, UUID version 7';
COMMENT ON COLUMN tallystick.attempt.payment_id IS 'The payment that it serves';
COMMENT ON COLUMN tallystick.attempt.number IS 'First, second, … call for the payment';
COMMENT ON COLUMN tallystick.attempt.operation IS 'What the provider was asked for, as collect';
COMMENT ON COLUMN tallystick.attempt.provider_key IS 'The idempotency key that the provider gets';
COMMENT ON COLUMN tallystick.attempt.outcome IS 'answered, refused or unknown; null while it is open';
COMMENT ON COLUMN tallystick.attempt.started_at IS 'The raw database clock before the call';
COMMENT ON COLUMN tallystick.attempt.deadline_at IS 'Past it an open attempt is unknown';
COMMENT ON COLUMN tallystick.attempt.ended_at IS 'The raw database clock when the outcome was recorded';
COMMENT ON COLUMN tallystick.attempt.refund_id
IS 'The refund that it serves; null where it serves the payment itself';
CREATE UNIQUE INDEX one_attempt_a_number
ON tallystick.attempt (payment_id, coalesce(refund_id, payment_id), number);
-- Only the run that opened the attempt may call.
CREATE UNIQUE INDEX one_open_attempt_a_payment_or_refund
ON tallystick.attempt (coalesce(refund_id, payment_id))
WHERE ended_at IS NULL;
GRANT SELECT, INSERT ON tallystick.attempt TO tallystick_application;
GRANT UPDATE (outcome, ended_at) ON tallystick.attempt TO tallystick_application;

CREATE TABLE tallystick.dispute (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES tallystick.payment (id),
    provider text NOT NULL,
    reference text NOT NULL,
    amount bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,
    withdrawn_posting_id uuid,
    reinstated_posting_id uuid,
    is_suspended boolean NOT NULL DEFAULT FALSE,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT one_dispute_a_reference UNIQUE (provider, reference),
    CONSTRAINT amount_is_positive CHECK (amount BETWEEN 1 AND 9007199254740991),
    CONSTRAINT reason_is_short CHECK (length(reason) BETWEEN 1 AND 100),
    CONSTRAINT state_is_known CHECK (state IN ('open', 'won', 'lost')),
    CONSTRAINT closed_or_closed_at_null CHECK ((state = 'open') = (closed_at IS NULL)),
    CONSTRAINT given_back_after_it_was_taken CHECK (
        reinstated_posting_id IS NULL OR withdrawn_posting_id IS NOT NULL
    )
);
COMMENT ON TABLE tallystick.dispute IS 'Who paid asks the bank for the money back';
COMMENT ON COLUMN tallystick.dispute.id IS 'Identity, UUID version 7, shown as dis_…';
COMMENT ON COLUMN tallystick.dispute.payment_id IS 'The payment that is disputed';
COMMENT ON COLUMN tallystick.dispute.provider IS 'Who told us';
COMMENT ON COLUMN tallystick.dispute.reference IS 'The provider''s id of it, as du_…';
COMMENT ON COLUMN tallystick.dispute.amount IS 'Minor units that are disputed';
COMMENT ON COLUMN tallystick.dispute.currency IS 'ISO 4217 code, the payment''s';
COMMENT ON COLUMN tallystick.dispute.reason IS 'The provider''s code for why';
COMMENT ON COLUMN tallystick.dispute.state IS 'open, then won or lost, as the provider says';
COMMENT ON COLUMN tallystick.dispute.withdrawn_posting_id IS 'The posting that took the money';
COMMENT ON COLUMN tallystick.dispute.reinstated_posting_id IS 'The posting that gave it back';
COMMENT ON COLUMN tallystick.dispute.is_suspended
IS 'Whether it was taken from suspense and not from the wallet: it comes back there';
COMMENT ON COLUMN tallystick.dispute.opened_at IS 'The provider''s clock';
COMMENT ON COLUMN tallystick.dispute.closed_at IS 'The provider''s clock when it was decided';
COMMENT ON COLUMN tallystick.dispute.created_at IS 'Our clock';
CREATE INDEX disputes_of_payment ON tallystick.dispute (payment_id, id);
GRANT SELECT, INSERT ON tallystick.dispute TO tallystick_application;
GRANT UPDATE (
    state, withdrawn_posting_id, reinstated_posting_id, is_suspended, closed_at
) ON tallystick.dispute TO tallystick_application;

CREATE TABLE tallystick.news (
    id uuid PRIMARY KEY,
    payment_id uuid REFERENCES tallystick.payment (id),
    provider text NOT NULL,
    kind text NOT NULL,
    reference text NOT NULL,
    amount bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    posting_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT one_piece_of_news_a_fact UNIQUE (provider, kind, reference),
    CONSTRAINT kind_is_known CHECK (
        kind IN ('refund_late', 'refund_returned', 'refund_other_amount', 'refund_unclaimed')
    ),
    CONSTRAINT amount_is_positive CHECK (amount BETWEEN 1 AND 9007199254740991)
);
COMMENT ON TABLE tallystick.news
IS 'What became of refunds after or beside what we asked for, each booked with its own posting';
COMMENT ON COLUMN tallystick.news.id IS 'Identity, UUID version 7';
COMMENT ON COLUMN tallystick.news.payment_id IS 'The payment that it is about; null where there is none';
COMMENT ON COLUMN tallystick.news.provider IS 'Who told us';
COMMENT ON COLUMN tallystick.news.kind IS 'What happened';
COMMENT ON COLUMN tallystick.news.reference IS 'The provider''s id of the object that it happened to';
COMMENT ON COLUMN tallystick.news.amount IS 'Minor units that moved';
COMMENT ON COLUMN tallystick.news.currency IS 'ISO 4217 code';
COMMENT ON COLUMN tallystick.news.posting_id IS 'The posting that booked it';
COMMENT ON COLUMN tallystick.news.occurred_at IS 'The provider''s clock';
COMMENT ON COLUMN tallystick.news.created_at IS 'Our clock';
CREATE INDEX news_of_payment ON tallystick.news (payment_id, id) WHERE payment_id IS NOT NULL;
GRANT SELECT, INSERT ON tallystick.news TO tallystick_application;

CREATE TABLE tallystick.review (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL,
    payment_id uuid REFERENCES tallystick.payment (id),
    provider text NOT NULL,
    question text NOT NULL,
    state text NOT NULL DEFAULT 'open',
    opened_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by text,
    reason text,
    CONSTRAINT one_review_a_kind_and_subject UNIQUE (kind, subject),
    CONSTRAINT kind_is_named CHECK (kind ~ '^[a-z][a-z_]{0,39}$'),
    CONSTRAINT subject_is_short CHECK (length(subject) BETWEEN 1 AND 300),
    CONSTRAINT question_is_short CHECK (length(question) BETWEEN 1 AND 500),
    CONSTRAINT state_is_known CHECK (state IN ('open', 'resolved')),
    CONSTRAINT resolved_by_somebody_for_a_reason CHECK (
        (state = 'resolved')
        = (resolved_at IS NOT NULL AND resolved_by IS NOT NULL AND reason IS NOT NULL)
    ),
    CONSTRAINT reason_is_short CHECK (length(reason) BETWEEN 1 AND 500)
);
COMMENT ON TABLE tallystick.review IS 'A question about money that a person must answer';
COMMENT ON COLUMN tallystick.review.id IS 'Identity, UUID version 7, shown as rev_…';
COMMENT ON COLUMN tallystick.review.kind IS 'What is asked, as paid_other_amount';
COMMENT ON COLUMN tallystick.review.subject IS 'What it is asked about: an id of ours or of the provider''s';
COMMENT ON COLUMN tallystick.review.payment_id IS 'The payment that it is about, if there is one';
COMMENT ON COLUMN tallystick.review.provider IS 'Whose report raised it';
COMMENT ON COLUMN tallystick.review.question IS 'The question as a sentence';
COMMENT ON COLUMN tallystick.review.state IS 'open, then resolved';
COMMENT ON COLUMN tallystick.review.opened_at IS 'Our clock';
COMMENT ON COLUMN tallystick.review.resolved_at IS 'Our clock when a person answered';
COMMENT ON COLUMN tallystick.review.resolved_by IS 'Who answered';
COMMENT ON COLUMN tallystick.review.reason IS 'What they answered';
CREATE INDEX open_reviews ON tallystick.review (opened_at) WHERE state = 'open';
CREATE INDEX reviews_of_payment ON tallystick.review (payment_id) WHERE payment_id IS NOT NULL;
GRANT SELECT, INSERT ON tallystick.review TO tallystick_application;
GRANT UPDATE (state, resolved_at, resolved_by, reason) ON tallystick.review TO tallystick_application;

-- ------------------------------------------------------------- webhooks

CREATE TABLE tallystick.webhook_event (
    id uuid PRIMARY KEY,
    provider text NOT NULL,
    external_id text NOT NULL,
    kind text NOT NULL,
    body bytea NOT NULL,
    body_sha256 bytea NOT NULL,
    state text NOT NULL DEFAULT 'received',
    attempts integer NOT NULL DEFAULT 0,
    error text,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    processed_at timestamptz,
    source text NOT NULL DEFAULT 'delivered',
    is_begun boolean NOT NULL DEFAULT FALSE,
    blanked_at timestamptz,
    CONSTRAINT one_event_a_provider_and_id UNIQUE (provider, external_id),
    CONSTRAINT external_id_is_short CHECK (length(external_id) BETWEEN 1 AND 255),
    CONSTRAINT hash_is_sha256 CHECK (length(body_sha256) = 32),
    CONSTRAINT state_is_known CHECK (state IN ('received', 'processed', 'ignored', 'failed')),
    CONSTRAINT processed_or_processed_at_null CHECK (
        (state IN ('processed', 'ignored')) = (processed_at IS NOT NULL)
    ),
    CONSTRAINT source_is_known CHECK (source IN ('delivered', 'polled')),
    CONSTRAINT blanked_or_blanked_at_null CHECK (blanked_at IS NULL OR body = ''),
    CONSTRAINT received_has_its_body CHECK (blanked_at IS NULL OR state <> 'received')
);
COMMENT ON TABLE tallystick.webhook_event IS 'What a provider told us: verified, kept once, processed later';
COMMENT ON COLUMN tallystick.webhook_event.id IS 'Identity, UUID version 7';
COMMENT ON COLUMN tallystick.webhook_event.provider IS 'Who told us, as stripe';
COMMENT ON COLUMN tallystick.webhook_event.external_id IS 'The provider''s id of the event';
COMMENT ON COLUMN tallystick.webhook_event.kind IS 'The provider''s word for what happened';
COMMENT ON COLUMN tallystick.webhook_event.body
IS 'The raw bytes that were signed; empty once they are blanked';
COMMENT ON COLUMN tallystick.webhook_event.body_sha256 IS 'SHA-256 of the body; it outlives the body';
COMMENT ON COLUMN tallystick.webhook_event.state IS 'received, then processed, ignored or failed';
COMMENT ON COLUMN tallystick.webhook_event.attempts IS 'How often processing it was begun';
COMMENT ON COLUMN tallystick.webhook_event.error IS 'What went wrong the last time';
COMMENT ON COLUMN tallystick.webhook_event.occurred_at IS 'The provider''s clock';
COMMENT ON COLUMN tallystick.webhook_event.received_at IS 'Our clock';
COMMENT ON COLUMN tallystick.webhook_event.due_at IS 'Not to be processed before (raw database clock)';
COMMENT ON COLUMN tallystick.webhook_event.processed_at IS 'Our clock when it was done with';
COMMENT ON COLUMN tallystick.webhook_event.source
IS 'How it came first: delivered, or polled because nobody delivered it';
COMMENT ON COLUMN tallystick.webhook_event.is_begun
IS 'Whether a run with it has begun and not ended well: then the next one has it alone';
COMMENT ON COLUMN tallystick.webhook_event.blanked_at IS 'Our clock when its body was blanked';
-- What the inbox still has to do, oldest first.
CREATE INDEX events_to_process ON tallystick.webhook_event (due_at) WHERE state = 'received';
-- What a person looks for: few rows, newest last.
CREATE INDEX events_that_failed ON tallystick.webhook_event (id) WHERE state = 'failed';
CREATE INDEX events_that_were_polled ON tallystick.webhook_event (id) WHERE source = 'polled';
-- What is blanked next.
CREATE INDEX events_with_body ON tallystick.webhook_event (received_at) WHERE blanked_at IS NULL;
GRANT SELECT, INSERT ON tallystick.webhook_event TO tallystick_application;
GRANT UPDATE (state, attempts, error, due_at, processed_at, is_begun)
ON tallystick.webhook_event TO tallystick_application;

CREATE FUNCTION tallystick.blank_webhook_bodies(p_events_max integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH old AS (
        SELECT event.id
        FROM tallystick.webhook_event AS event
        WHERE
            event.blanked_at IS NULL
            AND event.state <> 'received'
            AND event.received_at < (SELECT tallystick.now() - interval '180 days')
        ORDER BY event.received_at
        LIMIT p_events_max
        FOR UPDATE SKIP LOCKED
    ),
    blanked AS (
        UPDATE tallystick.webhook_event AS event
        SET body = '', blanked_at = tallystick.now()
        FROM old
        WHERE event.id = old.id
        RETURNING event.id
    )
    SELECT count(*)::integer FROM blanked;
$$;
COMMENT ON FUNCTION tallystick.blank_webhook_bodies(integer)
IS 'Blanks the bodies of events older than 180 days, and keeps their hash; returns how many';
REVOKE ALL ON FUNCTION tallystick.blank_webhook_bodies(integer) FROM public;
GRANT EXECUTE ON FUNCTION tallystick.blank_webhook_bodies(integer) TO tallystick_application;

CREATE TABLE tallystick.webhook_cursor (
    provider text PRIMARY KEY,
    read_until timestamptz NOT NULL,
    polled_at timestamptz NOT NULL
);
COMMENT ON TABLE tallystick.webhook_cursor
IS 'How far the poller has read each provider''s own list of events';
COMMENT ON COLUMN tallystick.webhook_cursor.provider IS 'Whose list, as stripe';
COMMENT ON COLUMN tallystick.webhook_cursor.read_until
IS 'All events until then were read (the provider''s clock)';
COMMENT ON COLUMN tallystick.webhook_cursor.polled_at IS 'When it was read last (raw database clock)';
GRANT SELECT, INSERT ON tallystick.webhook_cursor TO tallystick_application;
GRANT UPDATE (read_until, polled_at) ON tallystick.webhook_cursor TO tallystick_application;

-- ----------------------------------------------------------------- mail

CREATE TABLE tallystick.mail (
    id uuid PRIMARY KEY,
    to_address text NOT NULL,
    subject text NOT NULL,
    body_text text NOT NULL,
    body_html text,
    state text NOT NULL DEFAULT 'pending',
    attempts integer NOT NULL DEFAULT 0,
    error text,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    CONSTRAINT address_is_short CHECK (length(to_address) BETWEEN 3 AND 320),
    CONSTRAINT subject_is_one_line CHECK (subject !~ '[\n\r]' AND length(subject) <= 300),
    CONSTRAINT state_is_known CHECK (state IN ('pending', 'sent', 'kept', 'failed')),
    CONSTRAINT sent_or_sent_at_null CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
COMMENT ON TABLE tallystick.mail IS 'A letter to a person: written in the deed''s transaction, sent by a job';
COMMENT ON COLUMN tallystick.mail.id IS 'Identity, UUID version 7, shown as msg_…';
COMMENT ON COLUMN tallystick.mail.to_address IS 'Whom it goes to';
COMMENT ON COLUMN tallystick.mail.subject IS 'Its subject, one line';
COMMENT ON COLUMN tallystick.mail.body_text IS 'Its plain text';
COMMENT ON COLUMN tallystick.mail.body_html IS 'Its HTML, if it has one';
COMMENT ON COLUMN tallystick.mail.state IS 'pending; then sent, kept (no mail server is set) or failed';
COMMENT ON COLUMN tallystick.mail.attempts IS 'How often sending it went wrong';
COMMENT ON COLUMN tallystick.mail.error IS 'Why it was not sent the last time';
COMMENT ON COLUMN tallystick.mail.created_at IS 'Our clock';
COMMENT ON COLUMN tallystick.mail.sent_at IS 'The raw database clock when the mail server took it';
GRANT SELECT, INSERT ON tallystick.mail TO tallystick_application;
GRANT UPDATE (state, attempts, error, sent_at) ON tallystick.mail TO tallystick_application;

-- ----------------------------------------------------------------- keys

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
            'transfers:read', 'transfers:write', 'refunds:write'
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
