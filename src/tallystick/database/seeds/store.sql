-- name: is_fresh
-- Whether no account was ever opened: accounts stay for ever.
SELECT NOT EXISTS (SELECT account.id FROM tallystick.account) AS is_fresh;

-- name: take_turn
-- Let one seed at a time write; the turn ends with its transaction, however that ends.
SELECT pg_try_advisory_xact_lock(7461900454) AS is_ours;

-- name: keep_payment
-- Write demo rows of the table; what a row leaves out is null.
INSERT INTO tallystick.payment
SELECT *
FROM jsonb_populate_recordset(NULL::tallystick.payment, %(rows)s::jsonb);

-- name: keep_collection
-- Write demo rows of the table; what a row leaves out is null.
INSERT INTO tallystick.collection
SELECT *
FROM jsonb_populate_recordset(NULL::tallystick.collection, %(rows)s::jsonb);

-- name: keep_refund
-- Write demo rows of the table; what a row leaves out is null.
INSERT INTO tallystick.refund
SELECT *
FROM jsonb_populate_recordset(NULL::tallystick.refund, %(rows)s::jsonb);

-- name: keep_payment_step
-- Write demo rows of the table; what a row leaves out is null.
INSERT INTO tallystick.payment_step
SELECT *
FROM jsonb_populate_recordset(NULL::tallystick.payment_step, %(rows)s::jsonb);

-- name: keep_attempt
-- Write demo rows of the table; what a row leaves out is null.
INSERT INTO tallystick.attempt
SELECT *
FROM jsonb_populate_recordset(NULL::tallystick.attempt, %(rows)s::jsonb);

-- name: keep_dispute
-- Write demo rows of the table; what a row leaves out is null.
INSERT INTO tallystick.dispute
SELECT *
FROM jsonb_populate_recordset(NULL::tallystick.dispute, %(rows)s::jsonb);

-- name: keep_review
-- Write demo rows of the table; what a row leaves out is null.
INSERT INTO tallystick.review
SELECT *
FROM jsonb_populate_recordset(NULL::tallystick.review, %(rows)s::jsonb);
