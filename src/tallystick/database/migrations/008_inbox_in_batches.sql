-- The inbox in batches: what came by the poller, runs that did not end well, bodies blanked in time.

ALTER TABLE tallystick.webhook_event
ADD COLUMN source text NOT NULL DEFAULT 'delivered',
ADD COLUMN is_begun boolean NOT NULL DEFAULT FALSE,
ADD COLUMN blanked_at timestamptz,
ADD CONSTRAINT source_is_known CHECK (source IN ('delivered', 'polled')),
ADD CONSTRAINT blanked_or_blanked_at_null CHECK (blanked_at IS NULL OR body = ''),
ADD CONSTRAINT received_has_its_body CHECK (blanked_at IS NULL OR state <> 'received');
COMMENT ON COLUMN tallystick.webhook_event.body
IS 'The raw bytes that were signed; empty once they are blanked';
COMMENT ON COLUMN tallystick.webhook_event.attempts IS 'How often processing it was begun';
COMMENT ON COLUMN tallystick.webhook_event.source
IS 'How it came first: delivered, or polled because nobody delivered it';
COMMENT ON COLUMN tallystick.webhook_event.is_begun
IS 'Whether a run with it has begun and not ended well: then the next one has it alone';
COMMENT ON COLUMN tallystick.webhook_event.blanked_at IS 'Our clock when its body was blanked';
GRANT UPDATE (is_begun) ON tallystick.webhook_event TO tallystick_application;

-- What a person looks for: few rows, newest last.
CREATE INDEX events_that_failed ON tallystick.webhook_event (id) WHERE state = 'failed';
CREATE INDEX events_that_were_polled ON tallystick.webhook_event (id) WHERE source = 'polled';
-- What is blanked next.
CREATE INDEX events_with_body ON tallystick.webhook_event (received_at) WHERE blanked_at IS NULL;

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

-- What the last release passed over and this one books: refunds and disputes made at the provider.
UPDATE tallystick.webhook_event
SET
    state = 'received',
    processed_at = NULL,
    due_at = clock_timestamp()
WHERE
    webhook_event.state = 'ignored'
    AND (
        webhook_event.kind LIKE 'refund.%'
        OR webhook_event.kind LIKE 'charge.dispute.%'
        OR webhook_event.kind = 'charge.refund.updated'
    );
