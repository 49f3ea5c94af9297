-- name: insert_payment
-- Keep the payment, unless the caller's key has one already.
INSERT INTO tallystick.payment (
    id, owner, wallet_id, amount, currency, provider, state, caller, key, fingerprint,
    request_id, expires_at, created_at, updated_at
)
VALUES (
    %(id)s, %(owner)s, %(wallet_id)s, %(amount)s, %(currency)s, %(provider)s, 'created',
    %(caller)s, %(key)s, %(fingerprint)s, %(request_id)s, %(expires_at)s, %(now)s, %(now)s
)
ON CONFLICT (caller, key) DO NOTHING
RETURNING payment.id;

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

-- name: lock
-- Lock payments in order of id: their states move under this lock alone.
SELECT payment.*
FROM tallystick.payment
WHERE payment.id = any(%(ids)s)
ORDER BY payment.id
FOR NO KEY UPDATE;

-- name: update_payment
-- Bring a locked payment to where it goes; what is not given stays.
UPDATE tallystick.payment
SET
    state = %(state)s,
    reference = coalesce(%(reference)s, payment.reference),
    action_url = %(action_url)s,
    failure_code = %(failure_code)s,
    failure_detail = %(failure_detail)s,
    posting_id = %(posting_id)s,
    settled_at = %(settled_at)s,
    updated_at = %(now)s
WHERE payment.id = %(id)s;

-- name: insert_step
-- Write one move of a payment, or news about it.
INSERT INTO tallystick.payment_step (id, payment_id, state_before, state, note, created_at)
VALUES (%(id)s, %(payment_id)s, %(state_before)s, %(state)s, %(note)s, %(now)s);

-- name: steps
-- All moves of a payment in their order.
SELECT
    payment_step.state,
    payment_step.note,
    payment_step.created_at
FROM tallystick.payment_step
WHERE payment_step.payment_id = %(payment_id)s
ORDER BY payment_step.id;

-- name: attempts
-- All attempts of a payment, first to last, with the raw database clock.
SELECT
    attempt.id,
    attempt.payment_id,
    attempt.number,
    attempt.provider_key,
    attempt.deadline_at,
    attempt.started_at,
    attempt.ended_at,
    clock_timestamp() AS read_at
FROM tallystick.attempt
WHERE attempt.payment_id = %(payment_id)s
ORDER BY attempt.number;

-- name: open_attempt
-- Write the attempt before the call; one may be open a payment.
INSERT INTO tallystick.attempt (
    id, payment_id, number, operation, provider_key, started_at, deadline_at
)
VALUES (
    %(id)s, %(payment_id)s, %(number)s, %(operation)s, %(provider_key)s,
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
