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
    wallet.created_at,
    available.owes
FROM tallystick.wallet
INNER JOIN tallystick.account AS available ON wallet.available_id = available.id
INNER JOIN tallystick.account AS held ON wallet.held_id = held.id
WHERE
    wallet.owner = %(owner)s
    AND (%(wallet_id)s::uuid IS NULL OR wallet.id = %(wallet_id)s)
ORDER BY wallet.id;

-- name: of_ids
-- Wallets by their ids, whoever holds them: to book to, never to show.
SELECT
    wallet.id,
    wallet.owner,
    wallet.currency,
    wallet.available_id,
    wallet.held_id,
    available.balance AS available,
    held.balance AS held,
    available.version,
    wallet.created_at,
    available.owes
FROM tallystick.wallet
INNER JOIN tallystick.account AS available ON wallet.available_id = available.id
INNER JOIN tallystick.account AS held ON wallet.held_id = held.id
WHERE wallet.id = any(%(ids)s::uuid[]);

-- name: other_sides
-- Whose wallet is on the other side of transfers of one account, and what was written beside them.
SELECT
    transfer.id,
    other.owner,
    message.body AS note
FROM tallystick.transfer
LEFT JOIN tallystick.wallet AS other
    ON other.available_id = CASE
        WHEN transfer.debit_id = %(account_id)s THEN transfer.credit_id
        ELSE transfer.debit_id
    END
LEFT JOIN tallystick.note AS message
    ON transfer.posting_id = message.posting_id AND message.kind = 'message' AND message.body <> ''
WHERE transfer.id = any(%(transfers)s);

-- name: receipt
-- A transfer between two wallets, for the owner of either; whoever holds both sees the payer's side.
SELECT
    transfer.id,
    payer.currency,
    transfer.amount,
    payer.owner AS payer,
    payee.owner AS payee,
    message.body AS note,
    CASE WHEN payer.owner = %(owner)s THEN payer.id ELSE payee.id END AS wallet_id,
    CASE
        WHEN payer.owner = %(owner)s THEN transfer.debit_balance
        ELSE transfer.credit_balance
    END AS balance,
    CASE
        WHEN payer.owner = %(owner)s THEN transfer.debit_version
        ELSE transfer.credit_version
    END AS version,
    transfer.occurred_at,
    transfer.created_at
FROM tallystick.transfer
INNER JOIN tallystick.wallet AS payer ON transfer.debit_id = payer.available_id
INNER JOIN tallystick.wallet AS payee ON transfer.credit_id = payee.available_id
LEFT JOIN tallystick.note AS message
    ON transfer.posting_id = message.posting_id AND message.kind = 'message' AND message.body <> ''
WHERE
    transfer.id = %(transfer_id)s
    AND %(owner)s IN (payer.owner, payee.owner);
