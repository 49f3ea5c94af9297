"""What makes two requests the same."""

from __future__ import annotations

import pytest

from tallystick.idempotency import (
    Claim,
    InFlight,
    KeyInvalid,
    KeyReused,
    Outcome,
    Record,
    fingerprint,
    judge,
)


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


class TestClaim:
    @pytest.mark.parametrize("text", ["", "x" * 256, "a\0b", "\ud800"])
    @pytest.mark.parametrize("side", ["caller", "key"])
    def test_refuses_what_could_not_be_kept(self, text, side):
        with pytest.raises(KeyInvalid):
            Claim(**{"caller": "c", "key": "k", "fingerprint": bytes(32), side: text})


class TestJudge:
    ASKED = Claim("c", "k", bytes(32))

    def test_gives_the_outcome_of_the_same_request(self):
        kept = Outcome(201, b"{}")
        assert judge(self.ASKED, Record(bytes(32), kept)) == kept

    @pytest.mark.parametrize("outcome", [None, Outcome(201, b"{}")])
    def test_refuses_another_request_whether_it_has_ended_or_not(self, outcome):
        assert isinstance(judge(self.ASKED, Record(b"\1" * 32, outcome)), KeyReused)

    def test_sends_away_while_there_is_no_outcome(self):
        assert isinstance(judge(self.ASKED, Record(bytes(32), None)), InFlight)
