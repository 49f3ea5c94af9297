-- name: bookings
-- What our rows say of one provider's objects: below zero where money left.
SELECT
    'charge' AS kind,
    collection.reference,
    collection.kind AS word,
    collection.payment_id,
    collection.amount,
    collection.currency,
    collection.posting_id
FROM tallystick.collection
WHERE collection.provider = %(provider)s
UNION ALL
SELECT
    'refund' AS kind,
    refund.reference,
    'settled' AS word,
    refund.payment_id,
    -refund.amount AS amount,
    refund.currency,
    refund.posting_id
FROM tallystick.refund
WHERE
    refund.provider = %(provider)s
    AND refund.state = 'settled'
UNION ALL
SELECT
    'refund' AS kind,
    news.reference,
    news.kind AS word,
    news.payment_id,
    CASE
        WHEN news.kind = 'refund_returned' THEN news.amount
        ELSE -news.amount
    END AS amount,
    news.currency,
    news.posting_id
FROM tallystick.news
WHERE news.provider = %(provider)s
UNION ALL
SELECT
    'dispute' AS kind,
    dispute.reference,
    'withdrawn' AS word,
    dispute.payment_id,
    -dispute.amount AS amount,
    dispute.currency,
    dispute.withdrawn_posting_id AS posting_id
FROM tallystick.dispute
WHERE
    dispute.provider = %(provider)s
    AND dispute.withdrawn_posting_id IS NOT NULL
UNION ALL
SELECT
    'dispute' AS kind,
    dispute.reference,
    'reinstated' AS word,
    dispute.payment_id,
    dispute.amount,
    dispute.currency,
    dispute.reinstated_posting_id AS posting_id
FROM tallystick.dispute
WHERE
    dispute.provider = %(provider)s
    AND dispute.reinstated_posting_id IS NOT NULL;

-- name: postings
-- What each posting added to what the provider holds for us, and what of that were fees.
WITH places AS (
    SELECT
        account.id,
        account.currency,
        account.path = %(clearing_path)s AS is_clearing
    FROM tallystick.account
    WHERE account.path = any(ARRAY[%(clearing_path)s, %(fees_path)s])
)

SELECT
    transfer.posting_id,
    clearing.currency,
    sum(
        CASE
            WHEN transfer.debit_id = clearing.id THEN transfer.amount
            ELSE -transfer.amount
        END
    )::bigint AS net,
    coalesce(
        sum(
            CASE
                WHEN transfer.debit_id = other.id THEN transfer.amount
                ELSE -transfer.amount
            END
        ) FILTER (WHERE other.id IS NOT NULL),
        0
    )::bigint AS fee
FROM tallystick.transfer
INNER JOIN places AS clearing
    ON
        clearing.is_clearing
        AND clearing.id IN (transfer.debit_id, transfer.credit_id)
LEFT JOIN places AS other
    ON
        NOT other.is_clearing
        AND other.id IN (transfer.debit_id, transfer.credit_id)
GROUP BY
    transfer.posting_id,
    clearing.currency;

-- name: held
-- What the provider holds for us in each currency.
SELECT
    account.currency,
    -account.balance AS held
FROM tallystick.account
WHERE
    account.path = %(clearing_path)s
    AND account.version > 0;
