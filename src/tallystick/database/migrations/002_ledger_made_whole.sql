-- The ledger made whole: reversals, notes, and months made ahead without stopping writers.

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
    CONSTRAINT kind_is_named CHECK (kind ~ '^[a-z][a-z_]{0,39}$'),
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

-- Whether it is empty is asked often, and must not read every month for it.
GRANT SELECT ON tallystick.transfer_outside_months TO tallystick_application;

-- A partition made by itself and then attached lets transfers go on; made as a partition, it
-- would wait for every open transfer and hold up all that come after.
CREATE OR REPLACE FUNCTION tallystick.make_transfer_partitions(p_months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
SET lock_timeout = '3s'
AS $$
DECLARE
    month timestamptz := date_trunc('month', clock_timestamp(), 'UTC');
    partition_name text;
    made integer := 0;
BEGIN
    IF p_months NOT BETWEEN 0 AND 24 THEN
        RAISE EXCEPTION 'give 0 to 24 months ahead, not %', p_months;
    END IF;
    PERFORM pg_advisory_xact_lock(7461900453);
    FOR ahead IN 0..p_months LOOP
        partition_name := 'transfer_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        IF to_regclass('tallystick.' || partition_name) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE tallystick.%I'
                ' (LIKE tallystick.transfer INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                partition_name
            );
            EXECUTE format(
                'ALTER TABLE tallystick.transfer ATTACH PARTITION tallystick.%I'
                ' FOR VALUES FROM (%L) TO (%L)',
                partition_name,
                lpad(to_hex((extract(epoch FROM month) * 1000)::bigint), 12, '0') || repeat('0', 20),
                lpad(
                    to_hex((extract(epoch FROM month + interval '1 month') * 1000)::bigint), 12, '0'
                ) || repeat('0', 20)
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
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END
$$;
