"""Ids are shown with a prefix and read back strictly."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick import ids


class TestNew:
    def test_is_of_version_seven_and_ordered_by_time(self):
        made = [ids.new() for _ in range(1000)]
        assert {identity.version for identity in made} == {7}
        assert made == sorted(made)
        assert type(made[0]) is UUID


class TestRead:
    @given(st.uuids())
    def test_reads_back_what_is_shown(self, identity):
        assert ids.read("pay", ids.show("pay", identity)) == identity

    @pytest.mark.parametrize(
        "text",
        [
            "", "pay", "pay_", "wal_" + "0" * 26, "pay_" + "0" * 25, "pay_" + "0" * 27,
            "pay_" + "U" * 26, "pay_" + "z" * 26, "PAY_" + "0" * 26, "pay_" + "0" * 25 + "\n",
            "pay_" + "0" * 25 + "i",
        ],
    )  # fmt: skip
    def test_refuses_what_show_never_made(self, text):
        with pytest.raises(ids.IdMalformed):
            ids.read("pay", text)

    @given(st.uuids(), st.uuids())
    def test_keeps_the_order(self, one, other):
        assert (ids.show("x", one) < ids.show("x", other)) == (one < other)
