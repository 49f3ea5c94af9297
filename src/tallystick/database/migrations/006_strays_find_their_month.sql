-- Transfers that fell outside the months move into theirs when it is made: they stopped it before.

CREATE OR REPLACE FUNCTION tallystick.make_transfer_partitions(p_months integer) RETURNS integer
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
