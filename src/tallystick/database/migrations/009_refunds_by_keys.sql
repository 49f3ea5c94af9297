-- Keys may refund, where they are told so.

ALTER TABLE tallystick.api_key
DROP CONSTRAINT scopes_are_known,
ADD CONSTRAINT scopes_are_known CHECK (
    scopes <@ ARRAY[
        'wallets:read', 'wallets:write', 'payments:read', 'payments:write',
        'transfers:read', 'transfers:write', 'refunds:write'
    ]
);
