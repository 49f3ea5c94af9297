-- Refunds and disputes, what a provider did without us, questions for people, and claims that the
-- wallet does not cover.

ALTER TABLE tallystick.payment
ADD COLUMN collected_reference text,
ADD COLUMN refunded bigint NOT NULL DEFAULT 0,
ADD COLUMN waiting_since timestamptz,
ADD COLUMN look_at timestamptz,
ADD CONSTRAINT refunded_nothing_or_more CHECK (refunded >= 0);
COMMENT ON COLUMN tallystick.payment.collected_reference
IS 'The provider''s id of the money it took, as pi_…: refunds and disputes name it';
COMMENT ON COLUMN tallystick.payment.refunded
IS 'Minor units that went back or are on their way back: what is left is the amount less these';
COMMENT ON COLUMN tallystick.payment.waiting_since IS 'Since when the provider''s word is awaited';
COMMENT ON COLUMN tallystick.payment.look_at
IS 'When the janitor looks at it next (our clock); null where there is nothing to wait for';
-- Money that a provider took belongs to one payment.
CREATE UNIQUE INDEX one_payment_a_collection ON tallystick.payment (provider, collected_reference)
WHERE collected_reference IS NOT NULL;
-- What the janitor looks at, the first due first.
CREATE INDEX payments_to_look_at ON tallystick.payment (look_at) WHERE look_at IS NOT NULL;
GRANT UPDATE (collected_reference, refunded, waiting_since, look_at)
ON tallystick.payment TO tallystick_application;
-- Programs of the last release that still run write neither: the janitor finds such rows.
CREATE INDEX payments_that_nobody_watches ON tallystick.payment (updated_at)
WHERE look_at IS NULL AND state IN ('created', 'sending', 'submitted', 'unknown');
-- What operators list, the newest first.
CREATE INDEX payments_by_state ON tallystick.payment (state, id);

CREATE TABLE tallystick.collection (
    id uuid PRIMARY KEY,
    payment_id uuid REFERENCES tallystick.payment (id),
    provider text NOT NULL,
    reference text NOT NULL,
    collected_reference text,
    kind text NOT NULL,
    amount bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    is_suspended boolean NOT NULL,
    posting_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT one_collection_a_reference UNIQUE (provider, reference),
    CONSTRAINT kind_is_known CHECK (
        kind IN ('settled', 'late', 'twice', 'other_amount', 'unclaimed', 'unbookable')
    ),
    CONSTRAINT amount_is_positive CHECK (amount BETWEEN 1 AND 9007199254740991),
    CONSTRAINT unclaimed_or_payment_known CHECK ((kind = 'unclaimed') = (payment_id IS NULL)),
    CONSTRAINT in_the_wallet_or_suspended CHECK (is_suspended = (kind NOT IN ('settled', 'late')))
);
COMMENT ON TABLE tallystick.collection IS 'Money that a provider took for us, each piece booked once';
COMMENT ON COLUMN tallystick.collection.id IS 'Identity, UUID version 7';
COMMENT ON COLUMN tallystick.collection.payment_id
IS 'The payment that it came for; null where there is none';
COMMENT ON COLUMN tallystick.collection.provider IS 'Who took it';
COMMENT ON COLUMN tallystick.collection.reference
IS 'The provider''s id of what was paid, as cs_…: a fact is booked once';
COMMENT ON COLUMN tallystick.collection.collected_reference
IS 'The provider''s id of the money itself, as pi_…: refunds and disputes name it';
COMMENT ON COLUMN tallystick.collection.kind IS 'How it stands to the payment';
COMMENT ON COLUMN tallystick.collection.amount IS 'Minor units';
COMMENT ON COLUMN tallystick.collection.currency IS 'ISO 4217 code';
COMMENT ON COLUMN tallystick.collection.is_suspended
IS 'Whether it waits in suspense: what takes it back takes it from there';
COMMENT ON COLUMN tallystick.collection.posting_id IS 'The posting that booked it';
COMMENT ON COLUMN tallystick.collection.occurred_at IS 'The provider''s clock';
COMMENT ON COLUMN tallystick.collection.created_at IS 'Our clock';
-- A provider's money came once.
CREATE UNIQUE INDEX one_collection_a_collected_reference
ON tallystick.collection (provider, collected_reference)
WHERE collected_reference IS NOT NULL;
CREATE INDEX collections_of_payment ON tallystick.collection (payment_id, id)
WHERE payment_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (collected_reference)
ON tallystick.collection TO tallystick_application;

CREATE TABLE tallystick.refund (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES tallystick.payment (id),
    amount bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    provider text NOT NULL,
    origin text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    caller text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    request_id text NOT NULL,
    reference text,
    failure_code text,
    failure_detail text,
    held_posting_id uuid,
    posting_id uuid,
    released_posting_id uuid,
    is_suspended boolean NOT NULL DEFAULT FALSE,
    expires_at timestamptz NOT NULL,
    waiting_since timestamptz,
    look_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    settled_at timestamptz,
    CONSTRAINT one_refund_a_caller_and_key UNIQUE (caller, key),
    CONSTRAINT amount_is_positive CHECK (amount BETWEEN 1 AND 9007199254740991),
    CONSTRAINT origin_is_known CHECK (origin IN ('ours', 'provider')),
    CONSTRAINT state_is_known CHECK (
        state IN (
            'awaiting_approval', 'created', 'sending', 'submitted', 'unknown', 'review',
            'settled', 'failed', 'expired', 'cancelled', 'declined'
        )
    ),
    CONSTRAINT reason_is_known CHECK (
        reason IN ('requested_by_customer', 'duplicate', 'fraudulent', 'other')
    ),
    CONSTRAINT actor_is_short CHECK (length(actor) BETWEEN 1 AND 200),
    CONSTRAINT key_is_short CHECK (length(key) BETWEEN 1 AND 255),
    CONSTRAINT fingerprint_is_sha256 CHECK (length(fingerprint) = 32),
    CONSTRAINT ours_hold_the_money_first CHECK ((origin = 'ours') = (held_posting_id IS NOT NULL)),
    CONSTRAINT settled_or_settled_at_null CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CONSTRAINT settled_or_posting_null CHECK ((state = 'settled') = (posting_id IS NOT NULL)),
    CONSTRAINT given_back_where_nothing_was_refunded CHECK (
        (released_posting_id IS NOT NULL)
        = (state IN ('failed', 'expired', 'cancelled', 'declined') AND origin = 'ours')
    ),
    CONSTRAINT failed_refunds_say_why CHECK (state <> 'failed' OR failure_code IS NOT NULL)
);
COMMENT ON TABLE tallystick.refund IS 'Money of a payment that goes back to who paid it';
COMMENT ON COLUMN tallystick.refund.id IS 'Identity, UUID version 7, shown as ref_…';
COMMENT ON COLUMN tallystick.refund.payment_id IS 'The payment that it gives back, or a part of it';
COMMENT ON COLUMN tallystick.refund.amount IS 'Minor units';
COMMENT ON COLUMN tallystick.refund.currency IS 'ISO 4217 code, the payment''s';
COMMENT ON COLUMN tallystick.refund.provider IS 'Who gives it back, the payment''s';
COMMENT ON COLUMN tallystick.refund.origin
IS 'ours: asked for here, held first; provider: made there without us, booked as it is';
COMMENT ON COLUMN tallystick.refund.state IS 'Where it stands; the moves are rows of payment_step';
COMMENT ON COLUMN tallystick.refund.reason IS 'Why, as a code that providers know';
COMMENT ON COLUMN tallystick.refund.actor IS 'Who started it, as person:…, or provider:stripe';
COMMENT ON COLUMN tallystick.refund.caller IS 'Who asked, for the idempotency key';
COMMENT ON COLUMN tallystick.refund.key IS 'The caller''s idempotency key: one refund a key, for ever';
COMMENT ON COLUMN tallystick.refund.fingerprint
IS 'SHA-256 of what was asked, to tell a replay from another request';
COMMENT ON COLUMN tallystick.refund.request_id IS 'The request or event that made it';
COMMENT ON COLUMN tallystick.refund.reference IS 'The provider''s id of it, as re_…';
COMMENT ON COLUMN tallystick.refund.failure_code IS 'Stable code of the refusal';
COMMENT ON COLUMN tallystick.refund.failure_detail IS 'The refusal as a sentence for people';
COMMENT ON COLUMN tallystick.refund.held_posting_id IS 'The posting that set the money aside';
COMMENT ON COLUMN tallystick.refund.posting_id IS 'The posting that took it out of the wallet';
COMMENT ON COLUMN tallystick.refund.released_posting_id IS 'The posting that gave the held money back';
COMMENT ON COLUMN tallystick.refund.is_suspended
IS 'Whether it was taken from suspense and not from the wallet: it comes back there';
COMMENT ON COLUMN tallystick.refund.expires_at IS 'Past it nothing is sent any more';
COMMENT ON COLUMN tallystick.refund.waiting_since IS 'Since when the provider''s word is awaited';
COMMENT ON COLUMN tallystick.refund.look_at
IS 'When the janitor looks at it next (our clock); null where there is nothing to wait for';
COMMENT ON COLUMN tallystick.refund.created_at IS 'Our clock';
COMMENT ON COLUMN tallystick.refund.updated_at IS 'Our clock at the last change';
COMMENT ON COLUMN tallystick.refund.settled_at IS 'Our clock when it was booked';
-- A provider's object belongs to one refund.
CREATE UNIQUE INDEX one_refund_a_reference ON tallystick.refund (provider, reference)
WHERE reference IS NOT NULL;
CREATE INDEX refunds_of_payment ON tallystick.refund (payment_id, id);
-- What the janitor looks at, the first due first.
CREATE INDEX refunds_to_look_at ON tallystick.refund (look_at) WHERE look_at IS NOT NULL;
GRANT SELECT, INSERT ON tallystick.refund TO tallystick_application;
GRANT UPDATE (
    state, reference, failure_code, failure_detail, posting_id, released_posting_id, settled_at,
    is_suspended, waiting_since, look_at, updated_at
) ON tallystick.refund TO tallystick_application;

ALTER TABLE tallystick.payment_step
ADD COLUMN refund_id uuid REFERENCES tallystick.refund (id),
DROP CONSTRAINT moves_along_the_state_table,
ADD CONSTRAINT moves_along_the_state_table CHECK (
    (state_before = 'none' AND state IN ('awaiting_approval', 'created'))
    OR (state_before = 'none' AND state IN ('settled', 'failed') AND refund_id IS NOT NULL)
    OR (state_before = 'awaiting_approval' AND state IN ('created', 'declined', 'expired', 'cancelled'))
    OR (state_before = 'created' AND state IN ('sending', 'cancelled', 'expired'))
    OR (state_before = 'sending' AND state IN ('submitted', 'settled', 'failed', 'unknown'))
    OR (state_before = 'submitted' AND state IN ('settled', 'failed', 'expired', 'unknown'))
    OR (
        state_before = 'unknown'
        AND state IN ('submitted', 'settled', 'failed', 'expired', 'review')
    )
    OR (state_before = 'review' AND state IN ('settled', 'failed'))
    OR (state_before = state AND note <> '')
);
COMMENT ON COLUMN tallystick.payment_step.refund_id
IS 'The refund of the payment that moved; null where the payment itself did';

ALTER TABLE tallystick.attempt
ADD COLUMN refund_id uuid REFERENCES tallystick.refund (id),
DROP CONSTRAINT one_attempt_a_number;
COMMENT ON COLUMN tallystick.attempt.refund_id
IS 'The refund that it serves; null where it serves the payment itself';
CREATE UNIQUE INDEX one_attempt_a_number
ON tallystick.attempt (payment_id, coalesce(refund_id, payment_id), number);
DROP INDEX tallystick.one_open_attempt_a_payment;
-- Only the run that opened the attempt may call.
CREATE UNIQUE INDEX one_open_attempt_a_payment_or_refund
ON tallystick.attempt (coalesce(refund_id, payment_id))
WHERE ended_at IS NULL;

CREATE TABLE tallystick.dispute (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES tallystick.payment (id),
    provider text NOT NULL,
    reference text NOT NULL,
    amount bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,
    withdrawn_posting_id uuid,
    reinstated_posting_id uuid,
    is_suspended boolean NOT NULL DEFAULT FALSE,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT one_dispute_a_reference UNIQUE (provider, reference),
    CONSTRAINT amount_is_positive CHECK (amount BETWEEN 1 AND 9007199254740991),
    CONSTRAINT reason_is_short CHECK (length(reason) BETWEEN 1 AND 100),
    CONSTRAINT state_is_known CHECK (state IN ('open', 'won', 'lost')),
    CONSTRAINT closed_or_closed_at_null CHECK ((state = 'open') = (closed_at IS NULL)),
    CONSTRAINT given_back_after_it_was_taken CHECK (
        reinstated_posting_id IS NULL OR withdrawn_posting_id IS NOT NULL
    )
);
COMMENT ON TABLE tallystick.dispute IS 'Who paid asks the bank for the money back';
COMMENT ON COLUMN tallystick.dispute.id IS 'Identity, UUID version 7, shown as dis_…';
COMMENT ON COLUMN tallystick.dispute.payment_id IS 'The payment that is disputed';
COMMENT ON COLUMN tallystick.dispute.provider IS 'Who told us';
COMMENT ON COLUMN tallystick.dispute.reference IS 'The provider''s id of it, as du_…';
COMMENT ON COLUMN tallystick.dispute.amount IS 'Minor units that are disputed';
COMMENT ON COLUMN tallystick.dispute.currency IS 'ISO 4217 code, the payment''s';
COMMENT ON COLUMN tallystick.dispute.reason IS 'The provider''s code for why';
COMMENT ON COLUMN tallystick.dispute.state IS 'open, then won or lost, as the provider says';
COMMENT ON COLUMN tallystick.dispute.withdrawn_posting_id IS 'The posting that took the money';
COMMENT ON COLUMN tallystick.dispute.reinstated_posting_id IS 'The posting that gave it back';
COMMENT ON COLUMN tallystick.dispute.is_suspended
IS 'Whether it was taken from suspense and not from the wallet: it comes back there';
COMMENT ON COLUMN tallystick.dispute.opened_at IS 'The provider''s clock';
COMMENT ON COLUMN tallystick.dispute.closed_at IS 'The provider''s clock when it was decided';
COMMENT ON COLUMN tallystick.dispute.created_at IS 'Our clock';
CREATE INDEX disputes_of_payment ON tallystick.dispute (payment_id, id);
GRANT SELECT, INSERT ON tallystick.dispute TO tallystick_application;
GRANT UPDATE (
    state, withdrawn_posting_id, reinstated_posting_id, is_suspended, closed_at
) ON tallystick.dispute TO tallystick_application;

CREATE TABLE tallystick.news (
    id uuid PRIMARY KEY,
    payment_id uuid REFERENCES tallystick.payment (id),
    provider text NOT NULL,
    kind text NOT NULL,
    reference text NOT NULL,
    amount bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    posting_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT one_piece_of_news_a_fact UNIQUE (provider, kind, reference),
    CONSTRAINT kind_is_known CHECK (
        kind IN ('refund_late', 'refund_returned', 'refund_other_amount', 'refund_unclaimed')
    ),
    CONSTRAINT amount_is_positive CHECK (amount BETWEEN 1 AND 9007199254740991)
);
COMMENT ON TABLE tallystick.news
IS 'What became of refunds after or beside what we asked for, each booked with its own posting';
COMMENT ON COLUMN tallystick.news.id IS 'Identity, UUID version 7';
COMMENT ON COLUMN tallystick.news.payment_id IS 'The payment that it is about; null where there is none';
COMMENT ON COLUMN tallystick.news.provider IS 'Who told us';
COMMENT ON COLUMN tallystick.news.kind IS 'What happened';
COMMENT ON COLUMN tallystick.news.reference IS 'The provider''s id of the object that it happened to';
COMMENT ON COLUMN tallystick.news.amount IS 'Minor units that moved';
COMMENT ON COLUMN tallystick.news.currency IS 'ISO 4217 code';
COMMENT ON COLUMN tallystick.news.posting_id IS 'The posting that booked it';
COMMENT ON COLUMN tallystick.news.occurred_at IS 'The provider''s clock';
COMMENT ON COLUMN tallystick.news.created_at IS 'Our clock';
CREATE INDEX news_of_payment ON tallystick.news (payment_id, id) WHERE payment_id IS NOT NULL;
GRANT SELECT, INSERT ON tallystick.news TO tallystick_application;

CREATE TABLE tallystick.review (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL,
    payment_id uuid REFERENCES tallystick.payment (id),
    provider text NOT NULL,
    question text NOT NULL,
    state text NOT NULL DEFAULT 'open',
    opened_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by text,
    reason text,
    CONSTRAINT one_review_a_kind_and_subject UNIQUE (kind, subject),
    CONSTRAINT kind_is_named CHECK (kind ~ '^[a-z][a-z_]{0,39}$'),
    CONSTRAINT subject_is_short CHECK (length(subject) BETWEEN 1 AND 300),
    CONSTRAINT question_is_short CHECK (length(question) BETWEEN 1 AND 500),
    CONSTRAINT state_is_known CHECK (state IN ('open', 'resolved')),
    CONSTRAINT resolved_by_somebody_for_a_reason CHECK (
        (state = 'resolved')
        = (resolved_at IS NOT NULL AND resolved_by IS NOT NULL AND reason IS NOT NULL)
    ),
    CONSTRAINT reason_is_short CHECK (length(reason) BETWEEN 1 AND 500)
);
COMMENT ON TABLE tallystick.review IS 'A question about money that a person must answer';
COMMENT ON COLUMN tallystick.review.id IS 'Identity, UUID version 7, shown as rev_…';
COMMENT ON COLUMN tallystick.review.kind IS 'What is asked, as paid_other_amount';
COMMENT ON COLUMN tallystick.review.subject IS 'What it is asked about: an id of ours or of the provider''s';
COMMENT ON COLUMN tallystick.review.payment_id IS 'The payment that it is about, if there is one';
COMMENT ON COLUMN tallystick.review.provider IS 'Whose report raised it';
COMMENT ON COLUMN tallystick.review.question IS 'The question as a sentence';
COMMENT ON COLUMN tallystick.review.state IS 'open, then resolved';
COMMENT ON COLUMN tallystick.review.opened_at IS 'Our clock';
COMMENT ON COLUMN tallystick.review.resolved_at IS 'Our clock when a person answered';
COMMENT ON COLUMN tallystick.review.resolved_by IS 'Who answered';
COMMENT ON COLUMN tallystick.review.reason IS 'What they answered';
CREATE INDEX open_reviews ON tallystick.review (opened_at) WHERE state = 'open';
CREATE INDEX reviews_of_payment ON tallystick.review (payment_id) WHERE payment_id IS NOT NULL;
GRANT SELECT, INSERT ON tallystick.review TO tallystick_application;
GRANT UPDATE (state, resolved_at, resolved_by, reason) ON tallystick.review TO tallystick_application;

-- Last, as deeds lock it after what they move with it.
ALTER TABLE tallystick.account ADD COLUMN receivable_id uuid;
COMMENT ON COLUMN tallystick.account.receivable_id
IS 'Where claims beyond cover were taken from; set once, it is locked under this account alone';
GRANT UPDATE (receivable_id) ON tallystick.account TO tallystick_application;
