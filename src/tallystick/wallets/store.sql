-- name: insert_wallet
-- Keep the wallet, unless its owner has one in this currency already.
INSERT INTO tallystick.wallet (id, owner, currency, available_id, held_id, created_at)
VALUES (%(id)s, %(owner)s, %(currency)s, %(available_id)s, %(held_id)s, %(created_at)s)
ON CONFLICT (owner, currency) DO NOTHING;

-- name: read
-- The wallets of an owner with their balances, oldest first; one of them where its id is given.
SELECT
    wallet.id,
    wallet.owner,
    wallet.currency,
    wallet.available_id,
    wallet.held_id,
    available.balance AS available,
    held.balance AS held,
    available.version,
    wallet.created_at
FROM tallystick.wallet
INNER JOIN tallystick.account AS available ON wallet.available_id = available.id
INNER JOIN tallystick.account AS held ON wallet.held_id = held.id
WHERE
    wallet.owner = %(owner)s
    AND (%(wallet_id)s::uuid IS NULL OR wallet.id = %(wallet_id)s)
ORDER BY wallet.id;
