-- name: is_fresh
-- Whether no account was ever opened: accounts stay for ever.
SELECT NOT EXISTS (SELECT account.id FROM tallystick.account) AS is_fresh;

-- name: take_turn
-- Let one seed at a time write; the turn ends with its transaction, however that ends.
SELECT pg_try_advisory_xact_lock(7461900454) AS is_ours;
