-- name: insert_payment
-- Keep the payment with its first step, and return it, unless the caller's key has one already.
WITH fresh AS (
    INSERT INTO tallystick.payment (
        id, owner, wallet_id, amount, currency, provider, state, caller, key, fingerprint,
        request_id, expires_at, look_at, created_at, updated_at
    )
    VALUES (
        %(id)s, %(owner)s, %(wallet_id)s, %(amount)s, %(currency)s, %(provider)s, 'created',
        %(caller)s, %(key)s, %(fingerprint)s, %(request_id)s, %(expires_at)s, %(expires_at)s,
        %(now)s, %(now)s
    )
    ON CONFLICT (caller, key) DO NOTHING
    RETURNING payment.*
),

step AS (
    INSERT INTO tallystick.payment_step (
        id, payment_id, state_before, state, note, created_at
    )
    SELECT
        %(step_id)s::uuid AS id,
        fresh.id AS payment_id,
        'none' AS state_before,
        fresh.state,
        '' AS note,
        fresh.created_at
    FROM fresh
)

SELECT fresh.* FROM fresh;

-- name: by_key
-- The payment that a caller's key stands for.
SELECT payment.*
FROM tallystick.payment
WHERE
    payment.caller = %(caller)s
    AND payment.key = %(key)s;

-- name: by_id
-- One payment, for showing.
SELECT payment.*
FROM tallystick.payment
WHERE payment.id = %(id)s;

-- name: of_owner
-- The newest payments of an owner, older than one of them where it is given.
SELECT payment.*
FROM tallystick.payment
WHERE
    payment.owner = %(owner)s
    AND (%(before)s::uuid IS NULL OR payment.id < %(before)s)
ORDER BY payment.id DESC
LIMIT %(most)s;

-- name: newest
-- The newest payments of everybody, for operators; in one state where it is given.
SELECT payment.*
FROM tallystick.payment
WHERE
    (%(before)s::uuid IS NULL OR payment.id < %(before)s)
    AND (%(state)s::text IS NULL OR payment.state = %(state)s)
ORDER BY payment.id DESC
LIMIT %(most)s;

-- name: lock
-- Lock payments in order of id: they, their refunds and their disputes move under this lock alone.
SELECT payment.*
FROM tallystick.payment
WHERE payment.id = any(%(ids)s::uuid[])
ORDER BY payment.id
FOR NO KEY UPDATE;

-- name: lock_one
-- Lock one payment as `lock` does, and tell the time of this transaction.
SELECT
    payment.*,
    tallystick.now() AS now
FROM tallystick.payment
WHERE payment.id = %(id)s
FOR NO KEY UPDATE;

-- name: collected
-- Money that a provider names by its own ids, and whose it is.
SELECT collection.*
FROM tallystick.collection
WHERE
    collection.provider = %(provider)s
    AND collection.collected_reference = any(%(references)s::text[]);

-- name: collected_before
-- Whose the money is, of payments that were settled before money was kept piece by piece.
SELECT
    payment.collected_reference,
    payment.id
FROM tallystick.payment
WHERE
    payment.provider = %(provider)s
    AND payment.collected_reference = any(%(references)s::text[]);

-- name: collections_of_payments
-- The money that came for some payments, first to last.
SELECT collection.*
FROM tallystick.collection
WHERE collection.payment_id = any(%(payment_ids)s::uuid[])
ORDER BY collection.id;

-- name: insert_collections
-- Keep pieces of money, each unless it is kept already; return which were not.
INSERT INTO tallystick.collection (
    id, payment_id, provider, reference, collected_reference, kind, amount, currency,
    posting_id, occurred_at, created_at, is_suspended
)
SELECT
    one.*,
    one.kind NOT IN ('settled', 'late') AS is_suspended
FROM
    unnest(
        %(id)s::uuid[],
        %(payment_id)s::uuid[],
        %(provider)s::text[],
        %(reference)s::text[],
        %(collected_reference)s::text[],
        %(kind)s::text[],
        %(amount)s::bigint[],
        %(currency)s::text[],
        %(posting_id)s::uuid[],
        %(occurred_at)s::timestamptz[],
        %(created_at)s::timestamptz[]
    ) AS one (
        id, payment_id, provider, reference, collected_reference, kind, amount, currency,
        posting_id, occurred_at, created_at
    )
ON CONFLICT DO NOTHING
RETURNING collection.id;

-- name: name_collection
-- Remember the provider's id of the only money of a locked payment that has none yet.
UPDATE tallystick.collection
SET collected_reference = %(reference)s
WHERE
    collection.payment_id = %(id)s
    AND collection.collected_reference IS NULL
    AND 1 = (
        SELECT count(*)
        FROM tallystick.collection AS other
        WHERE other.payment_id = %(id)s AND other.collected_reference IS NULL
    )
RETURNING collection.id;

-- name: set_collected
-- Remember a provider's id of the money that settled a locked payment.
UPDATE tallystick.payment
SET collected_reference = %(reference)s
WHERE
    payment.id = %(id)s
    AND payment.collected_reference IS NULL
    AND payment.state = 'settled'
RETURNING payment.id;

-- name: move
-- Bring locked payments to where they go, and write moves of payments and refunds, or news.
WITH moved AS (
    UPDATE tallystick.payment
    SET
        state = after.state,
        reference = after.reference,
        action_url = after.action_url,
        failure_code = after.failure_code,
        failure_detail = after.failure_detail,
        posting_id = after.posting_id,
        settled_at = after.settled_at,
        collected_reference = after.collected_reference,
        refunded = after.refunded,
        waiting_since = after.waiting_since,
        look_at = after.look_at,
        updated_at = after.updated_at
    FROM
        unnest(
            %(id)s::uuid[],
            %(state)s::text[],
            %(reference)s::text[],
            %(action_url)s::text[],
            %(failure_code)s::text[],
            %(failure_detail)s::text[],
            %(posting_id)s::uuid[],
            %(settled_at)s::timestamptz[],
            %(collected_reference)s::text[],
            %(refunded)s::bigint[],
            %(waiting_since)s::timestamptz[],
            %(look_at)s::timestamptz[],
            %(updated_at)s::timestamptz[]
        ) AS after (
            id, state, reference, action_url, failure_code, failure_detail, posting_id, settled_at,
            collected_reference, refunded, waiting_since, look_at, updated_at
        )
    WHERE payment.id = after.id
)

INSERT INTO tallystick.payment_step (
    id, payment_id, refund_id, state_before, state, note, created_at
)
SELECT *
FROM unnest(
    %(step_id)s::uuid[],
    %(payment_id)s::uuid[],
    %(refund_id)s::uuid[],
    %(state_before)s::text[],
    %(state_after)s::text[],
    %(note)s::text[],
    %(stepped_at)s::timestamptz[]
);

-- name: steps
-- All moves of a payment and of its refunds, in their order.
SELECT
    payment_step.state,
    payment_step.note,
    payment_step.created_at,
    payment_step.refund_id
FROM tallystick.payment_step
WHERE payment_step.payment_id = %(payment_id)s
ORDER BY payment_step.id;

-- name: attempts
-- All attempts of a payment or of a refund, first to last, with the raw database clock.
SELECT
    attempt.id,
    attempt.payment_id,
    attempt.number,
    attempt.provider_key,
    attempt.deadline_at,
    attempt.refund_id,
    attempt.started_at,
    attempt.ended_at,
    attempt.operation,
    attempt.outcome,
    clock_timestamp() AS read_at
FROM tallystick.attempt
WHERE
    attempt.payment_id = %(payment_id)s
    AND (%(whole)s OR attempt.refund_id IS NOT DISTINCT FROM %(refund_id)s)
ORDER BY attempt.started_at, attempt.number;

-- name: open_attempt
-- Write the attempt before the call; one may be open a payment or refund.
INSERT INTO tallystick.attempt (
    id, payment_id, refund_id, number, operation, provider_key, started_at, deadline_at
)
VALUES (
    %(id)s, %(payment_id)s, %(refund_id)s, %(number)s, %(operation)s, %(provider_key)s,
    clock_timestamp(), clock_timestamp() + make_interval(secs => %(deadline_s)s)
)
RETURNING attempt.deadline_at;

-- name: end_attempt
-- Record what became of an attempt that is still open; return whether it was.
UPDATE tallystick.attempt
SET
    outcome = %(outcome)s,
    ended_at = clock_timestamp()
WHERE
    attempt.id = %(id)s
    AND attempt.ended_at IS NULL
RETURNING attempt.id;

-- name: end_forgotten_attempts
-- Attempts past their deadline whose runs died, of what has ended without them: by news.
UPDATE tallystick.attempt
SET
    outcome = 'unknown',
    ended_at = clock_timestamp()
FROM tallystick.attempt AS open_one
INNER JOIN tallystick.payment ON open_one.payment_id = payment.id
LEFT JOIN tallystick.refund ON open_one.refund_id = refund.id
WHERE
    attempt.id = open_one.id
    AND open_one.ended_at IS NULL
    AND open_one.deadline_at < clock_timestamp()
    AND coalesce(refund.state, payment.state) IN (
        'settled', 'failed', 'expired', 'cancelled', 'declined'
    );

-- name: watch_forgotten
-- Payments that wait for something and that nobody watches: programs of the last release moved
-- them, who did not know of the janitor.
UPDATE tallystick.payment
SET
    waiting_since = coalesce(payment.waiting_since, payment.updated_at),
    look_at = %(now)s
WHERE
    payment.look_at IS NULL
    AND payment.state IN ('created', 'sending', 'submitted', 'unknown')
    AND payment.updated_at < %(now)s - interval '1 minute';

-- name: payments_to_look_at
-- Payments that the janitor looks at now; nobody else gets them.
SELECT payment.*
FROM tallystick.payment
WHERE payment.look_at <= %(now)s
ORDER BY payment.look_at
LIMIT %(most)s
FOR NO KEY UPDATE SKIP LOCKED;

-- name: refunds_to_look_at
-- Refunds that the janitor looks at now; nobody else gets them.
SELECT refund.*
FROM tallystick.refund
WHERE refund.look_at <= %(now)s
ORDER BY refund.look_at
LIMIT %(most)s
FOR NO KEY UPDATE SKIP LOCKED;

-- name: look_later_payments
-- When payments are looked at again.
UPDATE tallystick.payment
SET look_at = after.look_at
FROM unnest(%(id)s::uuid[], %(look_at)s::timestamptz[]) AS after (id, look_at)
WHERE payment.id = after.id;

-- name: look_later_refunds
-- When refunds are looked at again.
UPDATE tallystick.refund
SET look_at = after.look_at
FROM unnest(%(id)s::uuid[], %(look_at)s::timestamptz[]) AS after (id, look_at)
WHERE refund.id = after.id;

-- name: insert_refund
-- Keep a refund.
INSERT INTO tallystick.refund (
    id, payment_id, amount, currency, provider, origin, state, reason, actor, caller, key,
    fingerprint, request_id, reference, failure_code, failure_detail, held_posting_id,
    posting_id, is_suspended, expires_at, look_at, created_at, updated_at, settled_at
)
VALUES (
    %(id)s, %(payment_id)s, %(amount)s, %(currency)s, %(provider)s, %(origin)s, %(state)s,
    %(reason)s, %(actor)s, %(caller)s, %(key)s, %(fingerprint)s, %(request_id)s, %(reference)s,
    %(failure_code)s, %(failure_detail)s, %(held_posting_id)s, %(posting_id)s,
    %(is_suspended)s, %(expires_at)s, %(look_at)s, %(created_at)s, %(updated_at)s,
    %(settled_at)s
);

-- name: update_refund
-- Bring a refund of a locked payment to where it goes.
UPDATE tallystick.refund
SET
    state = %(state)s,
    reference = %(reference)s,
    failure_code = %(failure_code)s,
    failure_detail = %(failure_detail)s,
    posting_id = %(posting_id)s,
    released_posting_id = %(released_posting_id)s,
    is_suspended = %(is_suspended)s,
    settled_at = %(settled_at)s,
    waiting_since = %(waiting_since)s,
    look_at = %(look_at)s,
    updated_at = %(updated_at)s
WHERE refund.id = %(id)s;

-- name: refund_by_key
-- The refund that a caller's key stands for.
SELECT refund.*
FROM tallystick.refund
WHERE
    refund.caller = %(caller)s
    AND refund.key = %(key)s;

-- name: refund_of_payment
-- A refund of a locked payment.
SELECT refund.*
FROM tallystick.refund
WHERE
    refund.id = %(id)s
    AND refund.payment_id = %(payment_id)s;

-- name: refund_by_id
-- One refund, for showing.
SELECT refund.*
FROM tallystick.refund
WHERE refund.id = %(id)s;

-- name: refunds_of_payments
-- All refunds of some payments, first to last.
SELECT refund.*
FROM tallystick.refund
WHERE refund.payment_id = any(%(payment_ids)s::uuid[])
ORDER BY refund.id;

-- name: disputes_of_payments
-- All disputes of some payments, first to last.
SELECT dispute.*
FROM tallystick.dispute
WHERE dispute.payment_id = any(%(payment_ids)s::uuid[])
ORDER BY dispute.id;

-- name: write_dispute
-- Keep a dispute of a locked payment, or bring it to where it goes.
INSERT INTO tallystick.dispute (
    id, payment_id, provider, reference, amount, currency, reason, state, withdrawn_posting_id,
    reinstated_posting_id, is_suspended, opened_at, closed_at, created_at
)
VALUES (
    %(id)s, %(payment_id)s, %(provider)s, %(reference)s, %(amount)s, %(currency)s, %(reason)s,
    %(state)s, %(withdrawn_posting_id)s, %(reinstated_posting_id)s, %(is_suspended)s,
    %(opened_at)s, %(closed_at)s, %(created_at)s
)
ON CONFLICT (provider, reference) DO UPDATE
    SET
        state = excluded.state,
        withdrawn_posting_id = excluded.withdrawn_posting_id,
        reinstated_posting_id = excluded.reinstated_posting_id,
        is_suspended = excluded.is_suspended,
        closed_at = excluded.closed_at;

-- name: news_of_payments
-- What was booked beside some payments, first to last.
SELECT news.*
FROM tallystick.news
WHERE news.payment_id = any(%(payment_ids)s::uuid[])
ORDER BY news.id;

-- name: insert_news
-- Keep a piece of news, unless this fact is kept already; return whether it was not.
INSERT INTO tallystick.news (
    id, payment_id, provider, kind, reference, amount, currency, posting_id, occurred_at, created_at
)
VALUES (
    %(id)s, %(payment_id)s, %(provider)s, %(kind)s, %(reference)s, %(amount)s, %(currency)s,
    %(posting_id)s, %(occurred_at)s, %(created_at)s
)
ON CONFLICT (provider, kind, reference) DO NOTHING
RETURNING news.id;

-- name: open_review
-- Ask a question, unless it is asked already.
INSERT INTO tallystick.review (id, kind, subject, payment_id, provider, question, opened_at)
VALUES (
    %(id)s, %(kind)s, %(subject)s, %(payment_id)s, %(provider)s, %(question)s, %(opened_at)s
)
ON CONFLICT (kind, subject) DO NOTHING;

-- name: lock_review
-- Lock a review, to answer it.
SELECT review.*
FROM tallystick.review
WHERE review.id = %(id)s
FOR NO KEY UPDATE;

-- name: resolve_review
-- Keep the answer to a locked review.
UPDATE tallystick.review
SET
    state = 'resolved',
    resolved_at = %(resolved_at)s,
    resolved_by = %(resolved_by)s,
    reason = %(reason)s
WHERE review.id = %(id)s;

-- name: reviews
-- Reviews, the newest first: open ones or resolved ones, or those about one payment.
SELECT review.*
FROM tallystick.review
WHERE
    (%(state)s::text IS NULL OR review.state = %(state)s)
    AND (%(payment_id)s::uuid IS NULL OR review.payment_id = %(payment_id)s)
    AND (%(before)s::uuid IS NULL OR review.id < %(before)s)
ORDER BY review.id DESC
LIMIT %(most)s;

-- name: review_by_id
-- One review, for showing.
SELECT review.*
FROM tallystick.review
WHERE review.id = %(id)s;

-- name: named_there
-- Payments that a provider's id leads to: their own, their money's, a refund's or a dispute's.
SELECT payment.*
FROM tallystick.payment
WHERE
    payment.id IN (
        SELECT own.id
        FROM tallystick.payment AS own
        WHERE own.provider = any(%(providers)s::text[]) AND own.reference = %(reference)s
        UNION ALL
        SELECT collected.id
        FROM tallystick.payment AS collected
        WHERE
            collected.provider = any(%(providers)s::text[])
            AND collected.collected_reference = %(reference)s
        UNION ALL
        SELECT collection.payment_id
        FROM tallystick.collection
        WHERE
            collection.provider = any(%(providers)s::text[])
            AND collection.reference = %(reference)s
        UNION ALL
        SELECT collection.payment_id
        FROM tallystick.collection
        WHERE
            collection.provider = any(%(providers)s::text[])
            AND collection.collected_reference = %(reference)s
        UNION ALL
        SELECT refund.payment_id
        FROM tallystick.refund
        WHERE refund.provider = any(%(providers)s::text[]) AND refund.reference = %(reference)s
        UNION ALL
        SELECT dispute.payment_id
        FROM tallystick.dispute
        WHERE dispute.provider = any(%(providers)s::text[]) AND dispute.reference = %(reference)s
    )
ORDER BY payment.id DESC
LIMIT %(most)s;
