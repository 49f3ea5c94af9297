-- name: begin
-- Read the clock and mark the transaction: in autocommit the mark is gone by the next statement.
SELECT
    tallystick.now() AS now,
    set_config('tallystick.deed', %(mark)s, TRUE) AS mark,
    current_setting('transaction_isolation') AS isolation;

-- name: lock_accounts
-- Lock the accounts in order of id; the one statement that locks money.
SELECT
    account.id,
    account.currency,
    account.floor,
    account.ceiling,
    account.balance,
    account.version,
    account.last_entry_at,
    account.frozen,
    current_setting('tallystick.deed', TRUE) AS mark
FROM tallystick.account
WHERE account.id = any(%(ids)s)
ORDER BY account.id
FOR NO KEY UPDATE;

-- name: insert_posting
-- Write the posting.
INSERT INTO tallystick.posting (id, kind, actor, request_id, created_at)
VALUES (%(id)s, %(kind)s, %(actor)s, %(request_id)s, %(created_at)s);

-- name: insert_transfers
-- Write all transfers of the posting at once.
INSERT INTO tallystick.transfer (
    id, posting_id, debit_id, credit_id, amount, kind,
    debit_balance, credit_balance, debit_version, credit_version, occurred_at, created_at
)
SELECT *
FROM unnest(
    %(id)s::uuid[],
    %(posting_id)s::uuid[],
    %(debit_id)s::uuid[],
    %(credit_id)s::uuid[],
    %(amount)s::bigint[],
    %(kind)s::text[],
    %(debit_balance)s::bigint[],
    %(credit_balance)s::bigint[],
    %(debit_version)s::bigint[],
    %(credit_version)s::bigint[],
    %(occurred_at)s::timestamptz[],
    %(created_at)s::timestamptz[]
);

-- name: update_accounts
-- Bring the locked accounts to where the posting leaves them.
UPDATE tallystick.account
SET
    balance = after.balance,
    version = after.version,
    last_entry_at = after.last_entry_at
FROM
    unnest(
        %(id)s::uuid[],
        %(balance)s::bigint[],
        %(version)s::bigint[],
        %(last_entry_at)s::timestamptz[]
    ) AS after (id, balance, version, last_entry_at)
WHERE account.id = after.id;

-- name: open_accounts
-- Open the accounts that are not there yet.
INSERT INTO tallystick.account (id, path, currency, floor)
SELECT *
FROM
    unnest(
        %(id)s::uuid[],
        %(path)s::text[],
        %(currency)s::text[],
        %(floor)s::bigint[]
    )
ON CONFLICT (path, currency) DO NOTHING;

-- name: find_accounts
-- Find accounts by path and currency.
SELECT
    account.path,
    account.currency,
    account.id
FROM tallystick.account
WHERE (account.path, account.currency) IN (
    SELECT *
    FROM unnest(%(path)s::text[], %(currency)s::text[])
);

-- name: get_account
-- Read one account without a lock: for showing, never for deciding.
SELECT
    account.id,
    account.currency,
    account.floor,
    account.ceiling,
    account.balance,
    account.version,
    account.last_entry_at,
    account.frozen
FROM tallystick.account
WHERE account.id = %(id)s;

-- name: entries
-- The newest entries of an account, below a version where one is given.
SELECT
    entry.version,
    entry.amount,
    entry.balance,
    entry.kind,
    entry.transfer_id,
    entry.posting_id,
    entry.occurred_at,
    entry.created_at
FROM tallystick.entry
WHERE
    entry.account_id = %(account_id)s
    AND entry.version < %(before_version)s
ORDER BY entry.version DESC
LIMIT %(most)s;

-- name: currencies_off_balance
-- Currencies whose balances do not sum to zero: there must be none.
SELECT
    account.currency,
    sum(account.balance)::bigint AS difference
FROM tallystick.account
GROUP BY account.currency
HAVING sum(account.balance) <> 0;

-- name: accounts_off_entries
-- Accounts whose balance or version differs from their entries: there must be none.
SELECT
    account.path,
    account.currency,
    (account.balance - coalesce(sum(entry.amount), 0))::bigint AS difference
FROM tallystick.account
LEFT JOIN tallystick.entry ON account.id = entry.account_id
GROUP BY account.id
HAVING
    account.balance <> coalesce(sum(entry.amount), 0)
    OR account.version <> count(entry.version)
    OR account.version <> coalesce(max(entry.version), 0);
