-- Keys may refund, where they are told so; operators find payments by their state.

ALTER TABLE tallystick.api_key
DROP CONSTRAINT scopes_are_known,
ADD CONSTRAINT scopes_are_known CHECK (
    scopes <@ ARRAY[
        'wallets:read', 'wallets:write', 'payments:read', 'payments:write',
        'transfers:read', 'transfers:write', 'refunds:write'
    ]
);
-- What operators list, the newest first.
CREATE INDEX payments_by_state ON tallystick.payment (state, id);
