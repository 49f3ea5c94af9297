-- name: begin
-- Read the clock and mark the transaction: in autocommit the mark is gone by the next statement.
SELECT
    tallystick.now() AS now,
    set_config('tallystick.deed', %(mark)s, TRUE) AS mark,
    current_setting('transaction_isolation') AS isolation;

-- name: enter
-- Bound the waits of this transaction, and give it its number: by it the outcome is asked for.
SELECT
    pg_current_xact_id()::text AS xid,
    set_config('lock_timeout', %(wait)s, TRUE) AS wait;

-- name: has_posting
-- Whether a posting is committed.
SELECT count(*) > 0 AS is_there
FROM tallystick.posting
WHERE posting.id = %(id)s;

-- name: end_session
-- End the session that still runs a transaction whose client is gone.
SELECT pg_terminate_backend(pg_stat_activity.pid) AS is_ended
FROM pg_stat_activity
WHERE
    pg_stat_activity.pid = %(backend)s
    AND pg_stat_activity.backend_xid = (%(xid)s::xid8)::xid;

-- name: accounts_held
-- Accounts that somebody else has locked: those that exist and are not to be had at once.
WITH free AS (
    SELECT account.id
    FROM tallystick.account
    WHERE account.id = any(%(ids)s::uuid[])
    FOR NO KEY UPDATE SKIP LOCKED
)

SELECT account.id
FROM tallystick.account
WHERE account.id = any(%(ids)s::uuid[]) AND account.id NOT IN (SELECT free.id FROM free);

-- name: lock_account_alone
-- Wait until an account is free: nothing is decided by it.
SELECT account.id
FROM tallystick.account
WHERE account.id = %(id)s
FOR NO KEY UPDATE;

-- name: is_open
-- Whether the mark is still there: with autocommit it is gone by now.
SELECT current_setting('tallystick.deed', TRUE) = %(mark)s AS is_open;

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
    account.owes,
    account.receivable_id,
    current_setting('tallystick.deed', TRUE) = %(mark)s AS is_open
FROM tallystick.account
WHERE account.id = any(%(ids)s::uuid[])
ORDER BY account.id
FOR NO KEY UPDATE;

-- name: read_originals
-- Transfers that somebody wants undone; read under the lock of their accounts.
SELECT
    transfer.id,
    transfer.debit_id,
    transfer.credit_id,
    transfer.amount,
    undone.original_id IS NOT NULL AS is_reversed,
    undoing.reversal_id IS NOT NULL AS is_reversal
FROM tallystick.transfer
LEFT JOIN tallystick.reversal AS undone ON transfer.id = undone.original_id
LEFT JOIN tallystick.reversal AS undoing ON transfer.id = undoing.reversal_id
WHERE transfer.id = any(%(transfer_ids)s::uuid[]);

-- name: insert_postings
-- Write all postings of the batch at once.
INSERT INTO tallystick.posting (id, kind, actor, request_id, created_at)
SELECT *
FROM unnest(
    %(id)s::uuid[],
    %(kind)s::text[],
    %(actor)s::text[],
    %(request_id)s::text[],
    %(created_at)s::timestamptz[]
);

-- name: insert_transfers
-- Write all transfers of the batch at once.
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
-- Bring the locked accounts to where the batch leaves them.
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

-- name: update_owed
-- What locked accounts owe from now on, and to which account.
UPDATE tallystick.account
SET
    owes = after.owes,
    receivable_id = after.receivable_id
FROM
    unnest(%(id)s::uuid[], %(owes)s::bigint[], %(receivable_id)s::uuid[])
        AS after (id, owes, receivable_id)
WHERE account.id = after.id;

-- name: insert_reversals
-- Remember which transfers undo which; the key lets each be undone once.
INSERT INTO tallystick.reversal (original_id, reversal_id)
SELECT *
FROM unnest(%(original_id)s::uuid[], %(reversal_id)s::uuid[]);

-- name: insert_notes
-- Keep free text beside the books.
INSERT INTO tallystick.note (id, posting_id, account_id, kind, actor, body, created_at)
SELECT *
FROM unnest(
    %(id)s::uuid[],
    %(posting_id)s::uuid[],
    %(account_id)s::uuid[],
    %(kind)s::text[],
    %(actor)s::text[],
    %(body)s::text[],
    %(created_at)s::timestamptz[]
);

-- name: notes
-- Free text about a posting or an account, oldest first.
SELECT
    note.id,
    note.posting_id,
    note.account_id,
    note.kind,
    note.actor,
    note.body,
    note.created_at
FROM tallystick.note
WHERE note.posting_id = %(posting_id)s OR note.account_id = %(account_id)s
ORDER BY note.id;

-- name: erase_notes
-- Blank what was written about a posting.
UPDATE tallystick.note
SET body = ''
WHERE note.posting_id = %(posting_id)s AND note.body <> ''
RETURNING note.id;

-- name: set_frozen
-- Freeze a locked account, or open it again.
UPDATE tallystick.account
SET frozen = %(frozen)s
WHERE account.id = %(id)s;

-- name: open_accounts
-- Open the accounts that are not there yet.
INSERT INTO tallystick.account (id, path, currency, floor, ceiling)
SELECT *
FROM
    unnest(
        %(id)s::uuid[],
        %(path)s::text[],
        %(currency)s::text[],
        %(floor)s::bigint[],
        %(ceiling)s::bigint[]
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
    account.frozen,
    account.owes,
    account.receivable_id
FROM tallystick.account
WHERE account.id = %(id)s;

-- name: get_transfer
-- Read one transfer and its currency.
SELECT
    transfer.id,
    transfer.posting_id,
    transfer.debit_id,
    transfer.credit_id,
    transfer.amount,
    transfer.kind,
    transfer.debit_balance,
    transfer.credit_balance,
    transfer.debit_version,
    transfer.credit_version,
    transfer.occurred_at,
    transfer.created_at,
    account.currency
FROM tallystick.transfer
INNER JOIN tallystick.account ON transfer.debit_id = account.id
WHERE transfer.id = %(transfer_id)s;

-- name: paths
-- What accounts are called.
SELECT
    account.id,
    account.path
FROM tallystick.account
WHERE account.id = any(%(ids)s::uuid[]);

-- name: transfers_of_posting
-- Read the transfers of a posting in their order, each with its currency.
SELECT
    transfer.id,
    transfer.posting_id,
    transfer.debit_id,
    transfer.credit_id,
    transfer.amount,
    transfer.kind,
    transfer.debit_balance,
    transfer.credit_balance,
    transfer.debit_version,
    transfer.credit_version,
    transfer.occurred_at,
    transfer.created_at,
    account.currency
FROM tallystick.transfer
INNER JOIN tallystick.account ON transfer.debit_id = account.id
WHERE transfer.posting_id = %(posting_id)s
ORDER BY transfer.id;

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

-- name: take_memory
-- Let this transaction's statements sort in so much memory.
SELECT set_config('work_mem', %(memory)s, TRUE) AS memory;

-- name: ranges_to_verify
-- Borders that cut the accounts into ranges of about so many entries, with the entries up to each.
SELECT DISTINCT ON (ranked.place)
    ranked.id AS last,
    ranked.entries::bigint AS entries
FROM (
    SELECT
        account.id,
        sum(account.version) OVER by_id AS entries,
        div(sum(account.version + 1) OVER by_id, %(size)s) AS place
    FROM tallystick.account
    WINDOW by_id AS (ORDER BY account.id)
) AS ranked
ORDER BY ranked.place ASC, ranked.id DESC;

-- name: accounts_off_entries
-- Accounts of a range of ids that differ from their entries, or stand outside their bounds.
WITH account AS (
    SELECT *
    FROM tallystick.account
    WHERE id > %(after)s AND id <= %(last)s
),

entry_in_order AS (
    SELECT
        entry.account_id,
        entry.version,
        entry.amount,
        entry.balance,
        row_number() OVER of_account AS place,
        lag(entry.balance, 1, 0::bigint) OVER of_account AS balance_before
    FROM tallystick.entry
    WHERE entry.account_id > %(after)s AND entry.account_id <= %(last)s
    WINDOW of_account AS (PARTITION BY entry.account_id ORDER BY entry.version)
),

summed AS (
    SELECT
        entry_in_order.account_id,
        count(*) AS entries,
        sum(entry_in_order.amount) AS balance,
        count(*) FILTER (
            WHERE entry_in_order.version <> entry_in_order.place
        ) AS out_of_place,
        count(*) FILTER (
            WHERE entry_in_order.balance <> entry_in_order.balance_before + entry_in_order.amount
        ) AS out_of_sum
    FROM entry_in_order
    GROUP BY entry_in_order.account_id
),

compared AS (
    SELECT
        coalesce(account.path || ' ' || account.currency, summed.account_id::text) AS place,
        account.id IS NULL AS is_missing,
        coalesce(account.balance, 0) - coalesce(summed.balance, 0) AS balance_off,
        coalesce(account.version, 0) - coalesce(summed.entries, 0) AS version_off,
        coalesce(summed.out_of_place, 0) AS out_of_place,
        coalesce(summed.out_of_sum, 0) AS out_of_sum,
        coalesce(account.balance - account.floor, 0) AS above_floor,
        coalesce(account.ceiling - account.balance, 0) AS below_ceiling
    FROM account
    FULL JOIN summed ON account.id = summed.account_id
)

SELECT
    compared.place,
    compared.is_missing,
    compared.balance_off::bigint AS balance_off,
    compared.version_off::bigint AS version_off,
    compared.out_of_place,
    compared.out_of_sum,
    compared.above_floor,
    compared.below_ceiling
FROM compared
WHERE
    compared.is_missing
    OR compared.balance_off <> 0
    OR compared.version_off <> 0
    OR compared.out_of_place > 0
    OR compared.out_of_sum > 0
    OR compared.above_floor < 0
    OR compared.below_ceiling < 0
ORDER BY compared.place;

-- name: accounts_off_receivables
-- Accounts that owe another sum than their receivable says.
SELECT
    account.path || ' ' || account.currency AS place,
    (account.owes + coalesce(receivable.balance, 0))::bigint AS difference
FROM tallystick.account
LEFT JOIN tallystick.account AS receivable ON account.receivable_id = receivable.id
WHERE
    (account.receivable_id IS NOT NULL OR account.owes > 0)
    AND account.owes + coalesce(receivable.balance, 0) <> 0
ORDER BY account.path;

-- name: transfers_outside_months
-- Transfers of months that have no partition: there must be none.
SELECT count(*) AS transfers FROM tallystick.transfer_outside_months;

-- name: make_partitions
-- Make the partitions of this month and of the next ones that are missing.
SELECT tallystick.make_transfer_partitions(%(months_ahead)s) AS made;

-- name: partitions
-- Whether transfers fell outside the months, and whether next month has its partition.
SELECT
    (SELECT count(*) FROM tallystick.transfer_outside_months) > 0 AS has_strays,
    to_regclass(
        'tallystick.transfer_' || to_char(
            date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + interval '1 month',
            'YYYY_MM'
        )
    ) IS NOT NULL AS is_next_month_made;
