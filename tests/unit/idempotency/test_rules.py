"""What makes two requests the same."""

from __future__ import annotations

import pytest

from tallystick.idempotency import fingerprint


class TestFingerprint:
    def test_is_a_sha256(self):
        assert len(fingerprint("POST", "/api/transfers", b"{}")) == 32

    @pytest.mark.parametrize(
        "other",
        [
            ("PUT", "/api/transfers", b"{}"),
            ("POST", "/api/transfer", b"s{}"),
            ("POST/api", "/transfers", b"{}"),
            ("POST", "/api/transfers", b"{ }"),
        ],
    )
    def test_differs_with_any_part_and_where_it_ends(self, other):
        assert fingerprint(*other) != fingerprint("POST", "/api/transfers", b"{}")
